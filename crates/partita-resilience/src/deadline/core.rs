//! Which deadline a call has.

use super::{Context, Counts};
use crate::timed::Watch;
use crate::{Event, EventKind, Limit, Listeners, PolicyKind, Reason, Rejected, Timing};
use std::time::Duration;

/// Where a deadline policy stands; counts since it was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadlineSnapshot {
    /// The policy's name.
    pub name: crate::Name,
    /// Calls that ended in time.
    pub in_time: u64,
    /// Calls that were cut off.
    pub timed_out: u64,
    /// Calls refused because no time was left when they came.
    pub refused: u64,
}

pub(crate) struct Core {
    pub(super) name: crate::Name,
    pub(super) limit: Duration,
    pub(super) max: Duration,
    #[cfg_attr(not(feature = "http"), allow(dead_code, reason = "what the next hop is told"))]
    pub(super) margin: Duration,
    pub(super) listeners: Listeners,
    pub(super) timing: Timing,
    pub(super) counts: Counts,
}

/// A call that has time: its context, when it began, and its limit.
pub(crate) type Begun = (Context, Duration, (Duration, Limit));

impl Core {
    /// Gives the call its deadline: the one it brings or the default, at most the maximum.
    pub(super) fn begin(&self, context: Context) -> Result<Begun, Rejected> {
        let now = self.timing.now();
        let most = if context.deadline().is_some() { self.max } else { self.limit };
        let context = context.until(now.saturating_add(most));
        let left = context.deadline().map_or(most, |moment| moment.saturating_sub(now));
        if left.is_zero() {
            return Err(self.refuse());
        }
        Ok((context, now, (left, Limit::Deadline)))
    }

    /// What the next hop may take of the time left; None where there is no deadline.
    pub(super) fn for_next_hop(&self, context: &Context) -> Result<Option<Duration>, Rejected> {
        let Some(left) = context.left(&self.timing) else { return Ok(None) };
        let left = left.saturating_sub(self.margin);
        if left < Duration::from_millis(1) {
            return Err(self.refuse());
        }
        Ok(Some(left))
    }

    fn refuse(&self) -> Rejected {
        self.counts.refused();
        let (reason, retry_after) = (Reason::DeadlinePassed, None);
        self.tell(EventKind::Rejected { reason, retry_after });
        Rejected { policy: PolicyKind::Deadline, name: self.name.clone(), reason, retry_after }
    }

    fn tell(&self, kind: EventKind<'_>) {
        self.listeners.tell(&Event::told(self.timing.coarse_nanos(), PolicyKind::Deadline, &self.name, kind));
    }

    pub(super) fn snapshot(&self) -> DeadlineSnapshot {
        self.counts.snapshot(self.name.clone())
    }
}

impl Watch for Core {
    fn timing(&self) -> &Timing {
        &self.timing
    }

    fn ended(&self, _: Duration, _: bool) {
        self.counts.in_time();
    }

    fn cut(&self, _: Duration, at_limit: Option<(Duration, Limit)>) {
        if let Some((after, which)) = at_limit {
            self.counts.timed_out();
            self.tell(EventKind::TimedOut { after, which });
        }
    }
}
