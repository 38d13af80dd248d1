//! Deposits in a ring of buckets, the floor in one word; no lock.

use crate::stripe::{Padded, Striped};
use crate::sync::{AtomicU64, Ordering};

/// Deposits are counted in thousandths of an attempt.
pub(super) const WHOLE: u32 = 1_000;

/// A word for each bucket: the tick of the bucket above, an amount below. A power of two of them, of which ten count.
#[derive(Debug, Default)]
pub(super) struct Ring([AtomicU64; 16]);

impl Ring {
    #[inline(always)]
    fn word(&self, tick: u32) -> &AtomicU64 {
        &self.0[tick as usize % self.0.len()]
    }

    fn at(&self, tick: u32) -> u32 {
        amount(self.word(tick).load(Ordering::Relaxed), tick)
    }
}

/// How many buckets count.
const LIVE: u32 = 10;

/// One attempt, in parts of the buckets that counted at `tick`, the oldest first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    tick: u32,
    parts: [u32; LIVE as usize],
}

/// What first attempts deposited, each thread in its stripe, and what was taken of it.
#[derive(Debug)]
pub(super) struct Deposits {
    made: Striped<Ring>,
    taken: Padded<Ring>,
}

impl Deposits {
    pub(super) fn new(stripes: Striped<Ring>) -> Self {
        Self { made: stripes, taken: Padded::default() }
    }

    /// Adds to the stripe of a thread.
    #[inline(always)]
    pub(super) fn put(&self, thread: usize, tick: u32, more: u32) {
        let mine = self.made.of(thread);
        mine.update(mine.cell.word(tick), |old| packed(tick, amount(old, tick).saturating_add(more)));
    }

    /// The ticks whose deposits still count, the oldest first.
    fn live(tick: u32) -> impl Iterator<Item = u32> {
        (0..LIVE).rev().map(move |back| tick.wrapping_sub(back))
    }

    fn made_at(&self, tick: u32) -> u64 {
        self.made.every().map(|stripe| u64::from(stripe.at(tick))).sum()
    }

    pub(super) fn sum(&self, tick: u32) -> u64 {
        let left = |tick| self.made_at(tick).saturating_sub(u64::from(self.taken.0.at(tick)));
        Self::live(tick).map(left).sum()
    }

    /// Takes up to one attempt, of the oldest deposits first; what was taken.
    fn take(&self, tick: u32) -> Taken {
        let (mut left, mut parts) = (WHOLE, [0; LIVE as usize]);
        for (made, part) in Self::live(tick).zip(&mut parts) {
            *part = self.take_at(made, left);
            left -= *part;
            if left == 0 {
                break;
            }
        }
        Taken { tick, parts }
    }

    /// Puts back what was taken where it was, so that it lasts no longer than it would have.
    pub(super) fn give_back(&self, taken: Taken) {
        for (made, part) in Self::live(taken.tick).zip(taken.parts).filter(|(_, part)| *part > 0) {
            let less = |old| (!is_past(made, old)).then(|| packed(made, amount(old, made).saturating_sub(part)));
            let _ = self.taken.0.word(made).fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }

    /// Takes up to `most` of what was deposited at `made`; nothing once that has expired. What was taken.
    pub(super) fn take_back(&self, tick: u32, made: u32, most: u32) -> u32 {
        if Self::live(tick).any(|live| live == made) { self.take_at(made, most) } else { 0 }
    }

    /// What is made in a bucket only grows, so that what was there when it was counted can still be taken.
    fn take_at(&self, tick: u32, most: u32) -> u32 {
        let word = self.taken.0.word(tick);
        let mut seen = word.load(Ordering::Relaxed);
        loop {
            let taken = amount(seen, tick);
            let there = self.made_at(tick).saturating_sub(u64::from(taken));
            let take = most.min(u32::try_from(there).unwrap_or(u32::MAX)).min(u32::MAX - taken);
            if take == 0 || is_past(tick, seen) {
                return 0;
            }
            match word.compare_exchange(seen, packed(tick, taken + take), Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return take,
                Err(other) => seen = other,
            }
        }
    }

    /// Takes one attempt, or nothing.
    pub(super) fn take_whole(&self, tick: u32) -> Option<Taken> {
        if self.sum(tick) < u64::from(WHOLE) {
            return None;
        }
        let taken = self.take(tick);
        if taken.parts.iter().sum::<u32>() < WHOLE {
            // Another thread was quicker; nobody may keep a part.
            self.give_back(taken);
            return None;
        }
        Some(taken)
    }
}

/// Whether a word has gone on to a later bucket.
const fn is_past(tick: u32, word: u64) -> bool {
    let ahead = ((word >> 32) as u32).wrapping_sub(tick);
    ahead != 0 && ahead < u32::MAX / 2
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
        // At most some hundred years, so that a moment and a burst of it are no end of time.
        let period = ((1e9 / per_second) as u64).min(u64::MAX >> 2);
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
