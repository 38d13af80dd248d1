//! What a window of calls holds, for snapshots and events.

use std::time::Duration;

/// The calls in a window at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WindowView {
    /// Calls that count: successes and failures.
    pub total: u64,
    /// Failures among them.
    pub failed: u64,
    /// Calls slower than the limit, failed or not.
    pub slow: u64,
    /// How far back the window reaches; None for a window of calls.
    pub reach: Option<Duration>,
}

impl WindowView {
    /// Failures out of all, 0 to 1; 0 for an empty window.
    pub fn failure_rate(&self) -> f64 {
        rate(self.failed, self.total)
    }

    /// Slow calls out of all, 0 to 1; 0 for an empty window.
    pub fn slow_rate(&self) -> f64 {
        rate(self.slow, self.total)
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts of calls are far below 2^52")]
fn rate(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
