//! Decides whether another attempt is made.

use super::config::Limits;
use super::jitter::Waits;
use super::recent::Recent;
use super::snapshot::{Count, Counts, RetrySnapshot};
use crate::budget::{Budget, Deposit, Withdrawal};
use crate::deadline::{Context, NEVER, give_up, nanos};
use crate::stack::time;
use crate::verdict::Verdict;
use crate::{Error, Event, EventKind, Listeners, Name, PolicyKind, Timing};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Asked before each retry.
pub trait Gate: Send + Sync {
    /// Whether the dependency may be tried again now.
    fn lets_retry(&self) -> bool;
}

impl<F: Fn() -> bool + Send + Sync> Gate for F {
    fn lets_retry(&self) -> bool {
        self()
    }
}

/// Why no further attempt is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stop {
    /// As many attempts as allowed were made.
    MaxAttempts,
    /// The end says that another attempt would end the same way.
    NotRetryable,
    /// A policy of ours refused the attempt.
    Rejected,
    /// The call is neither idempotent nor carries a key.
    NotIdempotent,
    /// The request cannot be made a second time, as when its body was streamed.
    NotRepeatable,
    /// The gate is shut: a breaker is open.
    GateShut,
    /// The dependency asked to be left alone for longer than this policy waits.
    RetryAfterTooLong,
    /// No time would be left for the next attempt.
    DeadlinePassed,
    /// The budget is spent.
    BudgetSpent,
    /// Too many of the last attempts failed.
    FailureRate,
}

impl Stop {
    /// The word in events and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MaxAttempts => "max_attempts",
            Self::NotRetryable => "not_retryable",
            Self::Rejected => "rejected",
            Self::NotIdempotent => "not_idempotent",
            Self::NotRepeatable => "not_repeatable",
            Self::GateShut => "breaker_open",
            Self::RetryAfterTooLong => "retry_after_too_long",
            Self::DeadlinePassed => "deadline_passed",
            Self::BudgetSpent => "budget_spent",
            Self::FailureRate => "failure_rate",
        }
    }
}

/// What all calls through one policy share.
pub(crate) struct Core {
    pub(super) name: Name,
    pub(super) limits: Limits,
    pub(super) waits: Waits,
    pub(super) budget: Option<Budget>,
    pub(super) gate: Option<Arc<dyn Gate>>,
    pub(super) listeners: Listeners,
    pub(super) timing: Timing,
    /// That of the limits in nanoseconds; [`NEVER`] without one.
    deadline: u64,
    recent: Recent,
    counts: Counts,
}

impl Core {
    pub(super) fn new(name: Name, limits: Limits, waits: Waits, timing: Timing) -> Self {
        let (recent, counts) = (Recent::default(), Counts::default());
        let (budget, gate, listeners) = (None, None, Listeners::default());
        let deadline = limits.deadline.map_or(NEVER, nanos);
        Self { name, limits, waits, budget, gate, listeners, timing, deadline, recent, counts }
    }

    pub(super) fn snapshot(&self) -> RetrySnapshot {
        RetrySnapshot {
            name: self.name.clone(),
            calls: self.counts.read(Count::Calls),
            retries: self.counts.read(Count::Retries),
            successful: self.counts.read(Count::Successful),
            rescued: self.counts.read(Count::Rescued),
            failed: self.counts.read(Count::Failed),
            recent_failure_rate: self.recent.view(self.timing.coarse_nanos()).failure_rate(),
            budget: self.budget.as_ref().map(Budget::snapshot),
        }
    }

    /// The settings in words.
    pub(super) fn explain(&self) -> String {
        let attempts =
            self.limits.attempts.map_or_else(|| "attempts without limit".to_owned(), |n| format!("{n} attempts"));
        let waits = &self.waits;
        let budget = self.budget.as_ref().map_or_else(|| "without a budget".to_owned(), Budget::explain);
        format!(
            "{attempts}, waits from {} times {} up to {}, {:?} jitter, {budget}",
            time(waits.initial),
            waits.multiplier,
            time(waits.max),
            waits.jitter
        )
    }

    fn tell(&self, kind: EventKind<'_>) {
        self.listeners.tell(&Event::told(self.timing.coarse_nanos(), PolicyKind::Retry, &self.name, kind));
    }
}

/// Lends the core to one call: a borrow for a plain call, a share for a future of its own.
pub(crate) trait Hold {
    fn core(&self) -> &Core;
}

impl Hold for &Core {
    fn core(&self) -> &Core {
        self
    }
}

/// One call, from its first attempt to its last.
pub(crate) struct Course<H: Hold> {
    hold: H,
    waited: Duration,
    /// What the first attempt put into the budget.
    deposit: Option<Deposit>,
    first_under_way: bool,
    repeatable: bool,
}

/// What comes after an attempt.
pub(crate) enum Next {
    /// The end is the answer; with a reason, where another attempt was wanted and not made.
    Return(Option<Stop>),
    /// Another attempt, after a wait.
    Again(Place, Duration),
}

/// The next attempt's place in the budget, if there is one.
pub(crate) type Place = Option<Withdrawal>;

impl<H: Hold> Course<H> {
    /// Takes up the first attempt of a call. `now` is the moment.
    #[inline(always)]
    pub(crate) fn begin(hold: H, context: &mut Context, now: impl FnOnce(&Timing) -> u64) -> Self {
        let core = hold.core();
        core.counts.add(Count::Calls);
        let deposit = core.budget.as_ref().map(Budget::deposit);
        if core.deadline != NEVER {
            context.end_at(now(&core.timing).saturating_add(core.deadline));
        }
        context.set_attempt(1);
        Self { hold, waited: Duration::ZERO, deposit, first_under_way: true, repeatable: true }
    }

    pub(super) fn hold(&self) -> &H {
        &self.hold
    }

    /// The request was made and cannot be made again.
    pub(super) fn cannot_repeat(&mut self) {
        self.repeatable = false;
    }

    /// Policies refused an attempt. The first one deposits only if it reaches the dependency.
    #[cold]
    pub(super) fn was_refused(&mut self) {
        if self.first_under_way {
            self.take_back();
        }
    }

    fn take_back(&mut self) {
        if let (Some(budget), Some(deposit)) = (&self.hold.core().budget, self.deposit.take()) {
            budget.take_back(deposit);
        }
    }

    /// The wait is over and the next attempt begins.
    pub(crate) fn again(&mut self, context: &mut Context, withdrawal: Place) {
        context.set_attempt(context.number().saturating_add(1));
        self.hold.core().counts.add(Count::Retries);
        if let Some(withdrawal) = withdrawal {
            withdrawal.spend();
        }
    }

    /// An attempt ended well.
    #[inline(always)]
    pub(super) fn succeeded(&mut self, context: &Context) {
        self.first_under_way = false;
        let core = self.hold.core();
        core.recent.record(core.timing.coarse_nanos(), false);
        core.counts.add(Count::Successful);
        if context.number() > 1 {
            core.counts.add(Count::Rescued);
        }
    }

    /// An attempt ended; `cause` is how, for those who listen.
    pub(super) fn ended(&mut self, context: &Context, verdict: Verdict, cause: &dyn fmt::Debug) -> Next {
        if verdict == Verdict::Good {
            self.succeeded(context);
            return Next::Return(None);
        }
        self.first_under_way = false;
        let core = self.hold.core();
        let attempts = context.number();
        if let Verdict::Failed { .. } = verdict {
            core.recent.record(core.timing.coarse_nanos(), true);
        }
        match self.plan(context, verdict) {
            Ok((withdrawal, delay)) => {
                self.waited = delay;
                let attempt = attempts.saturating_add(1);
                self.hold.core().tell(EventKind::Retrying { attempt, delay, cause });
                Next::Again(withdrawal, delay)
            }
            Err(stop) => {
                core.counts.add(Count::Failed);
                core.tell(EventKind::GaveUp { attempts, reason: stop.as_str() });
                Next::Return(Some(stop))
            }
        }
    }

    /// Whether, and after which wait, another attempt is made. The budget comes late, so that nothing is taken in vain.
    fn plan(&self, context: &Context, verdict: Verdict) -> Result<(Place, Duration), Stop> {
        let (core, limits) = (self.hold.core(), &self.hold.core().limits);
        let retry_after = match verdict {
            Verdict::Failed { retry_after } => retry_after,
            Verdict::Ours => return Err(Stop::Rejected),
            Verdict::Good | Verdict::Final => return Err(Stop::NotRetryable),
        };
        if !limits.idempotent && !context.may_repeat() {
            return Err(Stop::NotIdempotent);
        }
        if !self.repeatable {
            return Err(Stop::NotRepeatable);
        }
        let next = context.number().saturating_add(1);
        if limits.attempts.is_some_and(|most| next > most) {
            return Err(Stop::MaxAttempts);
        }
        if core.gate.as_ref().is_some_and(|gate| !gate.lets_retry()) {
            return Err(Stop::GateShut);
        }
        let least = retry_after.unwrap_or_default();
        if least > limits.retry_after {
            return Err(Stop::RetryAfterTooLong);
        }
        let delay = core.waits.draw(next, self.waited, core.timing.entropy()).max(least);
        let begins = core.timing.now().saturating_add(delay);
        if context.deadline().is_some_and(|deadline| begins >= deadline) {
            give_up(context);
            return Err(Stop::DeadlinePassed);
        }
        let withdrawal = match &core.budget {
            Some(budget) => Some(budget.withdraw().ok_or(Stop::BudgetSpent)?),
            None => None,
        };
        let recent = core.recent.view(core.timing.coarse_nanos());
        if recent.total >= u64::from(limits.min_attempts) && recent.failure_rate() >= limits.failure_rate {
            return Err(Stop::FailureRate);
        }
        Ok((withdrawal, delay))
    }
}

/// The end of the call from the end of its last attempt.
pub(crate) fn answer<T, E>(context: &Context, result: Result<T, Error<E>>, stop: Option<Stop>) -> Result<T, Error<E>> {
    match (result, stop) {
        (Err(last), Some(stop)) => Err(gave_up(context, last, stop)),
        (result, _) => result,
    }
}

/// The error of the call from that of its last attempt.
pub(crate) fn gave_up<E>(context: &Context, last: Error<E>, stop: Stop) -> Error<E> {
    let attempts = context.number();
    let alone = matches!(stop, Stop::NotRetryable | Stop::NotIdempotent | Stop::NotRepeatable | Stop::Rejected);
    if attempts > 1 || !alone { Error::Exhausted { attempts, last: Box::new(last) } } else { last }
}

impl<H: Hold> Drop for Course<H> {
    fn drop(&mut self) {
        if self.first_under_way {
            self.hold.core().counts.take_back(Count::Calls);
            self.take_back();
        }
    }
}
