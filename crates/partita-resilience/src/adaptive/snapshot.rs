//! Where an adaptive limit stands.

use std::time::Duration;

/// Where an adaptive limit stands; counts of the past since it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdaptiveSnapshot {
    /// Its name.
    pub name: crate::Name,
    /// The limit.
    pub limit: u32,
    /// Calls under way.
    pub in_flight: u32,
    /// Calls let through.
    pub admitted: u64,
    /// Calls refused.
    pub rejected: u64,
    /// Latency of the last window: the mean of the fastest nine in ten.
    pub latency: Duration,
    /// That latency without waiting, as it is taken to be.
    pub baseline: Duration,
}
