//! Where a timeout policy stands.

use crate::Name;
use std::time::Duration;

/// Where a timeout policy stands; counts since it was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeoutSnapshot {
    /// The policy's name.
    pub name: Name,
    /// The limit of a first attempt now.
    pub limit: Duration,
    /// Calls that ended in time.
    pub in_time: u64,
    /// Calls that were cut off.
    pub timed_out: u64,
    /// The observed quantile, if the rule follows one and there are enough calls.
    pub observed: Option<Duration>,
}
