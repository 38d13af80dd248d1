//! A cache before a plain async call.

use super::core::{Core, Found, Refresh, Since};
use super::{CacheBuilder, CacheSnapshot};
use crate::{ByResult, Classify, Error, Outcome};
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

/// Keeps answers, and gives stale ones while the dependency fails. Clones share one cache.
pub struct Cache<K, T, C = ByResult>(Arc<Shared<K, T, C>>);

/// Who waits for a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fetch {
    /// The caller.
    Awaited,
    /// Nobody: a stale answer served the caller.
    Behind,
}

/// A fetch that has ended: the right to it, if it was for a stale answer, and when it began.
type Fetched<T> = (Option<Refresh<T>>, Since);

struct Shared<K, T, C> {
    core: Core<K, T>,
    classify: C,
    /// Whether that is a judgement of its own, which stands before that of a stack.
    judges: bool,
}

impl<K: Hash + Eq, T: Clone> Cache<K, T> {
    /// Settings, at their defaults; `name` stands in events and snapshots.
    pub fn builder(name: impl Into<crate::Name>) -> CacheBuilder<K, T> {
        CacheBuilder::new(name.into())
    }
}

impl<K: Hash + Eq, T, C> Cache<K, T, C> {
    pub(super) fn new(core: Core<K, T>, classify: C, judges: bool) -> Self {
        Self(Arc::new(Shared { core, classify, judges }))
    }

    /// Where it stands.
    pub fn snapshot(&self) -> CacheSnapshot {
        self.0.core.snapshot()
    }

    /// Forgets the answer for `key`, as after a change; one whose fetch is under way is not kept either.
    pub fn forget(&self, key: &K) {
        self.0.core.forget(key);
    }
}

impl<K: Hash + Eq, T: Clone, C> Cache<K, T, C> {
    /// The fresh answer for `key`, or else what `work` brings, or else a stale answer. `work` is borrowed, so who finds a
    /// stale answer that nobody renews waits for it; [`Cache::call_refreshing`] and the layer need not.
    ///
    /// # Errors
    /// What `work` ended with, where there is no stale answer, or where the caller itself was wrong.
    pub async fn call<E, F, Fut>(&self, key: K, work: F) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.around(key, move || {
            let work = work();
            async move { work.await.map_err(Error::Inner) }
        })
        .await
    }

    /// As [`Cache::call`] around another policy, whose refusals a stale answer hides.
    ///
    /// # Errors
    /// As [`Cache::call`].
    pub async fn around<E, F, Fut>(&self, key: K, work: F) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, Error<E>>>,
    {
        self.around_judged(key, None::<&ByResult>, work).await
    }

    /// As [`Cache::around`] in a stack that judges so.
    pub(crate) async fn around_judged<E, J, F, Fut>(&self, key: K, judge: Option<&J>, work: F) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
        J: Classify<T, E>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, Error<E>>>,
    {
        let fetch = match self.0.core.find(&key) {
            Found::Fresh(entry) => return Ok(entry.answer.clone()),
            Found::Stale(entry) => return Ok(self.0.core.serve_stale(&entry)),
            Found::Refresh(refresh, since) => (Some(refresh), since),
            Found::Nothing(since) => (None, since),
        };
        let end = work().await;
        self.0.take(key, fetch, judge, end)
    }

    /// As [`Cache::call`], but who finds a stale answer gets it at once, and the fetch is made in the background, one per
    /// key: by the tokio runtime of the caller, the host that the cache's [`Timing`](crate::Timing) is of, or its
    /// [`spawner`](super::CacheBuilder::spawner). Where there is none it is made by the caller, as in [`Cache::call`].
    ///
    /// # Errors
    /// As [`Cache::call`].
    pub async fn call_refreshing<E, F, Fut>(&self, key: K, work: F) -> Result<T, Error<E>>
    where
        C: Classify<T, E> + 'static,
        K: Send + Sync + 'static,
        T: Send + Sync + 'static,
        E: Send + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        self.around_refreshing(key, None::<ByResult>, |_| async move { work().await.map_err(Error::Inner) }).await
    }

    /// As [`Cache::call_refreshing`] around another policy, in a stack that judges so; `work` is told who waits for it.
    pub(crate) async fn around_refreshing<E, J, F, Fut>(&self, key: K, judge: Option<J>, work: F) -> Result<T, Error<E>>
    where
        C: Classify<T, E> + 'static,
        J: Classify<T, E> + 'static,
        K: Send + Sync + 'static,
        T: Send + Sync + 'static,
        E: Send + 'static,
        F: FnOnce(Fetch) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, Error<E>>> + Send + 'static,
    {
        let core = &self.0.core;
        let fetch = match core.find(&key) {
            Found::Fresh(entry) => return Ok(entry.answer.clone()),
            Found::Stale(entry) => return Ok(core.serve_stale(&entry)),
            Found::Refresh(refresh, since) => match core.spawner() {
                Some(spawner) => {
                    let answer = core.serve_stale(&refresh.entry);
                    let shared = Arc::clone(&self.0);
                    spawner.spawn(Box::pin(async move {
                        let end = work(Fetch::Behind).await;
                        let _ = shared.settle(key, (Some(refresh), since), judge.as_ref(), &end);
                    }));
                    return Ok(answer);
                }
                None => (Some(refresh), since),
            },
            Found::Nothing(since) => (None, since),
        };
        let end = work(Fetch::Awaited).await;
        self.0.take(key, fetch, judge.as_ref(), end)
    }
}

impl<K: Hash + Eq, T: Clone, C> Shared<K, T, C> {
    /// The answer to the caller who fetched.
    fn take<E, J>(&self, key: K, fetch: Fetched<T>, judge: Option<&J>, end: Result<T, Error<E>>) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
        J: Classify<T, E>,
    {
        match self.settle(key, fetch, judge, &end) {
            Some(entry) => Ok(self.core.serve_stale(&entry)),
            None => end,
        }
    }

    /// Keeps a good answer; the stale one to give in the place of a bad one, if there is one.
    fn settle<E, J>(
        &self,
        key: K,
        (refresh, since): Fetched<T>,
        judge: Option<&J>,
        end: &Result<T, Error<E>>,
    ) -> Option<Arc<super::core::Entry<T>>>
    where
        C: Classify<T, E>,
        J: Classify<T, E>,
    {
        let judged = |end| match judge {
            Some(judge) if !self.judges => judge.classify(end),
            _ => self.classify.classify(end),
        };
        let outcome = match end {
            Ok(answer) => judged(Ok(answer)),
            Err(error) => error.inner().map_or(Outcome::Failure, |inner| judged(Err(inner))),
        };
        match (outcome, end) {
            (Outcome::Success, Ok(answer)) => {
                self.core.keep(key, answer.clone(), since);
                None
            }
            (Outcome::Ignored, _) => None,
            _ => self.core.failed(&key, refresh?, since),
        }
    }
}

impl<K, T, C> Clone for Cache<K, T, C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, T, C> fmt::Debug for Cache<K, T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cache").field(&self.0.core.name).finish()
    }
}
