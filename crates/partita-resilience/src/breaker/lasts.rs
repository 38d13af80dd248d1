//! How long a call through a breaker's layer lasts.

use super::OwnedPermit;
use super::core::Core;
#[cfg(feature = "http")]
use crate::http::Limited;
#[cfg(feature = "http")]
use crate::timed::Watch;
use crate::{Error, Limit, Outcome};
use partita_time::Sleep;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Whether a call ends with its answer, or lasts as long as something in it.
pub trait Lasts<T> {
    /// What the caller gets.
    type Answer;

    /// Ends the call of an answer that was judged so, or hands it on.
    fn last(answer: T, call: Running, judged: Outcome) -> Self::Answer;
}

/// A call ends with the answer.
#[derive(Clone, Copy, Debug)]
pub struct UntilHead;

impl<T> Lasts<T> for UntilHead {
    type Answer = T;

    fn last(answer: T, call: Running, judged: Outcome) -> T {
        call.permit.record(judged);
        answer
    }
}

/// A call under way: its permit, and the breaker's own limit to it.
pub struct Running {
    pub(crate) permit: OwnedPermit,
    core: Arc<Core>,
    sleep: Option<Sleep>,
}

impl Running {
    pub(super) const fn new(permit: OwnedPermit, core: Arc<Core>) -> Self {
        Self { permit, core, sleep: None }
    }

    /// Ready when the time of the call is over.
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let Some(limit) = self.core.common.settings.call_timeout else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| self.core.common.timing.sleep(limit));
        sleep.as_mut().poll(cx).map(|()| limit)
    }

    /// The permit, and what is left of the breaker's own limit.
    #[cfg(feature = "http")]
    pub(crate) fn go_on(self) -> (OwnedPermit, Option<Limited>) {
        let Self { permit, core, sleep } = self;
        let limit = core.common.settings.call_timeout.map(|limit| (limit, Limit::Call));
        let limited = limit.map(|limit| Limited::going_on(core, permit.began(), limit, sleep));
        (permit, limited)
    }

    /// Ends a call whose time is over.
    pub(super) fn timed_out<E>(self, limit: Duration) -> Error<E> {
        self.permit.record(Outcome::Failure);
        self.core.tell_timeout(limit);
        Error::TimedOut { after: limit, which: Limit::Call }
    }
}

#[cfg(feature = "http")]
impl Watch for Core {
    fn timing(&self) -> &crate::Timing {
        &self.common.timing
    }

    fn ended(&self, _: Duration, _: bool) {}

    fn cut(&self, _: Duration, at_limit: Option<(Duration, Limit)>) {
        if let Some((limit, _)) = at_limit {
            self.tell_timeout(limit);
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Running").field(&self.permit).finish()
    }
}
