//! Many orders at once, in process: who wins, who waits for whom, and what a long history costs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "helpers of tests may, as tests may")]

mod cancel;
mod conflicts;
mod counting;
mod keys;
mod scale;
mod storage;
mod wiring;
