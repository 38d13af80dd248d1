//! When a hedge begins, and whether it may.

use super::HedgeSnapshot;
use super::snapshot::Counts;
use crate::budget::Budget;
use crate::histogram::{Quantile, Tracked};
use crate::retry::Gate;
use crate::stack::time;
use crate::{Event, EventKind, Listeners, PolicyKind, Reason, Timing};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[derive(Debug)]
pub(super) enum Delay {
    Fixed(Duration),
    Observed { tracked: Tracked, floor: Duration },
}

/// Places that are taken, and all there are.
pub(super) type Places = dyn Fn() -> (u32, u32) + Send + Sync;

pub(super) struct Core {
    pub(super) name: crate::Name,
    pub(super) delay: Delay,
    pub(super) max_hedges: u32,
    pub(super) budget: Budget,
    pub(super) gate: Option<Arc<dyn Gate>>,
    pub(super) room: Option<Arc<Places>>,
    pub(super) listeners: Listeners,
    pub(super) timing: Timing,
    pub(super) counts: Counts,
}

/// Lends core and classifier to one call.
pub(super) trait Hold {
    type Classify;
    fn core(&self) -> &Core;
    fn judge(&self) -> &Self::Classify;
}

impl Core {
    /// After how long the next attempt begins beside those under way; None while that is not known.
    pub(super) fn delay(&self, now: Duration) -> Option<Duration> {
        match &self.delay {
            Delay::Fixed(delay) => Some(*delay),
            Delay::Observed { tracked, floor } => tracked.get(now).map(|quantile| match quantile {
                Quantile::At(at) | Quantile::Above(at) => at.max(*floor),
            }),
        }
    }

    /// Pays for the next attempt; tells who listens how that went.
    pub(super) fn admit(&self, attempt: u32) -> bool {
        if self.gate.as_ref().is_some_and(|gate| !gate.lets_retry()) {
            self.refuse(Reason::Open, None);
            return false;
        }
        let Some(withdrawal) = self.budget.withdraw() else {
            self.refuse(Reason::BudgetSpent, None);
            return false;
        };
        withdrawal.spend();
        self.counts.hedges.fetch_add(1, Ordering::Relaxed);
        self.tell(EventKind::Hedged { attempt });
        true
    }

    /// Whether there is room for one more attempt beside those under way.
    pub(super) fn has_room(&self) -> bool {
        self.room.as_ref().is_none_or(|places| {
            let (taken, all) = places();
            u64::from(taken) * 5 <= u64::from(all) * 4
        })
    }

    /// Tells that an attempt does not begin, and when it is looked at again; None where that is never.
    pub(super) fn refuse(&self, reason: Reason, retry_after: Option<Duration>) {
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
        self.tell(EventKind::Rejected { reason, retry_after });
    }

    /// An attempt ended well after `elapsed`, or was dropped by then.
    pub(super) fn observe(&self, started: Duration, ended: bool) {
        if let Delay::Observed { tracked, .. } = &self.delay {
            let now = self.timing.now();
            let elapsed = now.saturating_sub(started);
            match ended {
                true => tracked.histogram().record(now, elapsed),
                false => tracked.histogram().record_at_least(now, elapsed),
            }
        }
    }

    /// The settings in words.
    pub(super) fn explain(&self) -> String {
        let begins = match &self.delay {
            Delay::Fixed(delay) => time(*delay),
            Delay::Observed { tracked, floor } => {
                format!("{} of what is observed, at least {}", tracked.explain(), time(*floor))
            }
        };
        let (most, plural) = (self.max_hedges, if self.max_hedges == 1 { "call" } else { "calls" });
        let room = if self.room.is_some() { ", none in the last fifth of the places" } else { "" };
        format!("{most} more {plural} beside a slow one, each after {begins}{room}, {}", self.budget.explain())
    }

    fn tell(&self, kind: EventKind<'_>) {
        self.listeners.tell(&Event::told(self.timing.coarse_nanos(), PolicyKind::Hedge, &self.name, kind));
    }

    pub(super) fn snapshot(&self) -> HedgeSnapshot {
        let read = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        HedgeSnapshot {
            name: self.name.clone(),
            calls: read(&self.counts.calls),
            hedges: read(&self.counts.hedges),
            won_by_hedge: read(&self.counts.won_by_hedge),
            failed: read(&self.counts.failed),
            refused: read(&self.counts.refused),
            delay: self.delay(self.timing.now()),
            budget: self.budget.snapshot(),
        }
    }
}
