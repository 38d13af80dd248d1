//! One quantile, kept at hand.

use super::{Histogram, Quantile};
use crate::timing::nanos;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How old a quantile may be: computing one takes microseconds, reading this nanoseconds.
const REFRESH: u64 = 100_000_000;
const ABOVE: u64 = 1 << 63;
const UNKNOWN: u64 = u64::MAX;

/// A histogram and one quantile of it, computed at most each 100 ms by whoever asks first.
#[derive(Debug)]
pub(crate) struct Tracked {
    histogram: Histogram,
    q: f64,
    min_samples: u64,
    value: AtomicU64,
    due: AtomicU64,
}

impl Tracked {
    pub(crate) fn new(q: f64, min_samples: u64) -> Self {
        let (value, due) = (AtomicU64::new(UNKNOWN), AtomicU64::new(0));
        Self { histogram: Histogram::new(), q, min_samples, value, due }
    }

    /// Which quantile, in words.
    pub(crate) fn explain(&self) -> String {
        format!("p{}", crate::stack::number(self.q * 100.0))
    }

    pub(crate) const fn histogram(&self) -> &Histogram {
        &self.histogram
    }

    /// The quantile; None until there are enough calls in the window.
    pub(crate) fn get(&self, now: Duration) -> Option<Quantile> {
        let nanos = nanos(now);
        let due = self.due.load(Ordering::Relaxed);
        let next = nanos.saturating_add(REFRESH);
        if nanos >= due && self.due.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.value.store(self.compute(now), Ordering::Relaxed);
        }
        match self.value.load(Ordering::Relaxed) {
            UNKNOWN => None,
            value if value & ABOVE != 0 => Some(Quantile::Above(Duration::from_nanos(value & !ABOVE))),
            value => Some(Quantile::At(Duration::from_nanos(value))),
        }
    }

    fn compute(&self, now: Duration) -> u64 {
        if self.histogram.count(now) < self.min_samples {
            return UNKNOWN;
        }
        let value = |time| nanos(time).min(ABOVE - 1);
        match self.histogram.quantile(now, self.q) {
            Some(Quantile::At(time)) => value(time),
            Some(Quantile::Above(time)) => value(time) | ABOVE,
            None => UNKNOWN,
        }
    }
}
