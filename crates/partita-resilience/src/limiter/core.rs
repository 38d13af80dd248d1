//! What the limiters of one configuration share.

use super::config::Builder;
use super::decision::Decision;
use super::line::{Asked, Bounds, Meter};
use super::reservation::Reservation;
use super::rule::Rule;
use crate::stack::time;
use crate::stripe::Striped;
use crate::timing::nanos;
use crate::{Event, EventKind, Listeners, PolicyKind, Reason, Rejected, Timing};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Core {
    pub(super) name: crate::Name,
    pub(super) rule: Rule,
    pub(super) timing: Timing,
    pub(super) max_wait: Duration,
    waiters: usize,
    listeners: Listeners,
    admitted: Striped<AtomicU64>,
    rejected: AtomicU64,
}

impl Core {
    pub(super) fn new(config: Builder) -> Self {
        Self {
            rule: Rule::new(&config.quota),
            name: config.name,
            timing: config.timing,
            max_wait: config.max_wait,
            waiters: config.waiters,
            listeners: config.listeners,
            admitted: Striped::default(),
            rejected: AtomicU64::new(0),
        }
    }

    /// The quota in words.
    pub(super) fn explain(&self) -> String {
        let Rule { limit, depth, per, algorithm, .. } = self.rule;
        format!("{limit} in {}, {depth} at once, by {}", time(Duration::from_nanos(per)), algorithm.as_str())
    }

    /// Exact nanoseconds since the clock was made.
    #[inline]
    pub(super) fn now(&self) -> u64 {
        self.timing.nanos()
    }

    #[inline(always)]
    pub(super) fn check(&self, meter: &Meter, cost: u32) -> Decision {
        // What is allowed at once stays in registers, as far as its reader asks for it.
        let now = self.now();
        match self.rule.charge_quick(&meter.cell, now, cost) {
            Some(ahead) => {
                self.admit();
                self.rule.allowed(ahead, now, cost)
            }
            None => self.check_closer(meter, now, cost),
        }
    }

    #[inline(never)]
    fn check_closer(&self, meter: &Meter, now: u64, cost: u32) -> Decision {
        let decision = self.rule.check(&meter.cell, now, cost);
        self.count(&decision);
        decision
    }

    #[inline]
    pub(super) fn count(&self, decision: &Decision) {
        if decision.allowed() {
            self.admit();
        } else {
            self.reject(decision);
        }
    }

    #[inline(always)]
    fn admit(&self) {
        let mine = self.admitted.mine();
        mine.update(mine.cell, |old| old.wrapping_add(1));
        self.listeners.routine(|| self.event(EventKind::Admitted));
    }

    #[cold]
    fn reject(&self, decision: &Decision) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
        let kind = EventKind::Rejected { reason: reason(decision), retry_after: decision.retry_after() };
        self.listeners.tell(&self.event(kind));
    }

    fn event<'a>(&'a self, kind: EventKind<'a>) -> Event<'a> {
        Event::told(self.timing.coarse_nanos(), PolicyKind::RateLimit, &self.name, kind)
    }

    /// The error of a decision that refused.
    pub(super) fn rejected(&self, decision: &Decision) -> Rejected {
        let retry_after = decision.retry_after();
        Rejected { policy: PolicyKind::RateLimit, name: self.name.clone(), reason: reason(decision), retry_after }
    }

    /// A moment for a call, within `at_most`.
    pub(super) fn reserve(
        self: &Arc<Self>,
        meter: Arc<Meter>,
        cost: u32,
        at_most: Duration,
    ) -> Result<Reservation, Rejected> {
        let now = self.now();
        let wait = nanos(at_most);
        let ticket = match meter.ask(&self.rule, now, cost, Bounds { wait, waiters: self.waiters }) {
            Asked::Now => None,
            Asked::Later(ticket) => Some(ticket),
            Asked::Refused(decision) => return Err(self.refuse(&decision)),
            Asked::Full(decision) => return Err(Rejected { reason: Reason::QueueFull, ..self.refuse(&decision) }),
        };
        let reservation = Reservation::new(Arc::clone(self), meter, ticket);
        self.admit();
        Ok(reservation)
    }

    /// Lets a call pass, within the longest wait: now, or at a moment of its own.
    pub(super) fn pass(self: &Arc<Self>, meter: &Arc<Meter>) -> Result<Option<Reservation>, Rejected> {
        if self.max_wait.is_zero() {
            let decision = self.check(meter, 1);
            return if decision.allowed() { Ok(None) } else { Err(self.rejected(&decision)) };
        }
        self.reserve(Arc::clone(meter), 1, self.max_wait).map(Some)
    }

    #[cold]
    fn refuse(&self, decision: &Decision) -> Rejected {
        self.reject(decision);
        self.rejected(decision)
    }

    pub(super) fn counts(&self) -> (u64, u64) {
        let admitted = self.admitted.every().map(|count| count.load(Ordering::Relaxed)).sum();
        (admitted, self.rejected.load(Ordering::Relaxed))
    }
}

const fn reason(decision: &Decision) -> Reason {
    if decision.never_fits() { Reason::CostTooHigh } else { Reason::LimitReached }
}
