//! Deposits in a ring of buckets, the floor in one word; no lock.

use super::BudgetBuilder;
use crate::Timing;
use crate::stripe::{self, Padded};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A deposit expires between nine and ten buckets later.
const BUCKETS: u64 = 10;
const STRIPES: usize = 4;

/// Deposits are counted in thousandths of an attempt.
const WHOLE: u32 = 1_000;

/// How much work beyond the first attempts a dependency may be given. Clones share one budget.
#[derive(Clone)]
pub struct Budget(Arc<Core>);

struct Core {
    deposit: u32,
    bucket_nanos: u64,
    floor: Option<Floor>,
    stripes: [Padded<Stripe>; STRIPES],
    withdrawn: AtomicU64,
    refused: AtomicU64,
    timing: Timing,
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
        let bucket_nanos = (nanos(settings.expiry) / BUCKETS).max(1);
        Self(Arc::new(Core {
            deposit: (settings.ratio * f64::from(WHOLE)).round() as u32,
            bucket_nanos,
            floor: Floor::new(settings.floor),
            stripes: Default::default(),
            withdrawn: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            timing: settings.timing.clone(),
        }))
    }

    /// A first attempt begins.
    pub fn deposit(&self) {
        let core = &*self.0;
        if core.deposit > 0 {
            let tick = core.tick(core.now());
            core.stripes[stripe::mine() % STRIPES].0.put(tick, core.deposit);
        }
    }

    /// A first attempt was dropped before it ended: takes its deposit back, as far as it is still there.
    pub fn take_back(&self) {
        let core = &*self.0;
        core.take(core.tick(core.now()), core.deposit);
    }

    /// Takes one extra attempt; None when the budget is spent. What is dropped unspent is given back.
    pub fn withdraw(&self) -> Option<Withdrawal> {
        let core = &*self.0;
        let now = core.now();
        let from_floor = core.floor.as_ref().is_some_and(|floor| floor.take(now));
        if from_floor || core.take_whole(core.tick(now)) {
            core.withdrawn.fetch_add(1, Ordering::Relaxed);
            return Some(Withdrawal { budget: self.clone(), from_floor, spent: false });
        }
        core.refused.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// Where it stands.
    pub fn snapshot(&self) -> BudgetSnapshot {
        let core = &*self.0;
        let now = core.now();
        let deposits = u32::try_from(core.sum(core.tick(now))).unwrap_or(u32::MAX);
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
    fn now(&self) -> u64 {
        nanos(self.timing.coarse())
    }

    fn tick(&self, now: u64) -> u32 {
        u32::try_from((now / self.bucket_nanos) & u64::from(u32::MAX)).unwrap_or(0)
    }

    /// The ticks whose deposits still count, the oldest first.
    fn live(tick: u32) -> impl Iterator<Item = u32> {
        (0..10).rev().map(move |back| tick.wrapping_sub(back))
    }

    fn sum(&self, tick: u32) -> u64 {
        let ticks = Self::live(tick);
        ticks.flat_map(|tick| self.stripes.iter().map(move |stripe| u64::from(stripe.0.at(tick)))).sum()
    }

    /// Takes up to `most`, of the oldest deposits first; what was taken.
    fn take(&self, tick: u32, most: u32) -> u32 {
        let mut left = most;
        for tick in Self::live(tick) {
            for stripe in &self.stripes {
                left -= stripe.0.take(tick, left);
                if left == 0 {
                    return most;
                }
            }
        }
        most - left
    }

    fn take_whole(&self, tick: u32) -> bool {
        if self.sum(tick) < u64::from(WHOLE) {
            return false;
        }
        let taken = self.take(tick, WHOLE);
        if taken < WHOLE {
            // Another thread was quicker; nobody may keep a part.
            self.stripes[0].0.put(tick, taken);
        }
        taken == WHOLE
    }
}

/// Each word holds the tick of its deposits above and their sum below.
#[derive(Default)]
struct Stripe([AtomicU64; 10]);

impl Stripe {
    fn word(&self, tick: u32) -> &AtomicU64 {
        &self.0[tick as usize % self.0.len()]
    }

    fn at(&self, tick: u32) -> u32 {
        amount(self.word(tick).load(Ordering::Relaxed), tick)
    }

    fn put(&self, tick: u32, more: u32) {
        let word = self.word(tick);
        let _ = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| {
            Some(packed(tick, amount(old, tick).saturating_add(more)))
        });
    }

    fn take(&self, tick: u32, most: u32) -> u32 {
        let word = self.word(tick);
        let old = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| {
            let there = amount(old, tick);
            (there > 0 && most > 0).then(|| packed(tick, there - there.min(most)))
        });
        old.map_or(0, |old| amount(old, tick).min(most))
    }
}

const fn packed(tick: u32, amount: u32) -> u64 {
    (tick as u64) << 32 | amount as u64
}

#[allow(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
const fn amount(word: u64, tick: u32) -> u32 {
    if (word >> 32) as u32 == tick { word as u32 } else { 0 }
}

/// The floor, as the generic cell rate algorithm (ITU-T I.371): one word holds when the next attempt is due.
struct Floor {
    due: AtomicU64,
    period: u64,
    burst: u64,
}

impl Floor {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked by the builder")]
    fn new(per_second: f64) -> Option<Self> {
        let period = (1e9 / per_second) as u64;
        let burst = (per_second.ceil() as u64).max(1);
        (per_second > 0.0).then(|| Self { due: AtomicU64::new(0), period: period.max(1), burst })
    }

    fn take(&self, now: u64) -> bool {
        let latest = now.saturating_add(self.period.saturating_mul(self.burst));
        let took = self.due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |due| {
            let next = due.max(now).saturating_add(self.period);
            (next <= latest).then_some(next)
        });
        took.is_ok()
    }

    fn give_back(&self) {
        let _ =
            self.due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |due| Some(due.saturating_sub(self.period)));
    }

    fn available(&self, now: u64) -> u32 {
        let taken = self.due.load(Ordering::Relaxed).saturating_sub(now).div_ceil(self.period);
        u32::try_from(self.burst.saturating_sub(taken)).unwrap_or(u32::MAX)
    }
}

/// One extra attempt, taken from a [`Budget`]. Dropped before [`Withdrawal::spend`] it is given back.
#[derive(Debug)]
#[must_use = "dropped unspent it is given back"]
pub struct Withdrawal {
    budget: Budget,
    from_floor: bool,
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
        match &core.floor {
            Some(floor) if self.from_floor => floor.give_back(),
            _ => core.stripes[stripe::mine() % STRIPES].0.put(core.tick(core.now()), WHOLE),
        }
    }
}

pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
