//! What a call through a policy can end with.

use crate::Name;
use std::fmt;
use std::time::Duration;

/// Which policy spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PolicyKind {
    /// Limit that moves with the dependency's latency.
    Adaptive,
    /// Circuit breaker.
    Breaker,
    /// Bulkhead for calls.
    Bulkhead,
    /// Cache with stale answers.
    Cache,
    /// Many equal calls made one.
    Coalesce,
    /// Time left for the whole of a request.
    Deadline,
    /// A second answer.
    Fallback,
    /// A second call while the first one is slow.
    Hedge,
    /// A look at all policies of a dependency.
    Monitor,
    /// Bulkhead for blocking work.
    Pool,
    /// Calls at the same time, some of which the answer can do without.
    Join,
    /// Rate limiter.
    RateLimit,
    /// Retry with its budget.
    Retry,
    /// Load shedding.
    Shed,
    /// Several policies in one order.
    Stack,
    /// Time given to one attempt.
    Timeout,
}

impl PolicyKind {
    /// The word in errors, events and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Adaptive => "adaptive limit",
            Self::Breaker => "circuit breaker",
            Self::Bulkhead => "bulkhead",
            Self::Cache => "cache",
            Self::Coalesce => "coalesce",
            Self::Deadline => "deadline",
            Self::Fallback => "fallback",
            Self::Hedge => "hedge",
            Self::Monitor => "monitor",
            Self::Pool => "pool",
            Self::Join => "join",
            Self::RateLimit => "rate limit",
            Self::Retry => "retry",
            Self::Shed => "load shed",
            Self::Stack => "stack",
            Self::Timeout => "timeout",
        }
    }
}

impl fmt::Display for PolicyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a policy refused a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The breaker is open.
    Open,
    /// An operator forced the breaker open.
    ForcedOpen,
    /// Every probe of a half-open breaker is taken.
    ProbesTaken,
    /// The breaker has just closed and lets part of the traffic through.
    Ramping,
    /// No permit is free and the policy does not queue.
    Saturated,
    /// The queue is full.
    QueueFull,
    /// No permit came free within the longest wait.
    WaitedTooLong,
    /// The quota is used up.
    LimitReached,
    /// The cost is above what the quota ever holds at once.
    CostTooHigh,
    /// The retry budget is spent.
    BudgetSpent,
    /// No time is left.
    DeadlinePassed,
    /// Load is shed.
    Overloaded,
    /// The pool was shut down.
    ShutDown,
    /// The request cannot be made a second time.
    NotRepeatable,
}

impl Reason {
    /// The word in events and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::ForcedOpen => "forced_open",
            Self::ProbesTaken => "probes_taken",
            Self::Ramping => "ramping",
            Self::Saturated => "saturated",
            Self::QueueFull => "queue_full",
            Self::WaitedTooLong => "waited_too_long",
            Self::LimitReached => "limit_reached",
            Self::CostTooHigh => "cost_too_high",
            Self::BudgetSpent => "budget_spent",
            Self::DeadlinePassed => "deadline_passed",
            Self::Overloaded => "overloaded",
            Self::ShutDown => "shut_down",
            Self::NotRepeatable => "not_repeatable",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A call that a policy refused; the work was not begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Who refused.
    pub policy: PolicyKind,
    /// Its name.
    pub name: Name,
    /// Why.
    pub reason: Reason,
    /// When to come again, from now. None where no time helps: the deadline has passed, an operator forced the breaker open,
    /// the cost never fits, the pool was shut down, the request cannot be repeated.
    pub retry_after: Option<Duration>,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}` refused the call: {}", self.policy, self.name, self.reason)?;
        match self.retry_after {
            Some(wait) => write!(f, "; come again in {} ms", wait.as_nanos().div_ceil(1_000_000)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Rejected {}

/// Which limit of time ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// That of one attempt.
    Attempt,
    /// The breaker's own limit for a call.
    Call,
    /// The deadline of the whole request.
    Deadline,
    /// The optional part of a join.
    Optional,
    /// A follower's wait for the answer of another caller.
    Shared,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Attempt => "the attempt's limit",
            Self::Call => "the breaker's limit of a call",
            Self::Deadline => "the deadline",
            Self::Optional => "the optional call's limit",
            Self::Shared => "the wait for a shared answer",
        })
    }
}

/// The error of every policy, around the error `E` of the call itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error<E> {
    /// A policy refused; the work was not begun.
    Rejected(Rejected),
    /// Time ran out and the work was dropped. What it did elsewhere is not known.
    TimedOut {
        /// The limit that ran out.
        after: Duration,
        /// Whose limit it was.
        which: Limit,
    },
    /// Retries ended without success.
    Exhausted {
        /// Attempts begun, the first one included.
        attempts: u32,
        /// How the last one ended.
        last: Box<Self>,
    },
    /// The call and every hedge of it failed; in the order of their failures.
    AllHedgesFailed(Vec<Self>),
    /// The call failed, and the fallback too.
    FallbackFailed {
        /// How the call ended.
        cause: Box<Self>,
        /// How the fallback ended.
        fallback: Box<Self>,
    },
    /// The call's own error.
    Inner(E),
}

impl<E> Error<E> {
    /// The call's own error beneath what the policies say; the last one where there are several.
    pub fn inner(&self) -> Option<&E> {
        match self {
            Self::Inner(error) => Some(error),
            Self::Exhausted { last, .. } => last.inner(),
            Self::AllHedgesFailed(errors) => errors.last().and_then(Self::inner),
            Self::FallbackFailed { cause, .. } => cause.inner(),
            Self::Rejected(_) | Self::TimedOut { .. } => None,
        }
    }

    /// The refusal beneath what the policies say, if one ended the call.
    pub fn rejected(&self) -> Option<&Rejected> {
        match self {
            Self::Rejected(rejected) => Some(rejected),
            Self::Exhausted { last, .. } => last.rejected(),
            Self::AllHedgesFailed(errors) => errors.last().and_then(Self::rejected),
            Self::FallbackFailed { cause, .. } => cause.rejected(),
            Self::TimedOut { .. } | Self::Inner(_) => None,
        }
    }

    /// Whether policies refused every attempt, so that none reached the dependency.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Rejected(_) => true,
            Self::AllHedgesFailed(errors) => errors.iter().all(Self::is_refusal),
            _ => false,
        }
    }

    /// Whether a deadline ended the call.
    pub(crate) fn is_late(&self) -> bool {
        match self {
            Self::TimedOut { which, .. } => *which == Limit::Deadline,
            Self::Rejected(rejected) => rejected.reason == Reason::DeadlinePassed,
            Self::Exhausted { last, .. } => last.is_late(),
            Self::AllHedgesFailed(errors) => errors.last().is_some_and(Self::is_late),
            Self::FallbackFailed { cause, .. } => cause.is_late(),
            Self::Inner(_) => false,
        }
    }

    /// When to come again, from now, if a refusal said so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.rejected().and_then(|rejected| rejected.retry_after)
    }
}

impl<E> Error<Error<E>> {
    /// One level out of two, as two policies stacked by hand nest them.
    pub fn flatten(self) -> Error<E> {
        match self {
            Self::Rejected(rejected) => Error::Rejected(rejected),
            Self::TimedOut { after, which } => Error::TimedOut { after, which },
            Self::Exhausted { attempts, last } => Error::Exhausted { attempts, last: Box::new(last.flatten()) },
            Self::AllHedgesFailed(errors) => Error::AllHedgesFailed(errors.into_iter().map(Self::flatten).collect()),
            Self::FallbackFailed { cause, fallback } => {
                Error::FallbackFailed { cause: Box::new(cause.flatten()), fallback: Box::new(fallback.flatten()) }
            }
            Self::Inner(error) => error,
        }
    }
}

impl<E> From<Rejected> for Error<E> {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(rejected) => rejected.fmt(f),
            Self::TimedOut { after, which } => write!(f, "{which} of {} ms ran out", after.as_millis()),
            Self::Exhausted { attempts, last } => {
                let each = if *attempts == 1 { "attempt" } else { "attempts" };
                write!(f, "gave up after {attempts} {each}; the last: {last}")
            }
            Self::AllHedgesFailed(errors) => {
                write!(f, "all {} calls failed", errors.len())?;
                errors.last().map_or(Ok(()), |last| write!(f, "; the last: {last}"))
            }
            Self::FallbackFailed { cause, fallback } => write!(f, "{cause}; the fallback failed too: {fallback}"),
            Self::Inner(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for Error<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Rejected(_) | Self::TimedOut { .. } => None,
            Self::Exhausted { last, .. } => Some(last),
            Self::AllHedgesFailed(errors) => errors.last().map(|last| last as _),
            Self::FallbackFailed { fallback, .. } => Some(fallback),
            Self::Inner(error) => Some(error),
        }
    }
}

/// A setting that can only be a mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    /// Whose setting it is.
    pub policy: PolicyKind,
    /// The setting's name.
    pub option: &'static str,
    /// What is wrong, and what to write instead.
    pub why: String,
}

impl BuildError {
    pub(crate) fn new(policy: PolicyKind, option: &'static str, why: impl Into<String>) -> Self {
        Self { policy, option, why: why.into() }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: `{}`: {}", self.policy, self.option, self.why)
    }
}

impl std::error::Error for BuildError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;
    use std::io;

    fn refused() -> Error<io::Error> {
        let (policy, name, reason) = (PolicyKind::Breaker, "pay".into(), Reason::Open);
        Error::Rejected(Rejected { policy, name, reason, retry_after: Some(Duration::from_millis(1_500)) })
    }

    fn down() -> Error<io::Error> {
        Error::Inner(io::Error::other("down"))
    }

    fn exhausted(last: Error<io::Error>) -> Error<io::Error> {
        Error::Exhausted { attempts: 3, last: Box::new(last) }
    }

    fn hedges(last: Error<io::Error>) -> Error<io::Error> {
        Error::AllHedgesFailed(vec![Error::Inner(io::Error::other("first")), last])
    }

    fn fallback(cause: Error<io::Error>) -> Error<io::Error> {
        Error::FallbackFailed { cause: Box::new(cause), fallback: Box::new(Error::Inner(io::Error::other("shelf"))) }
    }

    #[test]
    fn an_error_says_in_words_what_happened() {
        let late: Error<io::Error> = Error::TimedOut { after: Duration::from_millis(250), which: Limit::Attempt };
        let text =
            [refused(), late, exhausted(down()), hedges(down()), fallback(refused()), down()].map(|e| e.to_string());
        let wanted = [
            "circuit breaker `pay` refused the call: open; come again in 1500 ms",
            "the attempt's limit of 250 ms ran out",
            "gave up after 3 attempts; the last: down",
            "all 2 calls failed; the last: down",
            "circuit breaker `pay` refused the call: open; come again in 1500 ms; the fallback failed too: shelf",
            "down",
        ];
        assert_eq!(text, wanted);
    }

    #[test]
    fn what_ended_a_call_is_found_beneath_whatever_lies_around_it() {
        for around in [exhausted, hedges, fallback, |e| exhausted(hedges(e))] {
            assert_eq!(around(down()).inner().unwrap().to_string(), "down");
            assert!(around(down()).rejected().is_none() && around(down()).retry_after().is_none());
            let rejected = around(refused());
            assert_eq!(rejected.rejected().unwrap().reason, Reason::Open);
            assert_eq!(
                (rejected.retry_after(), rejected.inner().is_none()),
                (Some(Duration::from_millis(1_500)), true)
            );
        }
        let source = |e: Error<io::Error>| e.source().map(ToString::to_string);
        assert_eq!(source(exhausted(down())).unwrap(), "down");
        assert_eq!(source(hedges(down())).unwrap(), "down");
        assert_eq!(source(fallback(down())).unwrap(), "shelf");
        assert_eq!((source(down()).unwrap(), source(refused())), ("down".to_owned(), None));
    }

    #[test]
    fn one_level_out_of_two_is_the_same_error() {
        let deep: fn() -> [Error<&'static str>; 4] = || {
            let (cause, fallback) = (Box::new(Error::Inner("a")), Box::new(Error::Inner("b")));
            let late = Error::TimedOut { after: Duration::from_secs(1), which: Limit::Call };
            let hedges = Error::AllHedgesFailed(vec![Error::Inner("a"), Error::Inner("b")]);
            let (attempts, last) = (3, Box::new(Error::Inner("a")));
            [late, hedges, Error::Exhausted { attempts, last }, Error::FallbackFailed { cause, fallback }]
        };
        assert_eq!(deep().map(|e| Error::Inner(e).flatten()), deep());
        assert_eq!(
            Error::Exhausted { attempts: 3, last: Box::new(Error::Inner(Error::Inner("a"))) }.flatten(),
            deep()[2]
        );
        let two = vec![Error::Inner(Error::Inner("a")), Error::Inner(Error::Inner("b"))];
        assert_eq!(Error::AllHedgesFailed(two).flatten(), deep()[1]);
    }

    #[test]
    fn nobody_is_told_to_come_again_too_early() {
        let (policy, name, reason) = (PolicyKind::RateLimit, "pay".into(), Reason::LimitReached);
        let refused = Rejected { policy, name, reason, retry_after: Some(Duration::from_micros(1_001)) };
        assert_eq!(refused.to_string(), "rate limit `pay` refused the call: limit_reached; come again in 2 ms");
    }
}
