//! The one place of this tool that reads the clock.

use std::time::{Duration, Instant};

/// Measures from its start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "children run in wall time, so their bounds and times are wall time")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// What is left of `bound`; zero when it is used up.
    pub(crate) fn left(&self, bound: Duration) -> Duration {
        bound.saturating_sub(self.elapsed())
    }
}
