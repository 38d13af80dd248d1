//! Latencies of one window.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// Parts of an octave: a latency is known to 6 %, their mean much better.
const PARTS: u64 = 16;

/// 2^40 microseconds are twelve days.
const OCTAVES: u64 = 36;

/// A histogram of microseconds that many threads add to.
#[derive(Debug)]
pub(super) struct Samples {
    counts: Box<[AtomicU32]>,
    sum: AtomicU64,
    count: AtomicU64,
    overloaded: AtomicU64,
}

/// What a window held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    /// Calls.
    pub(super) count: u64,
    /// Mean latency, in seconds.
    pub(super) mean: f64,
    /// Mean latency of the fastest nine in ten, in seconds.
    pub(super) usual: f64,
    /// Calls that the dependency refused as too many.
    pub(super) overloaded: u64,
}

impl Samples {
    pub(super) fn new() -> Self {
        let size = usize::try_from(PARTS * (OCTAVES + 1)).unwrap_or(0);
        Self {
            counts: (0..size).map(|_| AtomicU32::new(0)).collect(),
            sum: AtomicU64::new(0),
            count: AtomicU64::new(0),
            overloaded: AtomicU64::new(0),
        }
    }

    /// Adds a call; how many there are in this window, and their mean latency in nanoseconds.
    pub(super) fn add(&self, latency: Duration) -> (u64, u64) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let last = self.counts.len() - 1;
        self.counts[bucket(micros).min(last)].fetch_add(1, Ordering::Relaxed);
        let sum = self.sum.fetch_add(micros, Ordering::Relaxed).saturating_add(micros);
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        (count, (sum / count).saturating_mul(1_000))
    }

    pub(super) fn add_overload(&self) {
        self.overloaded.fetch_add(1, Ordering::Relaxed);
    }

    /// Empties it. Calls that end meanwhile fall into either window.
    #[allow(clippy::cast_precision_loss, reason = "counts and microseconds of one window are far below 2^52")]
    pub(super) fn take(&self) -> Taken {
        let counts: Vec<u64> = self.counts.iter().map(|count| u64::from(count.swap(0, Ordering::Relaxed))).collect();
        let (sum, _) = (self.sum.swap(0, Ordering::Relaxed), self.count.swap(0, Ordering::Relaxed));
        let count: u64 = counts.iter().sum();
        let fastest = count - count / 10;
        let (mut left, mut usual) = (fastest, 0.0);
        for (bucket, held) in counts.iter().enumerate() {
            let used = left.min(*held);
            usual += used as f64 * middle(bucket);
            left -= used;
        }
        Taken {
            count,
            mean: sum as f64 / 1e6 / count.max(1) as f64,
            usual: usual / 1e6 / fastest.max(1) as f64,
            overloaded: self.overloaded.swap(0, Ordering::Relaxed),
        }
    }
}

fn bucket(micros: u64) -> usize {
    let octave = u64::from(micros.max(1).ilog2()).saturating_sub(u64::from(PARTS.ilog2()));
    usize::try_from(octave * PARTS + (micros >> octave)).unwrap_or(usize::MAX)
}

#[allow(clippy::cast_precision_loss, reason = "there are a few hundred buckets")]
fn middle(bucket: usize) -> f64 {
    let (parts, bucket) = (PARTS as f64, bucket as f64);
    let octave = (bucket / parts).floor() - 1.0;
    if octave <= 0.0 { bucket } else { (bucket - octave * parts + 0.5) * octave.exp2() }
}
