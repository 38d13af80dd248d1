//! Calls under way, the window, and the limit.

use super::AdaptiveSnapshot;
use super::config::Builder;
use super::controller::{Controller, Window};
use super::samples::Samples;
use crate::sync::{Mutex, lock};
use crate::timing::nanos;
use crate::{Event, EventKind, Outcome, PolicyKind, Reason, Rejected};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// Calls that a window should hold.
const ENOUGH: u64 = 60;

/// Calls that a long window must hold.
const LEAST: u64 = 10;

/// A window begins at most so many least windows after the limit moved.
const SETTLING: u32 = 4;

#[derive(Debug)]
pub(super) struct Core {
    config: Builder,
    limit: AtomicU32,
    in_flight: AtomicU32,
    peak: AtomicU32,
    samples: Samples,
    controller: Mutex<Controller>,
    /// Of the last window, in nanoseconds; 0 before there was one.
    latency: AtomicU64,
    /// When the window begins, in nanoseconds: a latency after the limit moved, for calls that ended earlier began under the
    /// old one.
    since: AtomicU64,
    admitted: AtomicU64,
    rejected: AtomicU64,
}

impl Core {
    pub(super) fn new(config: Builder) -> Self {
        let of = f64::from;
        Self {
            limit: AtomicU32::new(config.initial),
            in_flight: AtomicU32::new(0),
            peak: AtomicU32::new(0),
            samples: Samples::new(),
            controller: Mutex::new(Controller::new(of(config.initial), of(config.min), of(config.max))),
            latency: AtomicU64::new(0),
            since: AtomicU64::new(nanos(config.timing.now())),
            admitted: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            config,
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.config.timing.now()
    }

    /// Its settings in words.
    pub(super) fn explain(&self) -> String {
        let Builder { initial, min, max, .. } = &self.config;
        format!("from {min} to {max} at once, {initial} at first, by what the dependency shows")
    }

    pub(super) fn name(&self) -> &crate::Name {
        &self.config.name
    }

    /// Takes a place, if there is one.
    pub(super) fn enter(&self) -> Result<(), Rejected> {
        let limit = self.limit.load(Ordering::Relaxed);
        let more = |calls: u32| (calls < limit).then_some(calls + 1);
        let Ok(before) = self.in_flight.fetch_update(Ordering::AcqRel, Ordering::Relaxed, more) else {
            return Err(self.reject());
        };
        if self.peak.load(Ordering::Relaxed) <= before {
            self.peak.fetch_max(before + 1, Ordering::Relaxed);
        }
        self.admitted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn places(&self) -> (u32, u32) {
        (self.in_flight.load(Ordering::Relaxed), self.limit.load(Ordering::Relaxed))
    }

    #[cold]
    fn reject(&self) -> Rejected {
        self.rejected.fetch_add(1, Ordering::Relaxed);
        let latency = self.latency();
        let retry_after = Some(if latency.is_zero() { self.config.window } else { latency });
        let reason = Reason::Saturated;
        self.tell(EventKind::Rejected { reason, retry_after });
        Rejected { policy: PolicyKind::Adaptive, name: self.config.name.clone(), reason, retry_after }
    }

    fn latency(&self) -> Duration {
        Duration::from_nanos(self.latency.load(Ordering::Relaxed))
    }

    fn tell(&self, kind: EventKind<'_>) {
        let at = self.config.timing.coarse_nanos();
        self.config.listeners.tell(&Event::told(at, PolicyKind::Adaptive, &self.config.name, kind));
    }

    /// Gives the place back. Only an end of the dependency's own tells anything: a call whose caller went away, or whose
    /// end is ignored, is no sample.
    pub(super) fn leave(&self, begun: Duration, outcome: Outcome) {
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
        match outcome {
            Outcome::Cancelled | Outcome::Ignored => return,
            Outcome::Overloaded { .. } => self.samples.add_overload(),
            Outcome::Success | Outcome::Failure => {}
        }
        let now = self.now();
        let since = self.since.load(Ordering::Relaxed);
        let Some(age) = nanos(now).checked_sub(since) else { return };
        let (count, mean) = self.samples.add(now.saturating_sub(begun));
        let window = nanos(self.config.window);
        let least = window.max(mean.saturating_mul(2).min(window.saturating_mul(10)));
        let full = age >= least && (count >= ENOUGH || (age / 10 >= window && count >= LEAST));
        if full && self.since.compare_exchange(since, u64::MAX, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            let (latency, from, to) = self.turn(Duration::from_nanos(age));
            let settling = latency.min(self.config.window * SETTLING);
            self.since.store(nanos(now.saturating_add(settling)), Ordering::Relaxed);
            // Last, for a listener may panic.
            if from != to {
                self.tell(EventKind::LimitChanged { from, to });
            }
        }
    }

    /// The window is over: its latency, and the limit before and after.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a limit is at most 1,000,000, and calls of a window far below 2^52"
    )]
    fn turn(&self, age: Duration) -> (Duration, u32, u32) {
        let mut controller = lock(&self.controller);
        let peak = self.peak.swap(self.in_flight.load(Ordering::Relaxed), Ordering::Relaxed);
        let taken = self.samples.take();
        let throughput = taken.count as f64 / age.as_secs_f64();
        let window = Window {
            calls: taken.count as f64,
            latency: taken.usual.max(1e-6),
            in_flight: (throughput * taken.mean).max(1e-6),
            peak: f64::from(peak),
            overloaded: taken.overloaded * 100 > taken.count,
        };
        let latency = Duration::from_secs_f64(window.latency);
        self.latency.store(nanos(latency), Ordering::Relaxed);
        let to = controller.next(&window) as u32;
        drop(controller);
        (latency, self.limit.swap(to, Ordering::Relaxed), to)
    }

    pub(super) fn snapshot(&self) -> AdaptiveSnapshot {
        let baseline = lock(&self.controller).baseline();
        AdaptiveSnapshot {
            name: self.config.name.clone(),
            limit: self.limit.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            admitted: self.admitted.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
            latency: self.latency(),
            baseline: Duration::from_secs_f64(baseline.unwrap_or(0.0)),
        }
    }
}
