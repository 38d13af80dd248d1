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
        Error::Rejected(_) => Outcome::Ignored,
        Error::Exhausted { last: error, .. } | Error::FallbackFailed { cause: error, .. } => outcome_of(judge, error),
        Error::AllHedgesFailed(errors) => {
            errors.iter().map(|error| outcome_of(judge, error)).max_by_key(told).unwrap_or(Outcome::Ignored)
        }
    }
}

/// How much an outcome tells about the dependency, and when to come again.
const fn told(outcome: &Outcome) -> (u8, Option<Duration>) {
    match outcome {
        Outcome::Ignored => (0, None),
        Outcome::Cancelled => (1, None),
        Outcome::Success | Outcome::Failure => (2, None),
        Outcome::Overloaded { retry_after } => (3, *retry_after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ByResult, PolicyKind, Reason, Rejected};

    fn refused() -> Error<u8> {
        let (policy, name, reason) = (PolicyKind::Bulkhead, "b".into(), Reason::QueueFull);
        Error::Rejected(Rejected { policy, name, reason, retry_after: None })
    }

    const fn late(which: Limit) -> Error<u8> {
        Error::TimedOut { after: Duration::from_secs(1), which }
    }

    #[test]
    fn what_the_dependency_did_may_be_tried_again_and_what_we_did_not() {
        let verdict = |error: &Error<u8>| Verdict::of(&ByResult, Err::<&(), _>(error));
        let failed = Verdict::Failed { retry_after: None };
        let (two, last) = (Error::AllHedgesFailed(vec![refused(), Error::Inner(1)]), Box::new(Error::Inner(1)));
        for (error, wanted) in [
            (Error::Inner(1), failed),
            (late(Limit::Attempt), failed),
            (late(Limit::Call), failed),
            (late(Limit::Deadline), Verdict::Final),
            (late(Limit::Shared), Verdict::Final),
            (refused(), Verdict::Ours),
            (two, failed),
            (Error::AllHedgesFailed(vec![Error::Inner(1), refused()]), Verdict::Ours),
            (Error::Exhausted { attempts: 3, last: last.clone() }, Verdict::Final),
            (Error::FallbackFailed { cause: last.clone(), fallback: last }, Verdict::Final),
        ] {
            assert_eq!(verdict(&error), wanted, "{error:?}");
        }
        assert_eq!(Verdict::of(&ByResult, Ok::<_, &Error<u8>>(&())), Verdict::Good);
    }

    #[test]
    fn a_hang_is_the_dependencys_failure_and_a_refusal_beneath_says_nothing_about_it() {
        let told = |error: Error<u8>| outcome(&ByResult, &Err::<(), _>(error));
        assert_eq!(outcome::<_, u8, _>(&ByResult, &Ok(())), Outcome::Success);
        assert_eq!([told(Error::Inner(1)), told(late(Limit::Attempt)), told(late(Limit::Call))], [Outcome::Failure; 3]);
        assert_eq!([told(late(Limit::Deadline)), told(late(Limit::Shared))], [Outcome::Cancelled; 2]);
        assert_eq!(told(refused()), Outcome::Ignored);
    }

    #[test]
    fn the_end_of_several_attempts_is_that_of_those_that_reached_the_dependency() {
        let told = |error: Error<u8>| outcome(&ByResult, &Err::<(), _>(error));
        let exhausted = |last: Error<u8>| Error::Exhausted { attempts: 2, last: Box::new(last) };
        let fallback = |cause| Error::FallbackFailed { cause: Box::new(cause), fallback: Box::new(Error::Inner(1)) };
        let hedges = |ends: [Error<u8>; 2]| Error::AllHedgesFailed(ends.into());
        let failed = [
            exhausted(Error::Inner(1)),
            exhausted(late(Limit::Attempt)),
            hedges([Error::Inner(1), refused()]),
            hedges([refused(), Error::Inner(1)]),
            hedges([Error::Inner(1), late(Limit::Deadline)]),
            exhausted(hedges([Error::Inner(1), Error::Inner(2)])),
            fallback(exhausted(Error::Inner(1))),
        ];
        assert_eq!(failed.map(told), [Outcome::Failure; 7]);
        let ours = [exhausted(refused()), hedges([refused(), refused()]), fallback(refused())];
        assert_eq!(ours.map(told), [Outcome::Ignored; 3]);
        let overloaded = |seconds| Outcome::Overloaded { retry_after: Some(Duration::from_secs(seconds)) };
        let busy = |end: Result<&(), &u8>| end.err().map_or(Outcome::Success, |error| overloaded(u64::from(*error)));
        let (longest, late) =
            (hedges([Error::Inner(9), Error::Inner(3)]), hedges([Error::Inner(9), late(Limit::Attempt)]));
        assert_eq!(
            [longest, late].map(|error| outcome(&busy, &Err(error))),
            [overloaded(9); 2],
            "when to come again holds"
        );
        let mine = |_: Result<&(), &u8>| Outcome::Ignored;
        assert_eq!(outcome(&mine, &Err(exhausted(Error::Inner(1)))), Outcome::Ignored, "the caller's own mistake");
    }
}
