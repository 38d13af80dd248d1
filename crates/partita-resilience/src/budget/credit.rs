//! Deposits in a ring of buckets, the floor in one word; no lock.

use crate::stripe::Padded;
use crate::sync::{AtomicU64, Ordering};

const STRIPES: usize = 4;

/// Deposits are counted in thousandths of an attempt.
pub(super) const WHOLE: u32 = 1_000;

/// What first attempts deposited, by the tick of their bucket.
#[derive(Debug, Default)]
pub(super) struct Deposits([Padded<Stripe>; STRIPES]);

impl Deposits {
    /// Adds to the stripe of this number.
    pub(super) fn put(&self, stripe: usize, tick: u32, more: u32) {
        self.0[stripe % STRIPES].0.put(tick, more);
    }

    /// The ticks whose deposits still count, the oldest first.
    fn live(tick: u32) -> impl Iterator<Item = u32> {
        (0..10).rev().map(move |back| tick.wrapping_sub(back))
    }

    pub(super) fn sum(&self, tick: u32) -> u64 {
        let ticks = Self::live(tick);
        ticks.flat_map(|tick| self.0.iter().map(move |stripe| u64::from(stripe.0.at(tick)))).sum()
    }

    /// Takes up to `most`, of the oldest deposits first; what was taken.
    pub(super) fn take(&self, tick: u32, most: u32) -> u32 {
        let mut left = most;
        for tick in Self::live(tick) {
            for stripe in &self.0 {
                left -= stripe.0.take(tick, left);
                if left == 0 {
                    return most;
                }
            }
        }
        most - left
    }

    /// Takes one attempt, or nothing.
    pub(super) fn take_whole(&self, tick: u32) -> bool {
        if self.sum(tick) < u64::from(WHOLE) {
            return false;
        }
        let taken = self.take(tick, WHOLE);
        if taken < WHOLE {
            // Another thread was quicker; nobody may keep a part.
            self.0[0].0.put(tick, taken);
        }
        taken == WHOLE
    }
}

/// Each word holds the tick of its deposits above and their sum below.
#[derive(Debug, Default)]
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
#[derive(Debug)]
pub(super) struct Floor {
    due: AtomicU64,
    period: u64,
    burst: u64,
}

impl Floor {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked by the builder")]
    pub(super) fn new(per_second: f64) -> Option<Self> {
        let period = (1e9 / per_second) as u64;
        let burst = (per_second.ceil() as u64).max(1);
        (per_second > 0.0).then(|| Self { due: AtomicU64::new(0), period: period.max(1), burst })
    }

    /// Extra attempts a second.
    #[allow(clippy::cast_precision_loss, reason = "for words")]
    pub(super) fn per_second(&self) -> f64 {
        1e9 / self.period as f64
    }

    pub(super) fn take(&self, now: u64) -> bool {
        let latest = now.saturating_add(self.period.saturating_mul(self.burst));
        let took = self.due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |due| {
            let next = due.max(now).saturating_add(self.period);
            (next <= latest).then_some(next)
        });
        took.is_ok()
    }

    pub(super) fn give_back(&self) {
        let _ =
            self.due.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |due| Some(due.saturating_sub(self.period)));
    }

    pub(super) fn available(&self, now: u64) -> u32 {
        let taken = self.due.load(Ordering::Relaxed).saturating_sub(now).div_ceil(self.period);
        u32::try_from(self.burst.saturating_sub(taken)).unwrap_or(u32::MAX)
    }
}
