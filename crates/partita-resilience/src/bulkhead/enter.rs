//! The way to a permit.

use super::core::Core;
use super::queue::{Joined, Turn};
use super::slots::Slot;
use crate::{EventKind, Outcome, Reason, Rejected};
use partita_time::Sleep;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

/// Waits for a permit: takes its place in the queue at the first poll, and leaves it when dropped.
#[must_use = "futures do nothing unless polled"]
pub(crate) struct Enter {
    core: Arc<Core>,
    place: Option<Place>,
}

struct Place {
    ticket: u64,
    since: Duration,
    /// Set when it first waits.
    limit: Option<Sleep>,
}

impl Enter {
    pub(crate) const fn new(core: Arc<Core>) -> Self {
        Self { core, place: None }
    }

    fn join(&mut self, cx: &Context<'_>) -> Poll<Result<Slot, Rejected>> {
        if let Some(slot) = self.core.try_enter() {
            return Poll::Ready(Ok(slot));
        }
        let config = &self.core.config;
        let most = if config.max_wait.is_zero() { 0 } else { config.queue };
        match self.core.queue.join(&self.core.slots, most, cx.waker()) {
            Joined::Taken(slot) => Poll::Ready(Ok(self.core.tell_admitted(slot))),
            Joined::Full => {
                self.core.count_saturated();
                let reason = if most == 0 { Reason::Saturated } else { Reason::QueueFull };
                Poll::Ready(Err(self.core.reject(reason)))
            }
            Joined::Waits(ticket) => {
                // Before anything that may panic, as a listener or a timer without a runtime: the drop leaves the queue.
                self.place = Some(Place { ticket, since: config.timing.now(), limit: None });
                self.core.count_saturated();
                config.listeners.routine(|| self.core.event(EventKind::Queued));
                Poll::Pending
            }
        }
    }
}

impl Future for Enter {
    type Output = Result<Slot, Rejected>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.place.is_none() {
            let joined = this.join(cx);
            if joined.is_ready() {
                return joined;
            }
        }
        let Some(place) = &mut this.place else { return Poll::Pending };
        let since = place.since;
        let slot = match this.core.queue.poll(place.ticket, cx.waker()) {
            Turn::Comes(slot) => {
                this.place = None;
                Some(slot)
            }
            Turn::Waits => {
                let config = &this.core.config;
                let limit = place.limit.get_or_insert_with(|| config.timing.sleep(config.max_wait));
                std::task::ready!(limit.as_mut().poll(cx));
                this.leave()
            }
        };
        let Some(slot) = slot else { return Poll::Ready(Err(this.core.reject(Reason::WaitedTooLong))) };
        this.core.record_wait(this.core.config.timing.now().saturating_sub(since));
        Poll::Ready(Ok(this.core.tell_admitted(slot)))
    }
}

impl Enter {
    /// Leaves the queue; the permit that came at the last moment, if one did.
    fn leave(&mut self) -> Option<Slot> {
        let place = self.place.take()?;
        self.core.queue.leave(&self.core.slots, place.ticket)
    }
}

impl Drop for Enter {
    fn drop(&mut self) {
        if self.place.is_none() {
            return;
        }
        match self.leave() {
            Some(slot) => self.core.leave(slot, Outcome::Cancelled),
            None => {
                self.core.abandoned.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl fmt::Debug for Enter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Enter({})", self.core.name())
    }
}
