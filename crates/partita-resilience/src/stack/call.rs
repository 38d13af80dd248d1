//! A call through the stack.

use super::judge::Judge;
use crate::adaptive::Adaptive;
use crate::breaker::Breaker;
use crate::bulkhead::Bulkhead;
use crate::cache::Cache;
use crate::coalesce::Coalesce;
use crate::deadline::{Attempt, Context, Counts};
use crate::fallback::Fallback;
use crate::hedge::Hedge;
use crate::limiter::Limiter;
use crate::monitor::{PolicySnapshot, Watch};
use crate::retry::Retry;
use crate::timeout::Timeout;
use crate::{ByResult, Classify, Error, Name, Nested, Plain, Timing};
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// Policies in their order. Clones share one core.
pub struct Stack<C = ByResult, S = ()>(Arc<Parts<C, S>>);

pub(super) struct Parts<C, S> {
    pub(super) name: Name,
    pub(super) timing: Timing,
    pub(super) judge: Judge<C>,
    pub(super) share: S,
    pub(super) idempotent: bool,
    pub(super) fallback: Fallback<Judge<C>>,
    pub(super) deadline: Option<Duration>,
    pub(super) times: Counts,
    pub(super) limiter: Option<Limiter>,
    pub(super) retry: Option<Retry<Judge<C>>>,
    pub(super) hedge: Option<Hedge<Judge<C>>>,
    pub(super) breaker: Option<Breaker>,
    pub(super) bulkhead: Option<Bulkhead>,
    pub(super) adaptive: Option<Adaptive>,
    pub(super) timeout: Option<Timeout>,
}

impl<C, S> Stack<C, S> {
    pub(super) fn new(parts: Parts<C, S>) -> Self {
        Self(Arc::new(parts))
    }

    pub(super) fn parts(&self) -> &Parts<C, S> {
        &self.0
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.0.name
    }

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
        self.0.call::<_, _, Plain, _, _>(None, true, work)
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
        self.0.call::<_, _, Plain, _, _>(Some(context), true, work)
    }

    /// As [`Stack::call`], and `fallback` for whatever ends badly. It is told the error; None for an answer that was judged a
    /// failure.
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
        self.0.fallback.around(self.call(work), fallback).await
    }

    /// As [`Stack::call_in`] around another policy.
    pub(super) fn around<T, E, F, Fut>(&self, context: Context, work: F) -> impl Future<Output = Result<T, Error<E>>>
    where
        C: Classify<T, E>,
        E: fmt::Debug,
        F: Fn(Attempt) -> Fut,
        Fut: Future<Output = Result<T, Error<E>>>,
    {
        self.0.call::<_, _, Nested, _, _>(Some(context), true, work)
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
        self.0.call_once::<_, _, Plain, _, _>(context, work)
    }

    /// As [`Stack::call_once`] around another policy.
    pub(super) fn once_around<T, E, F, Fut>(
        &self,
        context: Context,
        work: F,
    ) -> impl Future<Output = Result<T, Error<E>>>
    where
        C: Classify<T, E>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, Error<E>>>,
    {
        self.0.call_once::<_, _, Nested, _, _>(context, work)
    }
}

impl<C, K, T, E> Stack<C, Coalesce<K, T, E>>
where
    K: Hash + Eq + Clone,
    T: Clone,
    E: Clone,
{
    /// As [`Stack::call`], one call for all callers of `key` at the same time.
    ///
    /// # Errors
    /// As [`Stack::call`]; a caller whose own time runs out leaves the others their call.
    pub async fn call_keyed<F, Fut>(&self, key: K, work: F) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
        E: fmt::Debug,
        F: Fn(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let parts = &*self.0;
        let mut context = Context::current();
        let mut left = parts.begin(&mut context)?;
        let lead = || parts.call::<_, _, Plain, _, _>(Some(context.clone()), false, work);
        let shared = pin!(parts.share.around(context.clone(), key, lead));
        let end = left.race(&parts.timing, shared).await.ok_or_else(|| left.over())?;
        left.sufficed();
        end
    }
}

impl<C, K, T, D> Stack<C, Cache<K, T, D>>
where
    K: Hash + Eq + Clone,
    T: Clone,
{
    /// As [`Stack::call`], unless an answer for `key` is kept; a stale one serves when the call fails.
    ///
    /// # Errors
    /// As [`Stack::call`].
    pub async fn call_keyed<E, F, Fut>(&self, key: K, work: F) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
        D: Classify<T, E>,
        E: fmt::Debug,
        F: Fn(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let parts = &*self.0;
        let mut context = Context::current();
        parts.inform(&mut context);
        parts.share.around(key, || parts.call::<_, _, Plain, _, _>(Some(context), true, work)).await
    }
}

/// All of its policies, from the outside in.
impl<C: Send + Sync, S: Watch> Watch for Stack<C, S> {
    fn look(&self, into: &mut Vec<PolicySnapshot>) {
        let parts = &*self.0;
        parts.fallback.look(into);
        if parts.deadline.is_some() {
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

impl<C, S> Clone for Stack<C, S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C, S> fmt::Debug for Stack<C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stack").field(&self.0.name).finish()
    }
}
