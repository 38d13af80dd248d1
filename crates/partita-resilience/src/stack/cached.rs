//! Calls for which a kept answer may serve.

use super::{Answered, Stack};
use crate::cache::{Cache, Fetch};
use crate::deadline::{Attempt, Context};
use crate::{Classify, Error, Plain};
use std::fmt;
use std::future::Future;
use std::hash::Hash;

impl<C, K, T, D, A> Stack<C, Cache<K, T, D>, A>
where
    K: Hash + Eq,
    T: Clone,
{
    async fn keyed<E, F, Fut>(&self, key: Option<K>, work: F) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
        D: Classify<T, E>,
        E: fmt::Debug,
        F: Fn(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let call = || self.parts().call::<_, _, Plain, _, _>(None, true, work);
        match key {
            Some(key) => self.parts().share.around_judged(key, Some(&self.parts().judge), call).await,
            None => call().await,
        }
    }

    /// The answer kept for `key`, or else what `call` brings; in the background where a stale one serves meanwhile. There
    /// the caller's deadline does not hold, only the stack's own.
    pub(super) async fn refreshed<E, W, Fut>(&self, key: Option<K>, context: Context, call: W) -> Result<T, Error<E>>
    where
        C: Classify<T, E> + 'static,
        D: Classify<T, E> + 'static,
        K: Send + Sync + 'static,
        T: Send + Sync + 'static,
        E: Send + 'static,
        W: FnOnce(Context) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, Error<E>>> + Send + 'static,
    {
        let Some(key) = key else { return call(context).await };
        let call = move |fetch| match fetch {
            Fetch::Awaited => call(context),
            Fetch::Behind => call(context.without_deadline()),
        };
        self.parts().share.around_refreshing(key, Some(self.parts().judge.clone()), call).await
    }

    async fn keyed_refreshing<E, F, Fut>(&self, key: Option<K>, work: F) -> Result<T, Error<E>>
    where
        Self: Clone + Send + Sync + 'static,
        C: Classify<T, E> + 'static,
        D: Classify<T, E> + 'static,
        K: Send + Sync + 'static,
        T: Send + Sync + 'static,
        E: fmt::Debug + Send + 'static,
        F: Fn(Attempt) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        let stack = self.clone();
        let call =
            move |context| async move { stack.parts().call::<_, _, Plain, _, _>(Some(context), true, work).await };
        self.refreshed(key, Context::current(), call).await
    }
}

impl<C, K, T, D> Stack<C, Cache<K, T, D>>
where
    K: Hash + Eq,
    T: Clone,
{
    /// Calls `work` as [`Stack::call`] does, unless an answer for `key` is kept; a stale one serves when the call fails.
    /// Without a key nothing is kept. `work` is borrowed, which a task cannot do: of those who find a stale answer one waits
    /// for the new one, the others get the stale one. [`Stack::call_refreshing`] and the layer let nobody wait.
    ///
    /// # Errors
    /// As [`Stack::call`].
    pub async fn call_keyed<E, F, Fut>(&self, key: impl Into<Option<K>>, work: F) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
        D: Classify<T, E>,
        E: fmt::Debug,
        F: Fn(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.keyed(key.into(), work).await
    }

    /// As [`Stack::call_keyed`], but who finds a stale answer gets it at once, and the call is made in the background, one
    /// per key, through every policy beneath the cache and within the stack's own deadline. Who runs it, see
    /// [`Cache::call_refreshing`].
    ///
    /// # Errors
    /// As [`Stack::call`].
    pub async fn call_refreshing<E, F, Fut>(&self, key: impl Into<Option<K>>, work: F) -> Result<T, Error<E>>
    where
        C: Classify<T, E> + 'static,
        D: Classify<T, E> + 'static,
        K: Send + Sync + 'static,
        T: Send + Sync + 'static,
        E: fmt::Debug + Send + 'static,
        F: Fn(Attempt) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.keyed_refreshing(key.into(), work).await
    }
}

impl<C, K, T, D> Stack<C, Cache<K, T, D>, Answered<C>>
where
    K: Hash + Eq,
    T: Clone,
{
    /// The answer kept for `key`, or what `work` brings, or a stale answer, or else what `fallback` brings.
    ///
    /// # Errors
    /// [`Error::FallbackFailed`] with both ends.
    pub async fn call_keyed_or<E, F, Fut, G, Gut>(
        &self,
        key: impl Into<Option<K>>,
        work: F,
        fallback: G,
    ) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
        D: Classify<T, E>,
        E: fmt::Debug,
        F: Fn(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        G: FnOnce(Option<&Error<E>>) -> Gut,
        Gut: Future<Output = Result<T, E>>,
    {
        self.fallback().0.around(self.keyed(key.into(), work), fallback).await
    }

    /// As [`Stack::call_keyed_or`], with the call in the background where a stale answer serves meanwhile.
    ///
    /// # Errors
    /// [`Error::FallbackFailed`] with both ends.
    pub async fn call_refreshing_or<E, F, Fut, G, Gut>(
        &self,
        key: impl Into<Option<K>>,
        work: F,
        fallback: G,
    ) -> Result<T, Error<E>>
    where
        C: Classify<T, E> + 'static,
        D: Classify<T, E> + 'static,
        K: Send + Sync + 'static,
        T: Send + Sync + 'static,
        E: fmt::Debug + Send + 'static,
        F: Fn(Attempt) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        G: FnOnce(Option<&Error<E>>) -> Gut,
        Gut: Future<Output = Result<T, E>>,
    {
        self.fallback().0.around(self.keyed_refreshing(key.into(), work), fallback).await
    }
}
