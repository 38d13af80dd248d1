//! Coalescing around a plain async call.

use super::core::{Core, Seat, Turn};
use super::{CoalesceBuilder, CoalesceSnapshot};
use crate::deadline::{Context, judged};
use crate::{Error, EventKind, Limit};
use partita_time::Sleep;
use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::Hash;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// Makes many equal calls one. Clones share one policy.
pub struct Coalesce<K, T, E>(Arc<Core<K, T, E>>);

impl<K: Hash + Eq + Clone, T: Clone, E: Clone> Coalesce<K, T, E> {
    /// Settings, at their defaults; `name` stands in events and snapshots.
    pub fn builder(name: impl Into<crate::Name>) -> CoalesceBuilder<K, T, E> {
        CoalesceBuilder::new(name.into())
    }

    /// Where it stands.
    pub fn snapshot(&self) -> CoalesceSnapshot {
        self.0.snapshot()
    }

    /// Calls `work`, or waits for the answer of who called for this key already.
    ///
    /// # Errors
    /// The shared error; [`Error::TimedOut`] when the wait was too long, of which the call itself knows nothing.
    pub async fn call<F, Fut>(&self, key: K, work: F) -> Result<T, Error<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.around(Context::current(), key, move || {
            let work = work();
            async move { work.await.map_err(Error::Inner) }
        })
        .await
    }

    /// As [`Coalesce::call`] around another policy, and in a context that is handed in.
    ///
    /// # Errors
    /// As [`Coalesce::call`].
    pub async fn around<F, Fut>(&self, context: Context, key: K, work: F) -> Result<T, Error<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, Error<E>>>,
    {
        let seat = self.0.join(key);
        match self.turn(&seat, &context).await? {
            Turn::Lead => {
                seat.lead();
                let (end, late) = judged(&context, &self.0.timing, work).await;
                // What only this caller's time ended is no end for those who have more: the seat, dropped, hands over.
                if !late {
                    seat.finish(&end);
                }
                end
            }
            Turn::Take(end) => {
                self.0.tell(EventKind::Served("shared"));
                Result::clone(&end)
            }
        }
    }

    /// Waits for the lead or an answer, as long as this caller may.
    async fn turn(&self, seat: &Seat<'_, K, T, E>, context: &Context) -> Result<Turn<T, E>, Error<E>> {
        let mut sleep: Option<(Sleep, Duration, Limit)> = None;
        poll_fn(move |cx| {
            let turn = seat.poll_turn(cx);
            if turn.is_ready() && (sleep.is_none() || matches!(turn, Poll::Ready(Turn::Take(_)))) {
                return turn.map(Ok);
            }
            let (sleep, after, which) = sleep.get_or_insert_with(|| self.limit(context));
            if sleep.as_mut().poll(cx).is_pending() {
                return turn.map(Ok);
            }
            let (after, which) = (*after, *which);
            self.0.waited_too_long(EventKind::TimedOut { after, which });
            Poll::Ready(Err(Error::TimedOut { after, which }))
        })
        .await
    }

    fn limit(&self, context: &Context) -> (Sleep, Duration, Limit) {
        let timing = &self.0.timing;
        let (after, which) = match context.left(timing) {
            Some(left) if left < self.0.max_wait => (left, Limit::Deadline),
            _ => (self.0.max_wait, Limit::Shared),
        };
        (timing.sleep(after), after, which)
    }
}

impl<K, T, E> Coalesce<K, T, E> {
    pub(super) fn new(core: Core<K, T, E>) -> Self {
        Self(Arc::new(core))
    }
}

impl<K, T, E> Clone for Coalesce<K, T, E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, T, E> fmt::Debug for Coalesce<K, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Coalesce").field(&self.0.name).finish()
    }
}
