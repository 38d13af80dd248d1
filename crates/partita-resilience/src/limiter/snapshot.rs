//! Where a limiter stands.

use crate::keyed::KeyedSnapshot;
use std::time::Duration;

/// Where a limiter stands; counts of the past since it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimiterSnapshot {
    /// Its name.
    pub name: crate::Name,
    /// The limit as configured.
    pub limit: u32,
    /// What could pass now; for a keyed limiter, of the quota that keys without room share.
    pub remaining: u32,
    /// When the whole quota is there again if nothing more passes, as time since the clock was made.
    pub reset_at: Duration,
    /// Reservations that wait.
    pub waiting: usize,
    /// Calls let through.
    pub admitted: u64,
    /// Calls refused.
    pub rejected: u64,
    /// The keys of a keyed limiter.
    pub keys: Option<KeyedSnapshot>,
}
