//! Calls that share answers by a key.

use super::{Answered, Stack};
use crate::coalesce::Coalesce;
use crate::deadline::{Attempt, Context};
use crate::{Classify, Error, Plain};
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::pin::pin;

impl<C, K, T, E, A> Stack<C, Coalesce<K, T, E>, A>
where
    K: Hash + Eq + Clone,
    T: Clone,
    E: Clone,
{
    /// One `call` for all callers of `key`, each within their own time. The call is told whether it has to keep to that
    /// time by itself.
    pub(super) async fn shared<W, Fut>(&self, key: Option<K>, mut context: Context, call: W) -> Result<T, Error<E>>
    where
        W: FnOnce(Context, bool) -> Fut,
        Fut: Future<Output = Result<T, Error<E>>>,
    {
        let parts = self.parts();
        let Some(key) = key else { return call(context, true).await };
        let mut left = parts.begin(&mut context)?;
        let lead = || call(context.clone(), false);
        let shared = pin!(parts.share.around(context.clone(), key, lead));
        let end = left.race(&parts.timing, shared).await.ok_or_else(|| left.over())?;
        left.sufficed();
        end
    }

    async fn keyed<F, Fut>(&self, key: Option<K>, work: F) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
        E: fmt::Debug,
        F: Fn(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let call = |context, limited| self.parts().call::<_, _, Plain, _, _>(Some(context), limited, work);
        self.shared(key, Context::current(), call).await
    }
}

impl<C, K, T, E> Stack<C, Coalesce<K, T, E>>
where
    K: Hash + Eq + Clone,
    T: Clone,
    E: Clone,
{
    /// Calls `work` as [`Stack::call`] does, one call for all callers of `key` at the same time. Without a key it is the
    /// caller's alone.
    ///
    /// # Errors
    /// As [`Stack::call`]; a caller whose own time runs out leaves the others their call.
    pub async fn call_keyed<F, Fut>(&self, key: impl Into<Option<K>>, work: F) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
        E: fmt::Debug,
        F: Fn(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.keyed(key.into(), work).await
    }
}

impl<C, K, T, E> Stack<C, Coalesce<K, T, E>, Answered<C>>
where
    K: Hash + Eq + Clone,
    T: Clone,
    E: Clone,
{
    /// One call for all callers of `key` at the same time, and each caller's own `fallback` for what ends badly.
    ///
    /// # Errors
    /// [`Error::FallbackFailed`] with both ends.
    pub async fn call_keyed_or<F, Fut, G, Gut>(
        &self,
        key: impl Into<Option<K>>,
        work: F,
        fallback: G,
    ) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
        E: fmt::Debug,
        F: Fn(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        G: FnOnce(Option<&Error<E>>) -> Gut,
        Gut: Future<Output = Result<T, E>>,
    {
        self.fallback().0.around(self.keyed(key.into(), work), fallback).await
    }
}
