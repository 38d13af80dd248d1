//! The bulkhead's state: permits, waiters and counts.

use super::config::Builder;
use super::queue::Queue;
use super::slots::{Slot, Slots};
use super::snapshot::BulkheadSnapshot;
use super::waits::Waits;
use crate::sync::{Mutex, lock};
use crate::turnover::Turnover;
use crate::{Event, EventKind, Outcome, Reason, Rejected, stripe};
use std::hint::cold_path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What all clones share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(super) config: Builder,
    pub(super) slots: Slots,
    pub(super) queue: Queue,
    waits: Mutex<Waits>,
    turnover: Turnover,
    failed: AtomicU64,
    cancelled: AtomicU64,
    rejected: AtomicU64,
    saturated: AtomicU64,
    pub(super) abandoned: AtomicU64,
}

impl Core {
    pub(crate) fn new(config: Builder) -> Self {
        Self {
            slots: Slots::new(config.max_concurrent, stripe::count()),
            config,
            queue: Queue::default(),
            waits: Mutex::default(),
            turnover: Turnover::default(),
            failed: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            saturated: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
        }
    }

    pub(crate) fn name(&self) -> &crate::Name {
        &self.config.name
    }

    /// A permit, if one is free and nobody waits for it.
    #[inline(always)]
    pub(crate) fn try_enter(&self) -> Option<Slot> {
        let slot = self.slots.take(stripe::mine())?;
        Some(if self.config.listeners.hears_routine() { self.tell_admitted(slot) } else { slot })
    }

    /// Gives a permit back to whoever waits first.
    #[inline(always)]
    pub(crate) fn leave(&self, slot: Slot, outcome: Outcome) {
        match outcome {
            Outcome::Failure | Outcome::Overloaded { .. } => {
                self.failed.fetch_add(1, Ordering::Relaxed);
            }
            Outcome::Cancelled => {
                self.cancelled.fetch_add(1, Ordering::Relaxed);
            }
            Outcome::Success | Outcome::Ignored => {}
        }
        if self.slots.give_back(slot) {
            cold_path();
            self.queue.hand_over(&self.slots);
        }
    }

    /// Refuses a call.
    pub(crate) fn reject(&self, reason: Reason) -> Rejected {
        self.rejected.fetch_add(1, Ordering::Relaxed);
        let retry_after = self.retry_after(reason);
        self.config.listeners.tell(&self.event(EventKind::Rejected { reason, retry_after }));
        Rejected { policy: self.config.policy, name: self.config.name.clone(), reason, retry_after }
    }

    /// Who waits now has a permit by the end of the longest wait, or has left; where nobody may wait, how long calls hold
    /// theirs.
    fn retry_after(&self, reason: Reason) -> Option<Duration> {
        match reason {
            Reason::ShutDown => None,
            Reason::Saturated => {
                let (now, permits) = (self.config.timing.coarse(), self.config.max_concurrent);
                Some(self.turnover.refuse(now, permits, self.slots.done()))
            }
            _ => Some(self.config.max_wait),
        }
    }

    /// Counts a call that found no free permit.
    pub(crate) fn count_saturated(&self) {
        self.saturated.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn event<'a>(&'a self, kind: EventKind<'a>) -> Event<'a> {
        Event::told(self.config.timing.coarse_nanos(), self.config.policy, &self.config.name, kind)
    }

    fn admitted(&self) -> u64 {
        self.slots.done() + u64::from(self.active())
    }

    pub(super) fn active(&self) -> u32 {
        self.config.max_concurrent.saturating_sub(self.slots.free())
    }

    pub(super) fn record_wait(&self, wait: Duration) {
        lock(&self.waits).record(self.config.timing.coarse(), self.admitted(), wait);
    }

    pub(crate) fn snapshot(&self) -> BulkheadSnapshot {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (done, active, queued) = (self.slots.done(), self.active(), self.queue.len());
        let (failed, cancelled, rejected) = (load(&self.failed), load(&self.cancelled), load(&self.rejected));
        let admitted = done + u64::from(active);
        let quantile = |q| lock(&self.waits).quantile(self.config.timing.coarse(), admitted, q);
        BulkheadSnapshot {
            name: self.config.name.clone(),
            active,
            available: self.config.max_concurrent - active,
            queued,
            pool_size: self.config.max_concurrent,
            submitted: admitted + rejected + load(&self.abandoned) + queued as u64,
            completed: done.saturating_sub(failed + cancelled),
            failed,
            cancelled: cancelled + load(&self.abandoned),
            rejected,
            saturated_count: load(&self.saturated),
            wait_p50: quantile(0.5),
            wait_p99: quantile(0.99),
        }
    }
}
