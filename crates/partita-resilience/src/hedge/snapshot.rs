//! Where a hedge policy stands.

use crate::budget::BudgetSnapshot;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// Where a hedge policy stands; counts since it was built.
#[derive(Clone, Debug, PartialEq)]
pub struct HedgeSnapshot {
    /// The policy's name.
    pub name: crate::Name,
    /// Calls begun.
    pub calls: u64,
    /// Attempts beside the first ones begun.
    pub hedges: u64,
    /// Calls that a hedge won.
    pub won_by_hedge: u64,
    /// Calls in which every attempt failed.
    pub failed: u64,
    /// Hedges not begun when they were due: the budget was spent, the breaker not closed, or too little room left.
    pub refused: u64,
    /// After how long a hedge begins; None until enough calls were observed.
    pub delay: Option<Duration>,
    /// The budget of the hedges.
    pub budget: BudgetSnapshot,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) calls: AtomicU64,
    pub(super) hedges: AtomicU64,
    pub(super) won_by_hedge: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) refused: AtomicU64,
}
