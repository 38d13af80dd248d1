//! Calls under way, and who may join them.

use super::config::Builder;
use super::{Priority, ShedCounts, ShedSnapshot};
use crate::turnover::Turnover;
use crate::{Event, EventKind, PolicyKind, Reason, Rejected};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Core {
    config: Builder,
    in_flight: AtomicU32,
    counts: [Counts; 3],
    turnover: Turnover,
}

#[derive(Debug, Default)]
struct Counts {
    admitted: AtomicU64,
    rejected: AtomicU64,
}

impl Core {
    pub(super) fn new(config: Builder) -> Self {
        Self { config, in_flight: AtomicU32::new(0), counts: Default::default(), turnover: Turnover::default() }
    }

    /// Takes a place for a call that matters so much.
    pub(super) fn enter(&self, priority: Priority) -> Result<(), Rejected> {
        let most = self.most(priority);
        let more = |calls: u32| (calls < most).then_some(calls + 1);
        let counts = &self.counts[priority as usize];
        if self.in_flight.fetch_update(Ordering::AcqRel, Ordering::Relaxed, more).is_ok() {
            counts.admitted.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        counts.rejected.fetch_add(1, Ordering::Relaxed);
        Err(self.reject())
    }

    #[cold]
    fn reject(&self) -> Rejected {
        let at = self.config.timing.coarse_nanos();
        let in_flight = self.in_flight.load(Ordering::Relaxed);
        let admitted = self.counts.iter().map(|counts| counts.admitted.load(Ordering::Relaxed)).sum::<u64>();
        let left = admitted.saturating_sub(in_flight.into());
        let (reason, retry_after) =
            (Reason::Overloaded, Some(self.turnover.refuse(Duration::from_nanos(at), in_flight, left)));
        let kind = EventKind::Rejected { reason, retry_after };
        self.config.listeners.tell(&Event::told(at, PolicyKind::Shed, &self.config.name, kind));
        Rejected { policy: PolicyKind::Shed, name: self.config.name.clone(), reason, retry_after }
    }

    pub(super) fn leave(&self) {
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
    }

    /// Calls of every priority among which one of this may still join.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a u32, at least 0")]
    fn most(&self, priority: Priority) -> u32 {
        let share = match priority {
            Priority::Low => self.config.low,
            Priority::Normal => self.config.normal,
            Priority::Critical => 1.0,
        };
        let pressure = self.config.pressure.as_ref().map_or(0.0, |gauge| gauge());
        let pressure = if pressure.is_nan() { 0.0 } else { pressure.clamp(0.0, 1.0) };
        let most = f64::from(self.config.max_in_flight) * share * (1.0 - pressure);
        if pressure < 1.0 { (most.round() as u32).max(1) } else { 0 }
    }

    pub(super) fn name(&self) -> &str {
        &self.config.name
    }

    pub(super) fn snapshot(&self) -> ShedSnapshot {
        let of = |priority| {
            let counts: &Counts = &self.counts[priority as usize];
            ShedCounts {
                admitted: counts.admitted.load(Ordering::Relaxed),
                rejected: counts.rejected.load(Ordering::Relaxed),
                most: self.most(priority),
            }
        };
        ShedSnapshot {
            name: self.config.name.clone(),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            low: of(Priority::Low),
            normal: of(Priority::Normal),
            critical: of(Priority::Critical),
        }
    }
}
