//! Where a retry policy stands.

use crate::Name;
use crate::budget::BudgetSnapshot;
use std::sync::atomic::AtomicU64;

/// Where a retry policy stands; counts since it was built.
#[derive(Clone, Debug, PartialEq)]
pub struct RetrySnapshot {
    /// The policy's name.
    pub name: Name,
    /// Calls begun.
    pub calls: u64,
    /// Attempts beyond the first ones begun.
    pub retries: u64,
    /// Calls that ended well, at whichever attempt.
    pub successful: u64,
    /// Calls that ended well after a retry.
    pub rescued: u64,
    /// Calls that ended as failures.
    pub failed: u64,
    /// Failure rate of the last 10 s' attempts, 0 to 1.
    pub recent_failure_rate: f64,
    /// The budget, if the policy has one.
    pub budget: Option<BudgetSnapshot>,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) calls: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) successful: AtomicU64,
    pub(super) rescued: AtomicU64,
    pub(super) failed: AtomicU64,
}
