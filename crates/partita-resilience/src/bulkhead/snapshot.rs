//! Where a bulkhead stands.

use crate::Name;
use std::time::Duration;

/// Counts of a bulkhead; those of the past since it was made. Exact while no call begins or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkheadSnapshot {
    /// Its name.
    pub name: Name,
    /// Calls under way.
    pub active: u32,
    /// Permits free.
    pub available: u32,
    /// Calls that wait for a permit.
    pub queued: usize,
    /// Permits in all.
    pub pool_size: u32,
    /// Calls that came, whatever became of them.
    pub submitted: u64,
    /// Calls that ended well.
    pub completed: u64,
    /// Calls that ended with an error.
    pub failed: u64,
    /// Calls whose caller went away, in the queue or under way.
    pub cancelled: u64,
    /// Calls refused: no permit, no room in the queue, or too long a wait.
    pub rejected: u64,
    /// Calls that found no permit free.
    pub saturated_count: u64,
    /// Median wait for a permit over the last 30 to 60 s, calls that did not wait included.
    pub wait_p50: Duration,
    /// 99th percentile of that wait.
    pub wait_p99: Duration,
}
