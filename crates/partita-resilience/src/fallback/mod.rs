//! A second answer.
//!
//! When a call fails, is refused or runs out of time, something else answers: a default, the last known value, another
//! service. It stands outside of everything else, so that it sees the end after all retries and not each attempt. An
//! end that is the caller's own mistake has no second answer.

use crate::{ByResult, Classify, Error, Event, EventKind, Listeners, Outcome, PolicyKind, Timing};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

mod layer;
#[cfg(test)]
mod tests;

pub use layer::ResponseFuture;

/// Answers in the place of a call that failed. Clones share one policy.
pub struct Fallback<C = ByResult>(Arc<Core<C>>);

struct Core<C> {
    name: crate::Name,
    listeners: Listeners,
    timing: Timing,
    served: AtomicU64,
    failed: AtomicU64,
    classify: C,
}

/// Settings of a [`Fallback`].
#[derive(Debug)]
#[must_use]
pub struct FallbackBuilder<C = ByResult> {
    name: crate::Name,
    listeners: Listeners,
    timing: Timing,
    classify: C,
}

/// Where a fallback stands; counts since it was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FallbackSnapshot {
    /// The policy's name.
    pub name: crate::Name,
    /// Calls that the fallback answered.
    pub served: u64,
    /// Calls in which the fallback failed too.
    pub failed: u64,
}

impl Fallback {
    /// Settings, at their defaults; `name` stands in events and snapshots.
    pub fn builder(name: impl Into<crate::Name>) -> FallbackBuilder {
        let (listeners, timing) = (Listeners::default(), Timing::system());
        FallbackBuilder { name: name.into(), listeners, timing, classify: ByResult }
    }
}

impl<C> FallbackBuilder<C> {
    /// Judges an end: failure and overloaded have a second answer, ignored has none. Default [`ByResult`].
    pub fn classify<D>(self, classify: D) -> FallbackBuilder<D> {
        FallbackBuilder { name: self.name, listeners: self.listeners, timing: self.timing, classify }
    }

    /// Hears of each second answer.
    pub fn listener(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.add(listener);
        self
    }

    /// Reads the time of events here; default [`Timing::system`].
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Makes the policy. Nothing here can be set wrongly.
    pub fn build(self) -> Fallback<C> {
        let Self { name, listeners, timing, classify } = self;
        let (served, failed) = (AtomicU64::new(0), AtomicU64::new(0));
        Fallback(Arc::new(Core { name, listeners, timing, served, failed, classify }))
    }
}

/// What a call ended with that has a second answer: an answer judged a failure, or an error.
enum Bad<T, E> {
    Answer(T),
    Error(Error<E>),
}

impl<T, E> Bad<T, E> {
    const fn error(&self) -> Option<&Error<E>> {
        match self {
            Self::Answer(_) => None,
            Self::Error(error) => Some(error),
        }
    }
}

impl<C> Fallback<C> {
    /// Where it stands.
    pub fn snapshot(&self) -> FallbackSnapshot {
        FallbackSnapshot {
            name: self.0.name.clone(),
            served: self.0.served.load(Ordering::Relaxed),
            failed: self.0.failed.load(Ordering::Relaxed),
        }
    }

    /// Calls `work`, and `fallback` when that failed. `fallback` is told the error; None for an answer that was judged a
    /// failure, which is handed back if the fallback fails too.
    ///
    /// # Errors
    /// [`Error::FallbackFailed`] with both ends.
    pub async fn call<T, E, F, Fut, G, Gut>(&self, work: F, fallback: G) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
        G: FnOnce(Option<&Error<E>>) -> Gut,
        Gut: Future<Output = Result<T, E>>,
    {
        let work = work();
        self.around(async move { work.await.map_err(Error::Inner) }, fallback).await
    }

    /// As [`Fallback::call`] around another policy. A bad answer keeps what it holds, as a place in a bulkhead, while the
    /// fallback is at work.
    ///
    /// # Errors
    /// As [`Fallback::call`].
    pub async fn around<T, E, Fut, G, Gut>(&self, work: Fut, fallback: G) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
        Fut: Future<Output = Result<T, Error<E>>>,
        G: FnOnce(Option<&Error<E>>) -> Gut,
        Gut: Future<Output = Result<T, E>>,
    {
        self.around_freed(work, |_| (), fallback).await
    }

    /// As [`Fallback::around`], where `free` makes a bad answer give back what it holds.
    pub(crate) async fn around_freed<T, E, Fut, G, Gut>(
        &self,
        work: Fut,
        free: impl FnOnce(&mut T),
        fallback: G,
    ) -> Result<T, Error<E>>
    where
        C: Classify<T, E>,
        Fut: Future<Output = Result<T, Error<E>>>,
        G: FnOnce(Option<&Error<E>>) -> Gut,
        Gut: Future<Output = Result<T, E>>,
    {
        let mut bad = match self.judge(work.await) {
            Ok(end) => return end,
            Err(bad) => bad,
        };
        if let Bad::Answer(answer) = &mut bad {
            free(answer);
        }
        let second = fallback(bad.error());
        self.settle(bad, second.await)
    }

    /// An end that stands, or one that has a second answer.
    fn judge<T, E>(&self, end: Result<T, Error<E>>) -> Result<Result<T, Error<E>>, Bad<T, E>>
    where
        C: Classify<T, E>,
    {
        let stands = |outcome| matches!(outcome, Outcome::Success | Outcome::Ignored | Outcome::Cancelled);
        match end {
            Ok(answer) if stands(self.0.classify.classify(Ok(&answer))) => Ok(Ok(answer)),
            Ok(answer) => Err(Bad::Answer(answer)),
            Err(error) => match error.inner() {
                Some(inner) if stands(self.0.classify.classify(Err(inner))) => Ok(Err(error)),
                _ => Err(Bad::Error(error)),
            },
        }
    }

    fn settle<T, E>(&self, bad: Bad<T, E>, second: Result<T, E>) -> Result<T, Error<E>> {
        match (bad, second) {
            (_, Ok(answer)) => {
                self.0.served.fetch_add(1, Ordering::Relaxed);
                self.tell(EventKind::Served("fallback"));
                Ok(answer)
            }
            (Bad::Answer(answer), Err(_)) => {
                self.0.failed.fetch_add(1, Ordering::Relaxed);
                Ok(answer)
            }
            (Bad::Error(cause), Err(fallback)) => {
                self.0.failed.fetch_add(1, Ordering::Relaxed);
                Err(Error::FallbackFailed { cause: Box::new(cause), fallback: Box::new(Error::Inner(fallback)) })
            }
        }
    }

    fn tell(&self, kind: EventKind<'_>) {
        let core = &*self.0;
        core.listeners.tell(&Event::told(core.timing.coarse_nanos(), PolicyKind::Fallback, &core.name, kind));
    }
}

impl<C> Clone for Fallback<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> fmt::Debug for Fallback<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fallback").field(&self.0.name).finish()
    }
}
