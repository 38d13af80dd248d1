//! What an end means to a policy that may try again.

use crate::{Classify, Error, Limit, Outcome};
use std::time::Duration;

/// What an end means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The answer is good.
    Good,
    /// The dependency failed; another try may do better.
    Failed {
        /// Its own word on when.
        retry_after: Option<Duration>,
    },
    /// A policy of ours refused, and will again.
    Ours,
    /// Another try would end the same way.
    Final,
}

impl Verdict {
    /// Judges `result`: the dependency's own end by `classify`, what policies say by their rules.
    pub(crate) fn of<T, E>(classify: &impl Classify<T, E>, result: Result<&T, &Error<E>>) -> Self {
        match result {
            Ok(answer) => Self::of_inner(classify, Ok(answer)),
            Err(error) => Self::of_error(classify, error),
        }
    }

    fn of_inner<T, E>(classify: &impl Classify<T, E>, result: Result<&T, &E>) -> Self {
        match Self::from(classify.classify(result)) {
            Self::Failed { .. } if !classify.may_pass(result) => Self::Final,
            verdict => verdict,
        }
    }

    fn of_error<T, E>(classify: &impl Classify<T, E>, error: &Error<E>) -> Self {
        match error {
            Error::Inner(error) => Self::of_inner(classify, Err(error)),
            Error::Rejected(_) => Self::Ours,
            Error::TimedOut { which: Limit::Attempt | Limit::Call, .. } => Self::Failed { retry_after: None },
            Error::AllHedgesFailed(errors) => {
                errors.last().map_or(Self::Final, |error| Self::of_error(classify, error))
            }
            Error::TimedOut { .. } | Error::Exhausted { .. } | Error::FallbackFailed { .. } => Self::Final,
        }
    }
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Success => Self::Good,
            Outcome::Failure => Self::Failed { retry_after: None },
            Outcome::Overloaded { retry_after } => Self::Failed { retry_after },
            Outcome::Ignored | Outcome::Cancelled => Self::Final,
        }
    }
}

/// What a breaker or an adaptive limit is told: our own refusals say nothing about the dependency, a hang is its failure.
pub(crate) fn outcome<T, E, C: Classify<T, E>>(judge: &C, result: &Result<T, Error<E>>) -> Outcome {
    match result {
        Ok(answer) => judge.classify(Ok(answer)),
        Err(error) => outcome_of(judge, error),
    }
}

/// [`outcome`] of a call that failed.
pub(crate) fn outcome_of<T, E, C: Classify<T, E>>(judge: &C, error: &Error<E>) -> Outcome {
    match error {
        Error::Inner(error) => judge.classify(Err(error)),
        Error::TimedOut { which: Limit::Attempt | Limit::Call, .. } => Outcome::Failure,
        Error::TimedOut { .. } => Outcome::Cancelled,
        _ => Outcome::Ignored,
    }
}
