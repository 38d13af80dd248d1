//! Permits in striped words: one exchange to take, one add to give back.
//!
//! Each stripe's word holds its free permits (20 bits), whether anybody waits (1 bit) and how many were given back
//! (43 bits). A thread takes from its own stripe first and looks at the others only when that is empty, so threads meet
//! on a cache line only near the limit. A permit goes back to the stripe that it came from.
//!
//! Nobody is forgotten: a waiter sets the waiting bit of every stripe before it looks for a free permit a last time, and
//! whoever gives one back learns from the very word it adds to whether the bit was set by then.

use crate::stripe::Padded;
use crate::sync::{AtomicU64, Ordering};
use std::hint::cold_path;

const FREE: u64 = WAITING - 1;
const WAITING: u64 = 1 << 20;
const DONE: u64 = 1 << 21;

/// Most permits that the words can count.
pub(crate) const MOST: u32 = (1 << 20) - 1;

/// The permits.
#[derive(Debug)]
pub(crate) struct Slots(Box<[Padded<AtomicU64>]>);

/// One permit: the stripe it goes back to.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a slot that is not given back is lost"]
pub(crate) struct Slot(usize);

impl Slots {
    /// `most` permits, spread over `stripes` (a power of two).
    pub(crate) fn new(most: u32, stripes: usize) -> Self {
        let (most, stripes) = (u64::from(most.min(MOST)), stripes.max(1));
        let each = most / stripes as u64;
        let more = most % stripes as u64;
        let words = (0..stripes as u64).map(|stripe| Padded(AtomicU64::new(each + u64::from(stripe < more))));
        Self(words.collect())
    }

    /// Takes a free permit unless somebody waits for one; the calling thread's own stripe comes first.
    #[inline(always)]
    pub(crate) fn take(&self, own: usize) -> Option<Slot> {
        let stripe = own & (self.0.len() - 1);
        let word = &self.0[stripe].0;
        let seen = word.load(Ordering::Relaxed);
        if seen & FREE != 0
            && seen & WAITING == 0
            && word.compare_exchange(seen, seen - 1, Ordering::Acquire, Ordering::Relaxed).is_ok()
        {
            return Some(Slot(stripe));
        }
        cold_path();
        self.take_if(own, WAITING)
    }

    /// Takes a free permit for the first of those who wait.
    pub(crate) fn take_for_waiter(&self) -> Option<Slot> {
        self.take_if(0, 0)
    }

    #[inline(never)]
    fn take_if(&self, own: usize, unless: u64) -> Option<Slot> {
        let last = self.0.len() - 1;
        for step in 0..=last {
            let stripe = (own + step) & last;
            let word = &self.0[stripe].0;
            let mut seen = word.load(Ordering::Relaxed);
            while seen & FREE != 0 && seen & unless == 0 {
                match word.compare_exchange_weak(seen, seen - 1, Ordering::Acquire, Ordering::Relaxed) {
                    Ok(_) => return Some(Slot(stripe)),
                    Err(now) => seen = now,
                }
            }
        }
        None
    }

    /// Gives a permit back; whether somebody waits for it.
    #[inline(always)]
    #[allow(clippy::needless_pass_by_value, reason = "a slot goes back once")]
    pub(crate) fn give_back(&self, slot: Slot) -> bool {
        self.0[slot.0].0.fetch_add(DONE + 1, Ordering::AcqRel) & WAITING != 0
    }

    /// Somebody waits from now on: no newcomer takes a permit. Called under the queue's lock.
    pub(crate) fn begin_waiting(&self) {
        for word in &self.0 {
            word.0.fetch_or(WAITING, Ordering::AcqRel);
        }
    }

    /// Nobody waits any more. Called under the queue's lock.
    pub(crate) fn end_waiting(&self) {
        for word in &self.0 {
            word.0.fetch_and(!WAITING, Ordering::AcqRel);
        }
    }

    /// Free permits: exact while nobody takes or gives.
    pub(crate) fn free(&self) -> u32 {
        let free = self.words().map(|word| word & FREE).sum::<u64>();
        u32::try_from(free).unwrap_or(MOST)
    }

    /// Permits given back so far.
    pub(crate) fn done(&self) -> u64 {
        self.words().map(|word| word / DONE).sum()
    }

    fn words(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|word| word.0.load(Ordering::Relaxed))
    }
}
