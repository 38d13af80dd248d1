//! Hedges around a plain async call.

use super::begin::AtMost;
use super::core::{Core, Hold};
use super::race::Race;
use super::{HedgeBuilder, HedgeSnapshot};
use crate::budget::Budget;
use crate::deadline::{Attempt, Context};
use crate::{ByResult, Classify, Error};
use partita_time::BoxFuture;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

/// Makes a second call while the first is slow. Clones share one policy.
pub struct Hedge<C = ByResult>(Arc<Shared<C>>);

struct Shared<C> {
    core: Core,
    classify: C,
}

/// One of several ways to the same answer.
pub type Operation<'a, T, E> = Box<dyn FnOnce(Attempt) -> BoxFuture<'a, Result<T, E>> + Send + 'a>;

impl Hedge {
    /// Settings, at their defaults; `name` stands in events and snapshots.
    pub fn builder(name: impl Into<crate::Name>) -> HedgeBuilder {
        HedgeBuilder::new(name.into())
    }
}

impl<C> Hedge<C> {
    pub(super) fn new(core: Core, classify: C) -> Self {
        Self(Arc::new(Shared { core, classify }))
    }

    /// The budget that it takes from.
    pub fn budget(&self) -> &Budget {
        &self.0.core.budget
    }

    /// Its settings in words.
    pub(crate) fn explain(&self) -> String {
        self.0.core.explain()
    }

    /// Where it stands.
    pub fn snapshot(&self) -> HedgeSnapshot {
        self.0.core.snapshot()
    }

    /// Calls `work`, and again beside it when that takes long or fails; the first good answer wins.
    ///
    /// # Errors
    /// [`Error::AllHedgesFailed`] with each end in its order; the bare error where only one attempt was made.
    pub async fn call<T, E, F, Fut>(&self, mut work: F) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
        F: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let begin = move |attempt: Attempt| {
            let work = work(attempt);
            Some(async move { work.await.map_err(Error::Inner) })
        };
        Race::new(&*self.0, Context::current(), begin).await
    }

    /// As [`Hedge::call`] around another policy, whose refusals start no hedge, and in a context that is handed in.
    ///
    /// # Errors
    /// As [`Hedge::call`].
    pub async fn around<T, E, F, Fut>(&self, context: Context, mut work: F) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
        F: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, Error<E>>>,
    {
        Race::new(&*self.0, context, move |attempt: Attempt| Some(work(attempt))).await
    }

    /// As [`Hedge::call`] with an operation of its own for each attempt, as replicas in different places: the first one at
    /// once, each other when those before take long or fail. There are never more attempts than operations, nor more
    /// than the policy allows.
    ///
    /// # Errors
    /// As [`Hedge::call`].
    pub async fn call_each<'a, T, E>(
        &self,
        operations: impl IntoIterator<Item = Operation<'a, T, E>>,
    ) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
    {
        let operations: Vec<Operation<'a, T, E>> = operations.into_iter().collect();
        let (left, mut operations) = (operations.len(), operations.into_iter());
        let begin = move |attempt: Attempt| {
            let work = operations.next()?(attempt);
            Some(async move { work.await.map_err(Error::Inner) })
        };
        Race::new(&*self.0, Context::current(), AtMost { left, begin }).await
    }
}

impl<C> Hold for &Shared<C> {
    type Classify = C;

    fn core(&self) -> &Core {
        &self.core
    }

    fn judge(&self) -> &C {
        &self.classify
    }
}

impl<C> Hold for Hedge<C> {
    type Classify = C;

    fn core(&self) -> &Core {
        &self.0.core
    }

    fn judge(&self) -> &C {
        &self.0.classify
    }
}

impl<C> Clone for Hedge<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> fmt::Debug for Hedge<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hedge").field(&self.0.core.name).finish()
    }
}
