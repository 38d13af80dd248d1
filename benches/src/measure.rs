//! Clocks, histograms, and the turns that product and limit take.

use crate::Result;
use hdrhistogram::Histogram;
use std::time::{Duration, Instant};

/// The machine's time. A bench is the one program that may read it.
#[allow(clippy::disallowed_methods, reason = "a bench measures real time, on no simulated machine")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Operations, how long each took, and how long all took together.
#[derive(Debug)]
pub(crate) struct Timings {
    histogram: Histogram<u64>,
    /// Operations counted for the rate; may differ from those timed, where one timed commit holds many.
    pub(crate) operations: u64,
    /// Time in which they were made.
    pub(crate) took: Duration,
}

impl Timings {
    /// Nothing measured.
    pub(crate) fn new() -> Result<Self> {
        // 10 ns to 60 s.
        let histogram = Histogram::new_with_bounds(10, 60_000_000_000, 3)?;
        Ok(Self { histogram, operations: 0, took: Duration::ZERO })
    }

    /// One more timed operation.
    pub(crate) fn record(&mut self, took: Duration) {
        self.histogram.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// A quantile in microseconds; `None` when nothing was timed.
    pub(crate) fn quantile_us(&self, quantile: f64) -> Option<f64> {
        (!self.histogram.is_empty()).then(|| self.histogram.value_at_quantile(quantile) as f64 / 1_000.0)
    }

    /// Operations by the second.
    pub(crate) fn rate(&self) -> f64 {
        self.operations as f64 / self.took.as_secs_f64().max(1e-9)
    }
}

/// How often product and limit take turns, and how long each turn lasts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turns {
    pub(crate) count: u32,
    pub(crate) product: Duration,
    pub(crate) limit: Duration,
}

impl Turns {
    /// Turns of these milliseconds.
    pub(crate) const fn new(count: u32, product_ms: u64, limit_ms: u64) -> Self {
        Self { count, product: Duration::from_millis(product_ms), limit: Duration::from_millis(limit_ms) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_counts_operations_and_not_what_was_timed() {
        let mut timings = Timings::new().unwrap();
        timings.record(Duration::from_micros(100));
        (timings.operations, timings.took) = (64, Duration::from_secs(2));
        assert!((timings.rate() - 32.0).abs() < 1e-9);
        assert!((timings.quantile_us(0.5).unwrap() - 100.0).abs() < 1.0);
    }
}
