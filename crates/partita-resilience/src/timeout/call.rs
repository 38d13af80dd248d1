//! A limit of time around a plain async call.

use super::core::{Begun, Core};
use super::{TimeoutBuilder, TimeoutSnapshot};
use crate::deadline::Context;
#[cfg(feature = "http")]
use crate::timed::Watch;
use crate::timed::{Limited, Timed};
use crate::{Error, Name, Nested, Plain, Rejected};
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// Ends a call that takes too long. Clones share one policy.
#[derive(Clone)]
pub struct Timeout(pub(super) Arc<Core>);

impl Timeout {
    /// Settings, at their defaults; `name` stands in events and snapshots.
    pub fn builder(name: impl Into<Name>) -> TimeoutBuilder {
        TimeoutBuilder::new(name.into())
    }

    pub(super) fn new(core: Core) -> Self {
        Self(Arc::new(core))
    }

    /// The limit of attempt number `attempt` now, by the rule alone.
    pub fn limit(&self, attempt: u32) -> Duration {
        self.0.limit(attempt, self.0.timing.now())
    }

    /// Its rule in words.
    pub(crate) fn explain(&self) -> String {
        self.0.explain()
    }

    /// The longest limit of any of so many attempts, whatever is observed.
    pub(crate) fn longest(&self, attempts: u32) -> Duration {
        self.0.longest(attempts)
    }

    /// Where it stands.
    pub fn snapshot(&self) -> TimeoutSnapshot {
        self.0.snapshot()
    }

    /// Runs `work` for at most the limit of the current [`Context`]'s attempt, or its time left.
    ///
    /// # Errors
    /// [`Error::TimedOut`] when time ran out, [`Error::Rejected`] when none was left to begin with.
    pub async fn call<T, E, F, Fut>(&self, work: F) -> Result<T, Error<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let limit = self.begin(&Context::current())?;
        pin!(self.timed::<_, Plain>(limit, work())).await
    }

    /// As [`Timeout::call`] around another policy, and in a context that is handed in.
    ///
    /// # Errors
    /// As [`Timeout::call`].
    pub async fn around<T, E, F, Fut>(&self, context: &Context, work: F) -> Result<T, Error<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, Error<E>>>,
    {
        let limit = self.begin(context)?;
        pin!(self.timed::<_, Nested>(limit, work())).await
    }

    /// When a call begins, and its limit.
    pub(crate) fn begin(&self, context: &Context) -> Result<Begun, Rejected> {
        self.0.begin(context)
    }

    /// Hears how a call that began ended.
    #[cfg(feature = "http")]
    pub(crate) fn watch(&self) -> Arc<dyn Watch + Send + Sync> {
        Arc::<Core>::clone(&self.0)
    }

    /// The limit of a call that began.
    pub(crate) fn limited(&self, (started, limit): Begun) -> Limited<&Core> {
        Limited::new(&*self.0, started, limit)
    }

    fn timed<F, M>(&self, (started, limit): Begun, work: F) -> Timed<&Core, F, M> {
        Timed::new(&*self.0, work, started, limit)
    }
}

impl fmt::Debug for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Timeout").field(&self.0.name).finish()
    }
}
