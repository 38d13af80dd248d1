//! The second answer of calls that end badly.

use super::Stack;
use super::judge::Judge;
use crate::deadline::Attempt;
use crate::fallback::Fallback;
use crate::monitor::{PolicySnapshot, Watch};
use crate::{ByResult, Classify, Error, Plain};
use std::fmt;
use std::future::Future;

/// A stack has a fallback: each of its calls brings a second answer.
pub struct Answered<C = ByResult>(pub(super) Fallback<Judge<C>>);

impl<C> Stack<C, (), Answered<C>> {
    /// Calls `work` as [`Stack::call`] does, and `fallback` for whatever ends badly. It is told the error; None for an answer
    /// that was judged a failure.
    ///
    /// # Errors
    /// [`Error::FallbackFailed`] with both ends.
    pub async fn call_or<T, E, F, Fut, G, Gut>(&self, work: F, fallback: G) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
        E: fmt::Debug,
        F: Fn(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        G: FnOnce(Option<&Error<E>>) -> Gut,
        Gut: Future<Output = Result<T, E>>,
    {
        let call = self.parts().call::<_, _, Plain, _, _>(None, true, work);
        self.fallback().0.around(call, fallback).await
    }
}

impl<C: Send + Sync> Watch for Answered<C> {
    fn look(&self, into: &mut Vec<PolicySnapshot>) {
        self.0.look(into);
    }
}

impl<C> fmt::Debug for Answered<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
