//! One shape for every circuit breaker, so that one scenario runs against all.

use futures_util::future::BoxFuture;
use std::time::Duration;

/// A call's work.
pub(crate) type Work = BoxFuture<'static, Result<(), Fault>>;

/// How the work fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The dependency failed.
    Failure,
    /// The caller's own mistake, which says nothing about the dependency.
    Ignored,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Fault {}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The work was done, well or badly.
    Worked,
    /// The breaker refused it.
    Rejected,
}

/// What a scenario wants of its breaker. A peer takes what it has an option for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    /// Calls in the window.
    pub(crate) window: usize,
    /// Reach of the window, for those that count by time.
    pub(crate) reach: Duration,
    /// Calls before the rate counts.
    pub(crate) min_calls: usize,
    /// Failures out of all that open it.
    pub(crate) failure_rate: f64,
    /// Wait while open.
    pub(crate) open: Duration,
    /// Probes at once while half-open.
    pub(crate) probes: usize,
    /// Longest time in half-open.
    pub(crate) half_open_max: Duration,
    /// From here on a call is slow.
    pub(crate) slow: Duration,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            window: 10,
            reach: Duration::from_secs(1),
            min_calls: 10,
            failure_rate: 0.5,
            open: Duration::from_millis(60),
            probes: 3,
            half_open_max: Duration::from_millis(150),
            slow: Duration::from_secs(1),
        }
    }
}

/// A circuit breaker; clones share its state.
pub(crate) trait Breaker: Send + Sync {
    /// Runs `work` through it. Nothing happens before the first poll.
    fn call(&self, work: Work) -> BoxFuture<'static, End>;
}

/// A crate under comparison.
#[derive(Clone, Copy)]
pub(crate) struct Peer {
    /// Its name and version.
    pub(crate) name: &'static str,
    /// Makes a breaker.
    pub(crate) make: fn(Setup) -> Box<dyn Breaker>,
}
