//! A moment of one's own.

use super::core::Core;
use super::line::Meter;
use partita_time::Sleep;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// A call's own moment, taken at arrival: ready when the moment has come. Dropped before, it gives the moment back and
/// those behind it move up; dropped after, the moment is spent.
#[must_use = "dropping a reservation gives its moment back"]
pub struct Reservation {
    core: Arc<Core>,
    meter: Arc<Meter>,
    ticket: Option<u64>,
    sleep: Option<(u64, Sleep)>,
}

impl Reservation {
    pub(super) const fn new(core: Arc<Core>, meter: Arc<Meter>, ticket: Option<u64>) -> Self {
        Self { core, meter, ticket, sleep: None }
    }

    /// How long until the moment; zero when it has come.
    pub fn retry_after(&self) -> Duration {
        let left = |ticket| self.meter.left(&self.core.rule, self.core.now(), ticket);
        Duration::from_nanos(self.ticket.map_or(0, left))
    }

    /// Sleeps until the moment.
    pub async fn until_ready(self) {
        self.await;
    }
}

impl Future for Reservation {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let Some(ticket) = this.ticket else { return Poll::Ready(()) };
        loop {
            let now = this.core.now();
            let left = this.meter.poll(&this.core.rule, now, ticket, cx.waker());
            if left == 0 {
                (this.ticket, this.sleep) = (None, None);
                return Poll::Ready(());
            }
            let due = now.saturating_add(left);
            if this.sleep.as_ref().is_none_or(|(kept, _)| *kept != due) {
                this.sleep = Some((due, this.core.timing.sleep(Duration::from_nanos(left))));
            }
            let Some((_, sleep)) = &mut this.sleep else { return Poll::Pending };
            std::task::ready!(sleep.as_mut().poll(cx));
            this.sleep = None;
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.meter.leave(&self.core.rule, self.core.now(), ticket);
        }
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reservation({:?})", self.retry_after())
    }
}
