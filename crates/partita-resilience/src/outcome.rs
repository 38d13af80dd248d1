//! How a call ended, as a policy judges it.

use std::time::Duration;

/// How a call ended. A rejection of our own is none of these: the call was never begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The dependency did its work.
    Success,
    /// The dependency failed.
    Failure,
    /// The end says nothing about the dependency's health, as the caller's own mistake: neither success nor failure.
    Ignored,
    /// The dependency said that it has too much to do: a failure, with its own word on when to come again.
    Overloaded {
        /// Its word, from now.
        retry_after: Option<Duration>,
    },
    /// The caller went away before the end.
    Cancelled,
}

/// Judges an end.
pub trait Classify<T, E>: Send + Sync {
    /// What `result` says about the dependency.
    fn classify(&self, result: Result<&T, &E>) -> Outcome;

    /// Whether another attempt may do better after `result`, which was judged a failure: retries and hedges ask.
    fn may_pass(&self, result: Result<&T, &E>) -> bool {
        let _ = result;
        true
    }
}

impl<T, E, F> Classify<T, E> for F
where
    F: Fn(Result<&T, &E>) -> Outcome + Send + Sync,
{
    fn classify(&self, result: Result<&T, &E>) -> Outcome {
        self(result)
    }
}

/// `Ok` is a success and `Err` a failure.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByResult;

impl<T, E> Classify<T, E> for ByResult {
    fn classify(&self, result: Result<&T, &E>) -> Outcome {
        match result {
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::Failure,
        }
    }
}
