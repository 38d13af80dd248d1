//! The window of calls: the last `n` that count, of one state. It slides with each call.

use super::word::Tagged;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

const FAILED: u32 = 1;
const SLOW: u32 = 2;
const FILLED: u32 = 4;

/// From here on a counter of 48 bits means a negative number.
const BELOW_ZERO: u64 = 1 << 47;

/// See the module. Its slots hold `generation:16 | .. | filled:1 | slow:1 | failed:1`, so that those of an older state count
/// for nothing.
#[derive(Debug)]
pub(crate) struct Calls {
    head: AtomicU64,
    failed: AtomicU64,
    slow: AtomicU64,
    slots: Box<[AtomicU32]>,
}

impl Calls {
    pub(crate) fn new(calls: usize) -> Self {
        Self {
            head: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            slow: AtomicU64::new(0),
            slots: (0..calls).map(|_| AtomicU32::new(0)).collect(),
        }
    }

    /// Adds a call and lets the oldest go, unless the state has changed: `is_current` tells of the generation.
    pub(crate) fn push(&self, generation: u64, failed: bool, slow: bool, is_current: impl Fn() -> bool) {
        let Some(count) = shift(&self.head, generation, 1, &is_current) else { return };
        let place = count.wrapping_sub(1);
        let length = u64::try_from(self.slots.len()).unwrap_or(u64::MAX);
        let slot = usize::try_from(place % length).unwrap_or(0);
        let tag = u32::try_from(generation & 0xffff).unwrap_or(0) << 16;
        let mine = tag | FILLED | (u32::from(slow) * SLOW) | (u32::from(failed) * FAILED);
        let gone = self.slots[slot].swap(mine, Ordering::AcqRel);
        let gone = if gone & FILLED != 0 && gone >> 16 == mine >> 16 { gone } else { 0 };
        for (counter, bit) in [(&self.failed, FAILED), (&self.slow, SLOW)] {
            match (mine & bit != 0, gone & bit != 0) {
                (true, false) => _ = shift(counter, generation, 1, &is_current),
                (false, true) => _ = shift(counter, generation, -1, &is_current),
                _ => {}
            }
        }
    }

    /// Calls, failures and slow calls in the window.
    pub(crate) fn sums(&self, generation: u64) -> (u64, u64, u64) {
        let of = |counter: &AtomicU64| {
            let seen = Tagged(counter.load(Ordering::Acquire));
            let value = if seen.generation() == generation { seen.value() } else { 0 };
            if value < BELOW_ZERO { value } else { 0 }
        };
        let length = u64::try_from(self.slots.len()).unwrap_or(u64::MAX);
        let total = of(&self.head).min(length);
        (total, of(&self.failed).min(total), of(&self.slow).min(total))
    }
}

/// Moves a counter of a generation; that of an older one starts at zero.
fn shift(counter: &AtomicU64, generation: u64, by: i64, is_current: &impl Fn() -> bool) -> Option<u64> {
    let mut seen = Tagged(counter.load(Ordering::Acquire));
    loop {
        let known = seen.generation() == generation;
        if !known && !is_current() {
            return None;
        }
        let value = if known { seen.value() } else { 0 };
        // Two pushes to a slot may count in the other order than they swapped: less than zero for a moment.
        let mine = Tagged::new(generation, value.wrapping_add_signed(by));
        match counter.compare_exchange(seen.0, mine.0, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Some(mine.value()),
            Err(other) => seen = Tagged(other),
        }
    }
}
