//! Where a pool stands.

use std::time::Duration;

/// Counts of a pool; those of the past since it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSnapshot {
    /// Its name.
    pub name: crate::Name,
    /// Work under way on the pool's threads.
    pub active: u32,
    /// Threads that could take work now, those not yet started included.
    pub available: u32,
    /// Work in the queue.
    pub queued: usize,
    /// Async callers that wait for room in the queue.
    pub waiting: usize,
    /// Threads there are.
    pub pool_size: usize,
    /// Work that came, whatever became of it.
    pub submitted: u64,
    /// Work that ended well, on whichever thread.
    pub completed: u64,
    /// Work that ended with an error or a panic.
    pub failed: u64,
    /// Work whose caller went away before it was begun.
    pub cancelled: u64,
    /// Work refused.
    pub rejected: u64,
    /// Work that the blocking entry ran on its caller's thread.
    pub caller_ran: u64,
    /// Times that threads and queue were full.
    pub saturated_count: u64,
    /// Median wait from arrival to begin over the last 30 to 60 s.
    pub wait_p50: Duration,
    /// 99th percentile of that wait.
    pub wait_p99: Duration,
}
