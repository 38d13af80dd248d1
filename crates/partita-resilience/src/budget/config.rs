//! Settings of a budget.

use super::Budget;
use crate::{BuildError, PolicyKind, Timing};
use std::time::Duration;

/// Settings of a [`Budget`].
#[derive(Clone, Debug)]
#[must_use]
pub struct BudgetBuilder {
    pub(super) ratio: f64,
    pub(super) floor: f64,
    pub(super) expiry: Duration,
    pub(super) timing: Timing,
}

impl BudgetBuilder {
    pub(super) fn new() -> Self {
        Self { ratio: 0.1, floor: 3.0, expiry: Duration::from_secs(10), timing: Timing::system() }
    }

    /// Extra attempts that each first attempt deposits, 0 to 1, to three decimals. Default 0.1: an outage adds a tenth.
    pub const fn ratio(mut self, ratio: f64) -> Self {
        self.ratio = ratio;
        self
    }

    /// Extra attempts a second that are allowed whatever was deposited, at most one second's worth at once. Default 3: a
    /// caller with little traffic may retry, and it burdens nobody.
    pub const fn floor_per_second(mut self, floor: f64) -> Self {
        self.floor = floor;
        self
    }

    /// How long a deposit lasts, to a tenth of it. Default 10 s: savings of a quiet time must not feed a storm.
    pub const fn expiry(mut self, expiry: Duration) -> Self {
        self.expiry = expiry;
        self
    }

    /// Reads time here; default [`Timing::system`].
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Makes the budget.
    ///
    /// # Errors
    /// A setting that can only be a mistake.
    pub fn build(self) -> Result<Budget, BuildError> {
        let refuse = |option, why: &str| Err(BuildError::new(PolicyKind::Retry, option, why));
        if !(0.0..=1.0).contains(&self.ratio) {
            return refuse("budget_ratio", "must be from 0 to 1; 0.1 adds at most a tenth of the load");
        }
        if !(0.0..=1_000_000.0).contains(&self.floor) {
            return refuse("budget_floor_per_s", "must be from 0 to 1,000,000 attempts a second; 3 is usual");
        }
        if self.expiry < Duration::from_millis(10) || self.expiry > Duration::from_secs(86_400) {
            return refuse("budget_expiry", "must be from 10 ms to a day; 10 s is usual");
        }
        Ok(Budget::new(&self))
    }
}
