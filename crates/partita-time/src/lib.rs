//! Clock, Spawner and Entropy: what a process is given by the machine it runs on.
//!
//! No other crate of the suite reads the time, waits, spawns or draws randomness by itself. A test that hands in tokio's
//! paused clock, a task group and a seed therefore controls everything that could make two runs differ, and can end a
//! process at any point by dropping its group.

mod backoff;
mod clock;
mod coarse;
mod entropy;
mod manual;
mod spawn;
mod timestamp;

use std::sync::Arc;

pub use backoff::Backoff;
pub use clock::{Clock, Elapsed, Sleep, TokioClock, timeout};
pub use coarse::{CoarseClock, Lag};
pub use entropy::Entropy;
pub use manual::ManualClock;
pub use spawn::{BoxFuture, Runtime, Spawner, TaskGroup};
pub use timestamp::Timestamp;

/// What one process is given: time, tasks and randomness.
#[derive(Clone, Debug)]
pub struct Host {
    /// Tells the time and waits.
    pub clock: Arc<dyn Clock>,
    /// Runs tasks that live as long as the process.
    pub spawner: Arc<dyn Spawner>,
    /// Draws ids and jitter.
    pub entropy: Arc<Entropy>,
}

impl Host {
    /// The real machine: tokio's clock, a task group of its own, and randomness from the operating system.
    ///
    /// Returns the group too; dropping it ends every task of the host.
    pub fn system() -> (Self, TaskGroup) {
        let group = TaskGroup::new();
        let host = Self {
            clock: Arc::new(TokioClock::system()),
            spawner: Arc::new(group.clone()),
            entropy: Arc::new(Entropy::from_system()),
        };
        (host, group)
    }
}

/// The example of the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
