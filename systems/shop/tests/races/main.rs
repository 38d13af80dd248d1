//! Many orders at once, in process: who wins, who waits for whom, and what a long history costs.

mod cancel;
mod conflicts;
mod counting;
mod scale;
mod storage;
mod wiring;
