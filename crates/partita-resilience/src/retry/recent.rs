//! How attempts ended lately.

use crate::WindowView;
use crate::stripe::Striped;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;
const SECONDS: u64 = 10;
/// A power of two, of which ten count.
const BUCKETS: usize = 16;
const COUNT_BITS: u32 = 22;
const MOST: u64 = (1 << COUNT_BITS) - 1;

/// Buckets of a second, each one word: tick above, then all ends, then failures.
#[derive(Default)]
pub(super) struct Recent(Striped<[AtomicU64; BUCKETS]>);

impl Recent {
    #[inline(always)]
    pub(super) fn record(&self, now: u64, failed: bool) {
        let tick = now / SECOND;
        let mine = self.0.mine();
        mine.update(&mine.cell[slot(tick)], |old| {
            let (all, failures) = counts(old, tick);
            // At the limit of the field both are halved: the rate stays.
            let (all, failures) = if all == MOST { (all / 2, failures / 2) } else { (all, failures) };
            packed(tick, all + 1, failures + u64::from(failed))
        });
    }

    pub(super) fn view(&self, now: u64) -> WindowView {
        let newest = now / SECOND;
        let mut view = WindowView { reach: Some(Duration::from_secs(SECONDS)), ..WindowView::default() };
        for tick in newest.saturating_sub(SECONDS - 1)..=newest {
            for stripe in self.0.every() {
                let (all, failed) = counts(stripe[slot(tick)].load(Ordering::Relaxed), tick);
                view.total += all;
                view.failed += failed;
            }
        }
        view
    }
}

#[allow(clippy::cast_possible_truncation, reason = "less than the number of buckets")]
const fn slot(tick: u64) -> usize {
    (tick % BUCKETS as u64) as usize
}

const fn packed(tick: u64, all: u64, failed: u64) -> u64 {
    tick << (2 * COUNT_BITS) | all << COUNT_BITS | failed
}

const fn counts(word: u64, tick: u64) -> (u64, u64) {
    let same = word >> (2 * COUNT_BITS) == packed(tick, 0, 0) >> (2 * COUNT_BITS);
    if same { (word >> COUNT_BITS & MOST, word & MOST) } else { (0, 0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_count_for_ten_seconds_and_then_slide_out() {
        let recent = Recent::default();
        (0..20).for_each(|second| recent.record(second * SECOND, second % 2 == 0));
        let view = recent.view(19 * SECOND);
        assert_eq!((view.total, view.failed), (10, 5));
        assert_eq!(recent.view(28 * SECOND).total, 1);
        assert_eq!(recent.view(29 * SECOND).total, 0);
    }

    #[test]
    fn a_full_field_keeps_the_rate() {
        let recent = Recent::default();
        (0..MOST + 10).for_each(|n| recent.record(0, n % 4 == 0));
        assert!((recent.view(0).failure_rate() - 0.25).abs() < 0.001);
    }
}
