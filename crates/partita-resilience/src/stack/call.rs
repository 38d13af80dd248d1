//! A call through the stack.

use super::judge::Judge;
use crate::adaptive::Adaptive;
use crate::breaker::Breaker;
use crate::bulkhead::Bulkhead;
use crate::deadline::{Attempt, Context, Counts, NEVER};
use crate::hedge::Hedge;
use crate::limiter::Limiter;
use crate::monitor::{PolicySnapshot, Watch};
use crate::retry::Retry;
use crate::timeout::Timeout;
use crate::{ByResult, Classify, Error, Name, Plain, Timing};
use std::fmt;
use std::future::Future;
use std::sync::Arc;

/// Policies in their order. Clones share one core. `S` is what shares answers among callers: nothing,
/// [`Coalesce`](crate::coalesce::Coalesce) or [`Cache`](crate::cache::Cache). `F` is what answers for calls that end badly:
/// nothing, or [`Answered`](super::Answered). Both say which calls there are, so that no policy of a stack is passed over.
pub struct Stack<C = ByResult, S = (), F = ()>(Arc<Shared<C, S, F>>);

struct Shared<C, S, F> {
    parts: Parts<C, S>,
    fallback: F,
}

pub(super) struct Parts<C, S> {
    pub(super) name: Name,
    pub(super) timing: Timing,
    pub(super) judge: Judge<C>,
    pub(super) share: S,
    pub(super) idempotent: bool,
    /// In nanoseconds; [`NEVER`] without one.
    pub(super) deadline: u64,
    pub(super) times: Counts,
    pub(super) limiter: Option<Limiter>,
    pub(super) retry: Option<Retry<Judge<C>>>,
    pub(super) hedge: Option<Hedge<Judge<C>>>,
    pub(super) breaker: Option<Breaker>,
    pub(super) bulkhead: Option<Bulkhead>,
    pub(super) adaptive: Option<Adaptive>,
    pub(super) timeout: Option<Timeout>,
}

impl<C, S, F> Stack<C, S, F> {
    pub(super) fn new(parts: Parts<C, S>, fallback: F) -> Self {
        Self(Arc::new(Shared { parts, fallback }))
    }

    pub(super) fn parts(&self) -> &Parts<C, S> {
        &self.0.parts
    }

    pub(super) fn fallback(&self) -> &F {
        &self.0.fallback
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.0.parts.name
    }
}

impl<C> Stack<C> {
    /// Calls `work` through every policy, in the [`Context`] that is current at the first poll. `work` is called once an
    /// attempt.
    ///
    /// # Errors
    /// The refusal, the time that ran out, or the call's own error beneath what retries and hedges say of it.
    pub fn call<T, E, F, Fut>(&self, work: F) -> impl Future<Output = Result<T, Error<E>>>
    where
        C: Classify<T, E>,
        E: fmt::Debug,
        F: Fn(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.parts().call::<_, _, Plain, _, _>(None, true, work)
    }

    /// As [`Stack::call`], in a context that is handed in.
    ///
    /// # Errors
    /// As [`Stack::call`].
    pub fn call_in<T, E, F, Fut>(&self, context: Context, work: F) -> impl Future<Output = Result<T, Error<E>>>
    where
        C: Classify<T, E>,
        E: fmt::Debug,
        F: Fn(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.parts().call::<_, _, Plain, _, _>(Some(context), true, work)
    }

    /// As [`Stack::call_in`] for work that can be done only once: without retries and hedges.
    ///
    /// # Errors
    /// As [`Stack::call`].
    pub fn call_once<T, E, F, Fut>(&self, context: Context, work: F) -> impl Future<Output = Result<T, Error<E>>>
    where
        C: Classify<T, E>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.parts().call_once::<_, _, Plain, _, _>(context, true, work)
    }
}

/// All of its policies, from the outside in.
impl<C: Send + Sync, S: Watch, F: Watch> Watch for Stack<C, S, F> {
    fn look(&self, into: &mut Vec<PolicySnapshot>) {
        let parts = self.parts();
        self.fallback().look(into);
        if parts.deadline != NEVER {
            into.push(PolicySnapshot::Deadline(parts.times.snapshot(parts.name.clone())));
        }
        parts.share.look(into);
        let policies: [Option<&dyn Watch>; 7] = [
            parts.limiter.as_ref().map(|policy| policy as _),
            parts.retry.as_ref().map(|policy| policy as _),
            parts.hedge.as_ref().map(|policy| policy as _),
            parts.breaker.as_ref().map(|policy| policy as _),
            parts.bulkhead.as_ref().map(|policy| policy as _),
            parts.adaptive.as_ref().map(|policy| policy as _),
            parts.timeout.as_ref().map(|policy| policy as _),
        ];
        policies.iter().flatten().for_each(|policy| policy.look(into));
    }
}

impl<C, S, F> Clone for Stack<C, S, F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C, S, F> fmt::Debug for Stack<C, S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stack").field(self.name()).finish()
    }
}
