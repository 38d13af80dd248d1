//! A deadline around a plain async call.

#[cfg(feature = "http")]
use super::core::Begun;
use super::core::Core;
use super::{Context, DeadlineBuilder, DeadlineSnapshot};
use crate::timed::Timed;
#[cfg(feature = "http")]
use crate::timed::Watch;
use crate::{Error, Nested, Plain, Rejected};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// Ends a whole request when its time is over, and tells everything beneath how much is left. Clones share one policy.
#[derive(Clone)]
pub struct Deadline(pub(super) Arc<Core>);

impl Deadline {
    /// Settings, at their defaults; `name` stands in events and snapshots.
    pub fn builder(name: impl Into<crate::Name>) -> DeadlineBuilder {
        DeadlineBuilder::new(name.into())
    }

    pub(super) fn new(core: Core) -> Self {
        Self(Arc::new(core))
    }

    /// What the next hop may take of the time left, less the margin; None where `context` has no deadline. For transports
    /// other than HTTP, whose layers do this by themselves.
    ///
    /// # Errors
    /// Less than 1 ms would be left for it: a call would be in vain.
    pub fn for_next_hop(&self, context: &Context) -> Result<Option<Duration>, Rejected> {
        self.0.for_next_hop(context)
    }

    /// Gives a call its deadline.
    #[cfg(feature = "http")]
    pub(crate) fn begin(&self, context: Context) -> Result<Begun, Rejected> {
        self.0.begin(context)
    }

    /// Hears how a call that began ended.
    #[cfg(feature = "http")]
    pub(crate) fn watch(&self) -> Arc<dyn Watch + Send + Sync> {
        Arc::<Core>::clone(&self.0)
    }

    /// Where it stands.
    pub fn snapshot(&self) -> DeadlineSnapshot {
        self.0.snapshot()
    }

    /// Runs `work` until its deadline: the current [`Context`]'s, or the default, at most the maximum.
    ///
    /// # Errors
    /// [`Error::TimedOut`] when time ran out, [`Error::Rejected`] when none was left to begin with.
    pub async fn call<T, E, F, Fut>(&self, work: F) -> Result<T, Error<E>>
    where
        F: FnOnce(Context) -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let (context, started, limit) = self.0.begin(Context::current())?;
        let work = context.clone().scope_with(|| work(context));
        Timed::<_, _, Plain>::new(&*self.0, work, started, limit).await
    }

    /// As [`Deadline::call`] around another policy, and in a context that is handed in.
    ///
    /// # Errors
    /// As [`Deadline::call`].
    pub async fn around<T, E, F, Fut>(&self, context: Context, work: F) -> Result<T, Error<E>>
    where
        F: FnOnce(Context) -> Fut,
        Fut: Future<Output = Result<T, Error<E>>>,
    {
        let (context, started, limit) = self.0.begin(context)?;
        let work = context.clone().scope_with(|| work(context));
        Timed::<_, _, Nested>::new(&*self.0, work, started, limit).await
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Deadline").field(&self.0.name).finish()
    }
}
