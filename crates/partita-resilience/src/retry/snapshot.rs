//! Where a retry policy stands.

use crate::Name;
use crate::budget::BudgetSnapshot;
use crate::stripe::Striped;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// Counters of calls: each call writes two of them.
#[derive(Debug, Default)]
pub(super) struct Counts(Striped<[AtomicU64; 5]>);

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Count {
    Calls,
    Retries,
    Successful,
    Rescued,
    Failed,
}

impl Counts {
    #[inline(always)]
    pub(super) fn add(&self, count: Count) {
        let mine = self.0.mine();
        mine.update(&mine.cell[count as usize], |old| old.wrapping_add(1));
    }

    /// Wraps in its stripe where another thread added; the sum is right.
    pub(super) fn take_back(&self, count: Count) {
        let mine = self.0.mine();
        mine.update(&mine.cell[count as usize], |old| old.wrapping_sub(1));
    }

    pub(super) fn read(&self, count: Count) -> u64 {
        self.0.every().fold(0, |sum, stripe| sum.wrapping_add(stripe[count as usize].load(Ordering::Relaxed)))
    }
}
