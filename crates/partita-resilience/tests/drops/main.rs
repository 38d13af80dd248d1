//! A call that is polled any number of times and dropped leaves each policy as if it had never been made.
//!
//! What it did for good stays: an attempt that ended is counted, one that was begun stays paid for in its budget, and a
//! rate limit's moment that has come stays spent.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod bodies;
mod breaker;
mod calls;
mod harness;
mod layers;
mod limits;
mod pool;
mod refresh;
mod stack;
mod tasks;
