//! The breaker around a plain async call.

use super::core::{Core, Ticket};
use super::{Breaker, Permit};
use crate::timed::within;
use crate::{ByResult, Classify, Error, EventKind, Limit, Outcome};
use std::future::Future;
use std::time::Duration;

impl Breaker {
    /// Makes a call if the breaker lets it through; `Err` is a failure.
    ///
    /// # Errors
    /// The rejection, the timeout, or the call's own error.
    #[inline(always)]
    pub fn call<T, E, F, Fut>(&self, work: F) -> impl Future<Output = Result<T, Error<E>>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.call_with(&ByResult, work)
    }

    /// [`Breaker::call`], with a judgement of one's own.
    ///
    /// # Errors
    /// The rejection, the timeout, or the call's own error.
    #[inline(always)]
    pub async fn call_with<T, E, C, F, Fut>(&self, classify: &C, work: F) -> Result<T, Error<E>>
    where
        C: Classify<T, E> + ?Sized,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let core = &*self.0;
        // Not `admit()?`: that answer's two shapes overlap in memory, and moving it costs more than all the rest.
        let (mut word, mut extra) = (core.machine.word().0, 0);
        let start;
        if core.is_healthy(word) {
            start = core.now();
        } else {
            if let Some(refusal) = core.refuse_quick() {
                return Err(Error::Rejected(core.rejected(refusal)));
            }
            match core.enter() {
                Ok(ticket) => {
                    (word, extra) = (ticket.word, ticket.extra);
                    start = ticket.start;
                }
                Err(refusal) => return Err(Error::Rejected(core.rejected(refusal))),
            }
        }
        let mut permit = Permit::of(core, Ticket { word, start, extra });
        let result = match core.common.settings.call_timeout {
            None => work().await,
            Some(limit) => match within(&core.common.timing, limit, work()).await {
                Some(result) => result,
                None => return Err(timed_out(core, permit, limit)),
            },
        };
        permit.end(classify.classify(result.as_ref()));
        result.map_err(Error::Inner)
    }

    /// [`Breaker::call`], and `fallback` for whatever ends it with an error.
    ///
    /// # Errors
    /// [`Error::FallbackFailed`] with both when the fallback fails too.
    pub async fn call_or<T, E, F, Fut, B, Back>(&self, work: F, fallback: B) -> Result<T, Error<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
        B: FnOnce(&Error<E>) -> Back,
        Back: Future<Output = Result<T, E>>,
    {
        let cause = match self.call(work).await {
            Ok(answer) => return Ok(answer),
            Err(cause) => cause,
        };
        let second = fallback(&cause).await;
        second
            .map_err(|error| Error::FallbackFailed { cause: Box::new(cause), fallback: Box::new(Error::Inner(error)) })
    }
}

fn timed_out<E>(core: &Core, permit: Permit<'_>, limit: Duration) -> Error<E> {
    permit.record(Outcome::Failure);
    core.tell_timeout(limit);
    Error::TimedOut { after: limit, which: Limit::Call }
}

impl Core {
    pub(super) fn tell_timeout(&self, limit: Duration) {
        let kind = EventKind::TimedOut { after: limit, which: Limit::Call };
        self.common.listeners.tell(&self.event(self.now(), kind));
    }
}
