//! What a dependency's callers share.

use super::BudgetBuilder;
use super::credit::{Deposits, Floor, Taken, WHOLE};
use crate::Timing;
use crate::stack::number;
use crate::stripe::{self, Striped};
use crate::timing::nanos;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A deposit expires between nine and ten buckets later.
const BUCKETS: u64 = 10;

/// How much work beyond the first attempts a dependency may be given. Clones share one budget.
#[derive(Clone)]
pub struct Budget(Arc<Core>);

struct Core {
    deposit: u32,
    /// Buckets in a nanosecond, times 2^64.
    buckets_per_nano: u64,
    floor: Option<Floor>,
    deposits: Deposits,
    withdrawn: AtomicU64,
    refused: AtomicU64,
    timing: Timing,
}

/// What a first attempt put into a [`Budget`], which it alone may take back.
#[derive(Clone, Copy, Debug)]
pub struct Deposit {
    tick: u32,
}

/// What a [`Budget`] holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetSnapshot {
    /// Extra attempts that could begin now: deposits and floor together.
    pub available: f64,
    /// Extra attempts begun, or about to.
    pub withdrawn: u64,
    /// Extra attempts refused.
    pub refused: u64,
}

impl Budget {
    /// Settings, at their defaults.
    pub fn builder() -> BudgetBuilder {
        BudgetBuilder::new()
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the ratio is from 0 to 1")]
    pub(super) fn new(settings: &BudgetBuilder) -> Self {
        let bucket_nanos = (nanos(settings.expiry) / BUCKETS).max(2);
        Self(Arc::new(Core {
            deposit: (settings.ratio * f64::from(WHOLE)).round() as u32,
            buckets_per_nano: u64::MAX / bucket_nanos + 1,
            floor: Floor::new(settings.floor),
            deposits: Deposits::new(Striped::default()),
            withdrawn: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            timing: settings.timing.clone(),
        }))
    }

    /// Its settings in words.
    pub(crate) fn explain(&self) -> String {
        let part = number(f64::from(self.0.deposit) / f64::from(WHOLE) * 100.0);
        let floor = number(self.0.floor.as_ref().map_or(0.0, Floor::per_second));
        format!("within {part} % of first attempts and {floor} a second")
    }

    /// A first attempt begins.
    #[inline(always)]
    pub fn deposit(&self) -> Deposit {
        let core = &*self.0;
        if core.deposit == 0 {
            return Deposit { tick: 0 };
        }
        // Whoever spends deposits notices a clock that stands; a deposit need not.
        let tick = core.tick(core.timing.coarse_again());
        core.deposits.put(stripe::mine(), tick, core.deposit);
        Deposit { tick }
    }

    /// A first attempt was dropped before it ended, or refused before it began: takes its deposit back, unless that has
    /// expired or was spent.
    pub fn take_back(&self, deposit: Deposit) {
        let core = &*self.0;
        core.deposits.take_back(core.tick(core.now()), deposit.tick, core.deposit);
    }

    /// Takes one extra attempt; None when the budget is spent. What is dropped unspent is given back.
    pub fn withdraw(&self) -> Option<Withdrawal> {
        let core = &*self.0;
        let now = core.now();
        let from_floor = core.floor.as_ref().is_some_and(|floor| floor.take(now));
        let deposits = if from_floor { None } else { core.deposits.take_whole(core.tick(now)) };
        if from_floor || deposits.is_some() {
            core.withdrawn.fetch_add(1, Ordering::Relaxed);
            return Some(Withdrawal { budget: self.clone(), deposits, spent: false });
        }
        core.refused.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// Where it stands.
    pub fn snapshot(&self) -> BudgetSnapshot {
        let core = &*self.0;
        let now = core.now();
        let deposits = u32::try_from(core.deposits.sum(core.tick(now))).unwrap_or(u32::MAX);
        let floor = core.floor.as_ref().map_or(0, |floor| floor.available(now));
        BudgetSnapshot {
            available: f64::from(deposits) / f64::from(WHOLE) + f64::from(floor),
            withdrawn: core.withdrawn.load(Ordering::Relaxed),
            refused: core.refused.load(Ordering::Relaxed),
        }
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Budget({:?})", self.snapshot())
    }
}

impl Core {
    #[inline]
    fn now(&self) -> u64 {
        self.timing.coarse_nanos()
    }

    /// Multiplied instead of divided: a bucket may end sooner than it should, by less than a millionth.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "ticks wrap")]
    const fn tick(&self, now: u64) -> u32 {
        ((now as u128 * self.buckets_per_nano as u128) >> 64) as u32
    }
}

/// One extra attempt, taken from a [`Budget`]. Dropped before [`Withdrawal::spend`] it is given back; what it took of deposits
/// expires when they do.
#[derive(Debug)]
#[must_use = "dropped unspent it is given back"]
pub struct Withdrawal {
    budget: Budget,
    /// None where the floor gave it.
    deposits: Option<Taken>,
    spent: bool,
}

impl Withdrawal {
    /// The attempt begins: from here on it has cost the dependency work, even if it is cancelled.
    pub fn spend(mut self) {
        self.spent = true;
    }
}

impl Drop for Withdrawal {
    fn drop(&mut self) {
        if self.spent {
            return;
        }
        let core = &*self.budget.0;
        core.withdrawn.fetch_sub(1, Ordering::Relaxed);
        match self.deposits {
            Some(taken) => core.deposits.give_back(taken),
            None => core.floor.iter().for_each(Floor::give_back),
        }
    }
}
