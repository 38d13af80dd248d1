//! Which limit an attempt has.

use super::{Step, TimeoutSnapshot};
use crate::deadline::Context;
use crate::histogram::{Quantile, Tracked};
use crate::stack::time;
use crate::timed::Watch;
use crate::{Event, EventKind, Limit, Listeners, Name, PolicyKind, Reason, Rejected, Timing};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[derive(Clone, Debug)]
pub(super) enum Rule {
    Fixed(Duration),
    Growing(Duration),
    Adaptive { factor: f64, floor: Duration, ceiling: Duration },
    Steps { steps: Vec<Step>, above: Duration },
}

impl Rule {
    pub(super) const fn observes(&self) -> bool {
        matches!(self, Self::Adaptive { .. } | Self::Steps { .. })
    }

    pub(super) fn longest(&self) -> Duration {
        match self {
            Self::Fixed(limit) | Self::Growing(limit) => *limit,
            Self::Adaptive { ceiling, .. } => *ceiling,
            Self::Steps { steps, above } => steps.iter().map(|step| step.limit).fold(*above, Duration::max),
        }
    }

    /// The limit for what was observed. Where the quantile lies beyond all that was seen, nothing but the longest is safe:
    /// a limit that followed its own cut-offs would never find out that calls have become slower.
    fn observed(&self, quantile: Quantile) -> Duration {
        match (self, quantile) {
            (Self::Adaptive { factor, floor, ceiling }, Quantile::At(at)) => {
                Duration::try_from_secs_f64(at.as_secs_f64() * factor).unwrap_or(*ceiling).clamp(*floor, *ceiling)
            }
            (Self::Steps { steps, above }, Quantile::At(at)) => {
                steps.iter().find(|step| at < step.below).map_or(*above, |step| step.limit)
            }
            _ => self.longest(),
        }
    }
}

pub(crate) struct Core {
    pub(super) name: Name,
    pub(super) tracked: Option<Tracked>,
    pub(super) listeners: Listeners,
    pub(super) timing: Timing,
    pub(super) rule: Rule,
    pub(super) unknown: Duration,
    pub(super) in_time: AtomicU64,
    pub(super) timed_out: AtomicU64,
}

/// When a call began, and its limit.
pub(crate) type Begun = (Duration, (Duration, Limit));

impl Core {
    pub(super) fn new(name: Name, rule: Rule, unknown: Duration, timing: Timing) -> Self {
        let (in_time, timed_out) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { name, tracked: None, listeners: Listeners::default(), timing, rule, unknown, in_time, timed_out }
    }

    fn quantile(&self, now: Duration) -> Option<Quantile> {
        self.tracked.as_ref().and_then(|tracked| tracked.get(now))
    }

    /// The limit of an attempt by the rule alone.
    pub(super) fn limit(&self, attempt: u32, now: Duration) -> Duration {
        match &self.rule {
            Rule::Fixed(limit) => *limit,
            Rule::Growing(limit) => limit.saturating_mul(attempt.max(1)),
            rule => self.quantile(now).map_or(self.unknown, |quantile| rule.observed(quantile)),
        }
    }

    /// The longest limit by the rule of any of so many attempts, whatever is observed.
    pub(super) fn longest(&self, attempts: u32) -> Duration {
        match &self.rule {
            Rule::Growing(_) => self.limit(attempts, Duration::ZERO),
            rule => rule.longest().max(self.unknown),
        }
    }

    /// The rule in words.
    pub(super) fn explain(&self) -> String {
        let observed = self.tracked.as_ref().map_or_else(String::new, Tracked::explain);
        let until = format!("{} until it is known", time(self.unknown));
        match &self.rule {
            Rule::Fixed(limit) => time(*limit),
            Rule::Growing(limit) => format!("{} times the attempt's number", time(*limit)),
            Rule::Adaptive { factor, floor, ceiling } => {
                format!("{factor} times the observed {observed}, {} to {}; {until}", time(*floor), time(*ceiling))
            }
            Rule::Steps { steps, above } => {
                let step = |step: &Step| format!("{} below {}", time(step.limit), time(step.below));
                let steps = steps.iter().map(step).collect::<Vec<_>>().join(", ");
                format!("by the observed {observed}: {steps}, else {}; {until}", time(*above))
            }
        }
    }

    /// When the call begins, and its limit; a refusal where the context has no time left.
    pub(super) fn begin(&self, context: &Context) -> Result<Begun, Rejected> {
        let now = self.timing.now();
        let limit = self.limit(context.number(), now);
        match context.deadline().map(|moment| moment.saturating_sub(now)) {
            Some(left) if left.is_zero() => Err(self.refuse()),
            Some(left) if left < limit => Ok((now, (left, Limit::Deadline))),
            _ => Ok((now, (limit, Limit::Attempt))),
        }
    }

    fn refuse(&self) -> Rejected {
        let (reason, retry_after) = (Reason::DeadlinePassed, None);
        self.tell(EventKind::Rejected { reason, retry_after });
        Rejected { policy: PolicyKind::Timeout, name: self.name.clone(), reason, retry_after }
    }

    fn tell(&self, kind: EventKind<'_>) {
        self.listeners.tell(&Event::told(self.timing.coarse_nanos(), PolicyKind::Timeout, &self.name, kind));
    }

    pub(super) fn snapshot(&self) -> TimeoutSnapshot {
        let now = self.timing.now();
        TimeoutSnapshot {
            name: self.name.clone(),
            limit: self.limit(1, now),
            in_time: self.in_time.load(Ordering::Relaxed),
            timed_out: self.timed_out.load(Ordering::Relaxed),
            observed: self.quantile(now).map(|quantile| match quantile {
                Quantile::At(at) | Quantile::Above(at) => at,
            }),
        }
    }
}

impl Watch for Core {
    fn timing(&self) -> &Timing {
        &self.timing
    }

    fn ended(&self, started: Duration, good: bool) {
        self.in_time.fetch_add(1, Ordering::Relaxed);
        // How fast a call fails says nothing about how long one takes that does not.
        if let (Some(tracked), true) = (&self.tracked, good) {
            let now = self.timing.now();
            tracked.histogram().record(now, now.saturating_sub(started));
        }
    }

    fn cut(&self, started: Duration, at_limit: Option<(Duration, Limit)>) {
        if let Some(tracked) = &self.tracked {
            let now = self.timing.now();
            tracked.histogram().record_at_least(now, now.saturating_sub(started));
        }
        if let Some((after, which)) = at_limit {
            self.timed_out.fetch_add(1, Ordering::Relaxed);
            self.tell(EventKind::TimedOut { after, which });
        }
    }
}
