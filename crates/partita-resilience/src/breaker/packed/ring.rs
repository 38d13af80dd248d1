//! The window of time: a ring of buckets in each stripe.
//!
//! Bucket `k` covers the moments from `k * width` to before `(k + 1) * width` of the clock. The window at a moment in bucket
//! `k` holds the buckets `k - n + 1` to `k`: no call older than the window, and every call younger than it by a bucket.
//!
//! A cell is `generation:12 | lap:20 | count:32`: it belongs to one bucket of one state, and counts for nothing else. So no
//! one empties buckets, neither when time goes on nor when the state changes. An addition by a thread that shares its stripe
//! and that races the first one of the next lap lands in that lap. A cell that was not written for 2^20 laps (121 days at 10
//! s) could be taken for a new one.

use super::counters::COUNTERS;
use super::words::{Seat, Words};
use crate::sync::{AtomicU64, Ordering};

/// What a bucket counts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell {
    Total,
    Failed,
    Slow,
    /// Only where stuck calls are looked for, as the next one.
    Begun,
    Ended,
}

const CELLS: usize = 5;
const LAPS: u64 = 0xf_ffff;
const TAG: u64 = !0 << 32;

/// The sums of a range of buckets, by [`Cell`].
pub(crate) type Sums = [u64; CELLS];

/// See the module.
#[derive(Debug)]
pub(crate) struct Ring {
    tick: AtomicU64,
    width: u64,
    /// Buckets that are kept, a power of two, less one.
    mask: u64,
    cells: u32,
    shift: u8,
}

impl Ring {
    /// Buckets of `width` nanoseconds, with room for `reach` of them at least, and for what `watches` stuck calls.
    pub(crate) fn new(width: u64, reach: u64, watches: bool) -> Self {
        let slots = reach.next_power_of_two();
        let (cells, shift) = (if watches { 5 } else { 3 }, slots.ilog2());
        let shift = u8::try_from(shift).unwrap_or(u8::MAX);
        Self { tick: AtomicU64::new(0), width: width.max(1), mask: slots - 1, cells, shift }
    }

    /// Words that a stripe needs, its counters among them.
    pub(crate) const fn words(&self) -> u32 {
        COUNTERS + (self.cells << self.shift)
    }

    /// The bucket of a moment, if it is the newest one that anybody asked for.
    #[inline(always)]
    pub(crate) fn tick_if_known(&self, now: u64) -> Option<u64> {
        let tick = self.tick.load(Ordering::Relaxed);
        (now.wrapping_sub(tick.wrapping_mul(self.width)) < self.width).then_some(tick)
    }

    /// The bucket of a moment.
    pub(crate) fn tick(&self, now: u64) -> u64 {
        self.tick_if_known(now).unwrap_or_else(|| {
            let tick = now / self.width;
            self.tick.fetch_max(tick, Ordering::Relaxed);
            tick
        })
    }

    /// The last bucket that was over at a moment; None in the first one.
    pub(crate) const fn tick_before(&self, moment: u64) -> Option<u64> {
        (moment / self.width).checked_sub(1)
    }

    /// Buckets that are kept.
    pub(crate) const fn reach(&self) -> u64 {
        self.mask + 1
    }

    /// When a bucket began, in nanoseconds.
    pub(crate) const fn start(&self, tick: u64) -> u64 {
        tick.saturating_mul(self.width)
    }

    #[inline]
    const fn tag(&self, generation: u64, tick: u64) -> u64 {
        (generation & 0xfff) << 52 | ((tick >> self.shift) & LAPS) << 32
    }

    /// The word of a bucket's cell: all buckets of a cell lie side by side.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "less than the number of buckets, which is a usize")]
    const fn word(&self, cell: usize, tick: u64) -> usize {
        COUNTERS as usize + (cell << self.shift) + (tick & self.mask) as usize
    }

    /// Adds one to a cell of a bucket; one that is gone stays gone.
    #[inline(always)]
    pub(crate) fn add(&self, words: &Words, seat: Seat, at: (u64, u64), cell: Cell) {
        let (generation, tick) = at;
        let cell = words.word(seat, self.word(cell as usize, tick));
        let tag = self.tag(generation, tick);
        let seen = cell.load(Ordering::Relaxed);
        if seen & TAG == tag {
            seat.bump(cell);
        } else if self.is_kept(tick) {
            renew(cell, seen, tag, seat.alone);
        }
    }

    /// Whether the ring still has a bucket.
    fn is_kept(&self, tick: u64) -> bool {
        self.tick.load(Ordering::Relaxed).saturating_sub(tick) < self.reach()
    }

    /// The sums of the buckets `from` to `to` of a generation, all stripes together.
    pub(crate) fn sum(&self, words: &Words, generation: u64, from: u64, to: u64) -> Sums {
        let mut sums = [0; CELLS];
        for stripe in words.stripes() {
            for (cell, sum) in sums.iter_mut().enumerate().take(self.cells as usize) {
                for tick in from..=to {
                    let seen = stripe.read(self.word(cell, tick));
                    *sum += if seen & TAG == self.tag(generation, tick) { seen & !TAG } else { 0 };
                }
            }
        }
        sums
    }
}

/// The first addition to a bucket takes the cell over from the lap before.
#[cold]
#[inline(never)]
fn renew(cell: &AtomicU64, mut seen: u64, tag: u64, alone: bool) {
    if alone {
        cell.store(tag | 1, Ordering::Relaxed);
        return;
    }
    while seen & TAG != tag {
        match cell.compare_exchange(seen, tag | 1, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return,
            Err(other) => seen = other,
        }
    }
    cell.fetch_add(1, Ordering::Relaxed);
}
