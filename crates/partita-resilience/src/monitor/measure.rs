//! From snapshots to measurements.

use super::{PolicySnapshot, What};
use crate::breaker::{Mode, State};
use crate::budget::BudgetSnapshot;
use crate::join::OptionalSnapshot;

/// Counts of a policy since it was made: those that went wrong, and all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    wrong: u64,
    all: u64,
}

impl Count {
    const fn new(wrong: u64, right: u64) -> Self {
        Self { wrong, all: wrong.saturating_add(right) }
    }

    /// The share of what went wrong since `before`, none where nothing came; None with fewer than `least` in all.
    #[allow(clippy::cast_precision_loss, reason = "counts of calls are far below 2^52")]
    pub(super) fn share_since(self, before: Self, least: u64) -> Option<f64> {
        let (wrong, all) = (self.wrong.saturating_sub(before.wrong), self.all.saturating_sub(before.all));
        match all {
            0 => Some(0.0),
            all => (all >= least).then(|| wrong as f64 / all as f64),
        }
    }
}

/// A measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Measure {
    /// As it is now, 0 to 1.
    Now(f64),
    /// To be held against the look before.
    Counted(Count),
}

/// All that can be measured of a policy.
pub(super) fn of(snapshot: &PolicySnapshot) -> Vec<(What, Measure)> {
    let counted = |what, wrong, right| (what, Measure::Counted(Count::new(wrong, right)));
    let used = |used: u32, all: u32| (What::Saturated, Measure::Now(part(used, all)));
    match snapshot {
        PolicySnapshot::Adaptive(s) => {
            vec![used(s.in_flight, s.limit), counted(What::Rejected, s.rejected, s.admitted)]
        }
        PolicySnapshot::Breaker(s) => vec![(What::Breaker, Measure::Now(openness(s.state, s.mode)))],
        PolicySnapshot::Breakers(s) => vec![counted(What::Rejected, s.rejected, s.total)],
        PolicySnapshot::Bulkhead(s) => {
            let passed = s.submitted.saturating_sub(s.rejected);
            vec![used(s.active, s.pool_size), counted(What::Rejected, s.rejected, passed)]
        }
        PolicySnapshot::Deadline(s) => {
            let begun = s.in_time.saturating_add(s.timed_out);
            vec![counted(What::Rejected, s.refused, begun), counted(What::TimedOut, s.timed_out, s.in_time)]
        }
        PolicySnapshot::Hedge(s) => vec![budget(&s.budget)],
        PolicySnapshot::Join(s) => {
            let sum = |of: fn(&OptionalSnapshot) -> u64| s.optional.iter().map(of).sum::<u64>();
            let defaulted = sum(|calls| calls.failed) + sum(|calls| calls.timed_out);
            vec![counted(What::Defaulted, defaulted, sum(|calls| calls.answered))]
        }
        PolicySnapshot::Limiter(s) => vec![counted(What::Rejected, s.rejected, s.admitted)],
        PolicySnapshot::Pool(s) => {
            let passed = s.submitted.saturating_sub(s.rejected);
            let places = s.active.saturating_add(s.available);
            vec![used(s.active, places), counted(What::Rejected, s.rejected, passed)]
        }
        PolicySnapshot::Retry(s) => s.budget.iter().map(budget).collect(),
        PolicySnapshot::Shed(s) => {
            let all = [&s.low, &s.normal, &s.critical];
            let (rejected, admitted) = (all.map(|counts| counts.rejected), all.map(|counts| counts.admitted));
            let rejected = counted(What::Rejected, rejected.iter().sum(), admitted.iter().sum());
            vec![used(s.in_flight, s.critical.most), rejected]
        }
        PolicySnapshot::Timeout(s) => vec![counted(What::TimedOut, s.timed_out, s.in_time)],
        PolicySnapshot::Cache(_) | PolicySnapshot::Coalesce(_) | PolicySnapshot::Fallback(_) => Vec::new(),
    }
}

const fn budget(budget: &BudgetSnapshot) -> (What, Measure) {
    (What::BudgetSpent, Measure::Counted(Count::new(budget.refused, budget.withdrawn)))
}

fn part(used: u32, all: u32) -> f64 {
    if all == 0 { 1.0 } else { (f64::from(used) / f64::from(all)).min(1.0) }
}

const fn openness(state: State, mode: Mode) -> f64 {
    match (mode, state) {
        (Mode::Disabled | Mode::MetricsOnly, _) | (Mode::Automatic, State::Closed) => 0.0,
        (Mode::ForcedOpen, _) | (Mode::Automatic, State::Open) => 1.0,
        (Mode::Automatic, State::HalfOpen | State::Ramp) => 0.5,
    }
}
