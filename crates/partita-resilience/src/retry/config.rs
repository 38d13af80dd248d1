//! Settings of a retry policy.

use super::core::{Core, Gate};
use super::jitter::Waits;
use super::{Jitter, Retry};
use crate::budget::Budget;
use crate::{BuildError, ByResult, Event, Listeners, Name, PolicyKind, Timing};
use std::sync::Arc;
use std::time::Duration;

/// Settings of a [`Retry`].
#[must_use]
pub struct RetryBuilder<C = ByResult> {
    pub(super) limits: Limits,
    pub(super) waits: Waits,
    budget: Wanted,
    gate: Option<Arc<dyn Gate>>,
    listeners: Listeners,
    timing: Timing,
    name: Name,
    classify: C,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) attempts: Option<u32>,
    pub(super) deadline: Option<Duration>,
    pub(super) retry_after: Duration,
    pub(super) failure_rate: f64,
    pub(super) min_attempts: u32,
    pub(super) idempotent: bool,
}

enum Wanted {
    Own,
    Shared(Budget),
    Without,
}

impl RetryBuilder<ByResult> {
    pub(super) fn new(name: Name) -> Self {
        Self {
            limits: Limits {
                attempts: Some(3),
                deadline: None,
                retry_after: Duration::from_secs(60),
                failure_rate: 0.8,
                min_attempts: 100,
                idempotent: false,
            },
            waits: Waits {
                initial: Duration::from_millis(100),
                max: Duration::from_secs(10),
                multiplier: 2.0,
                jitter: Jitter::Full,
            },
            budget: Wanted::Own,
            gate: None,
            listeners: Listeners::default(),
            timing: Timing::system(),
            name,
            classify: ByResult,
        }
    }
}

impl<C> RetryBuilder<C> {
    /// Attempts at most, the first one included. Default 3: a third try still helps, a fourth mostly adds load.
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.limits.attempts = Some(attempts);
        self
    }

    pub(crate) const fn attempts(&self) -> Option<u32> {
        self.limits.attempts
    }

    /// Its own deadline.
    pub(crate) const fn limit(&self) -> Option<Duration> {
        self.limits.deadline
    }

    /// As many attempts as the deadline allows, which is required then.
    pub const fn unlimited_attempts(mut self) -> Self {
        self.limits.attempts = None;
        self
    }

    /// Ceiling of the first wait. Default 100 ms: long enough for a restart of a connection, short for a person.
    pub const fn initial(mut self, wait: Duration) -> Self {
        self.waits.initial = wait;
        self
    }

    /// Ceiling of every wait. Default 10 s: nobody waits longer for an answer.
    pub const fn max(mut self, wait: Duration) -> Self {
        self.waits.max = wait;
        self
    }

    /// By how much each ceiling is above the one before, from 1. Default 2: the next retry leaves twice the time.
    pub const fn multiplier(mut self, multiplier: f64) -> Self {
        self.waits.multiplier = multiplier;
        self
    }

    /// How chance spreads the waits. Default [`Jitter::Full`]: callers that failed together do not come back together.
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.waits.jitter = jitter;
        self
    }

    /// Shares this budget; share one among all that repeat work on the same dependency. Default: one of the policy's own.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = Wanted::Shared(budget);
        self
    }

    /// No budget. Under an outage each call then brings all its attempts: for callers that are few and slow.
    pub fn without_budget(mut self) -> Self {
        self.budget = Wanted::Without;
        self
    }

    /// No further attempt begins so late after the first, or later. Default none: the deadline of the [`Context`] holds, where there
    /// is one. It does not end an attempt that is under way; [`Deadline`](crate::deadline::Deadline) does.
    ///
    /// [`Context`]: crate::deadline::Context
    pub const fn deadline(mut self, limit: Duration) -> Self {
        self.limits.deadline = Some(limit);
        self
    }

    /// As [`RetryBuilder::deadline`], unless a sooner one is set.
    pub(crate) fn deadline_at_most(mut self, limit: Duration) -> Self {
        self.limits.deadline = Some(self.limits.deadline.map_or(limit, |own| own.min(limit)));
        self
    }

    /// The longest Retry-After that is waited for; after a longer one there is no retry, as there is none after one beyond the
    /// deadline. Default 60 s: nobody who waits for an answer waits longer.
    pub const fn max_retry_after(mut self, wait: Duration) -> Self {
        self.limits.retry_after = wait;
        self
    }

    /// Stops retries while so many of the last 10 s' attempts failed, 0 to 1, once there were `min_attempts`. Default 0.8
    /// of at least 100: an outage, against which a retry does nothing; below ten attempts a second the budget's floor
    /// bounds retries by itself.
    pub const fn failure_rate(mut self, rate: f64, min_attempts: u32) -> Self {
        self.limits.failure_rate = rate;
        self.limits.min_attempts = min_attempts;
        self
    }

    /// Whether all calls through this policy may be made twice. Default false: then only calls whose
    /// [`Context`](crate::deadline::Context) is idempotent or carries a key are repeated.
    pub const fn idempotent(mut self, idempotent: bool) -> Self {
        self.limits.idempotent = idempotent;
        self
    }

    /// Asked before each retry, as whether a breaker is closed.
    pub fn gate(mut self, gate: impl Gate + 'static) -> Self {
        self.gate = Some(Arc::new(gate));
        self
    }

    /// Judges how an attempt ended: failure and overloaded are tried again, ignored is not. Default [`ByResult`].
    pub fn classify<D>(self, classify: D) -> RetryBuilder<D> {
        let Self { limits, waits, budget, gate, listeners, timing, name, classify: _ } = self;
        RetryBuilder { limits, waits, budget, gate, listeners, timing, name, classify }
    }

    /// Hears of each retry (attempt, delay, cause) and of each call given up.
    pub fn listener(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.add(listener);
        self
    }

    /// Reads time and draws here; default [`Timing::system`].
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Makes the policy.
    ///
    /// # Errors
    /// A setting that can only be a mistake.
    pub fn build(self) -> Result<Retry<C>, BuildError> {
        self.limits.check()?;
        self.waits.check()?;
        let budget = match self.budget {
            Wanted::Own => Some(Budget::builder().timing(self.timing.clone()).build()?),
            Wanted::Shared(budget) => Some(budget),
            Wanted::Without => None,
        };
        let mut core = Core::new(self.name, self.limits, self.waits, self.timing);
        (core.budget, core.gate, core.listeners) = (budget, self.gate, self.listeners);
        Ok(Retry::new(core, self.classify))
    }
}

impl Limits {
    fn check(&self) -> Result<(), BuildError> {
        let refuse = |option, why: &str| Err(BuildError::new(PolicyKind::Retry, option, why));
        if self.attempts == Some(0) {
            return refuse("max_attempts", "counts the first attempt: write 1 for no retry, 3 is usual");
        }
        if self.attempts.is_none() && self.deadline.is_none() {
            return refuse("max_attempts", "unlimited without a deadline never ends: set `max_attempts` or `deadline`");
        }
        if self.deadline == Some(Duration::ZERO) {
            return refuse("deadline", "no time for any retry: leave it out, or give it some");
        }
        if self.failure_rate.is_nan() || self.failure_rate <= 0.0 || self.failure_rate > 1.0 {
            return refuse("failure_rate", "must be above 0 and at most 1; 0.8 is usual, 1 stops only when all fail");
        }
        Ok(())
    }
}

impl Waits {
    fn check(&self) -> Result<(), BuildError> {
        let refuse = |option, why: &str| Err(BuildError::new(PolicyKind::Retry, option, why));
        if self.initial > self.max {
            return refuse("initial", "must not be above `max`; raise `max` or lower `initial`");
        }
        if !(1.0..=1_000.0).contains(&self.multiplier) {
            return refuse("multiplier", "must be from 1 to 1,000: waits never shrink; 2 is usual");
        }
        match self.jitter {
            Jitter::Factor(part) if !(0.0..=1.0).contains(&part) => {
                refuse("jitter", "the factor must be from 0 to 1; 0.25 is usual")
            }
            _ => Ok(()),
        }
    }
}

impl<C> std::fmt::Debug for RetryBuilder<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RetryBuilder").field("name", &self.name).field("limits", &self.limits).finish_non_exhaustive()
    }
}
