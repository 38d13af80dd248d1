//! The time that a call has left.

use crate::deadline::Counts;
use crate::{Error, Limit, Timing};
use partita_time::Sleep;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

/// The time that a call has left, from one wait to the next. The timer is set when something first waits.
pub(super) struct TimeLeft<'a> {
    /// The moment of the last look at the clock, until something waits.
    now: Option<Duration>,
    end: Option<Duration>,
    whole: Duration,
    sleep: Option<Sleep>,
    counts: Option<&'a Counts>,
}

impl<'a> TimeLeft<'a> {
    /// As much as it takes.
    pub(super) const fn unlimited() -> Self {
        Self { now: None, end: None, whole: Duration::ZERO, sleep: None, counts: None }
    }

    /// From `now` to `end`; how that goes is counted.
    pub(super) const fn until(end: Duration, now: Duration, counts: &'a Counts) -> Self {
        Self { now: Some(now), end: Some(end), whole: end.saturating_sub(now), sleep: None, counts: Some(counts) }
    }

    /// The moment, where it is known: nothing has waited since the clock was read.
    pub(super) const fn now(&mut self) -> &mut Option<Duration> {
        &mut self.now
    }

    /// The end of `work`; None when the time is over first.
    #[inline]
    pub(super) fn race<F: Future + ?Sized>(
        &mut self,
        timing: &Timing,
        mut work: Pin<&mut F>,
    ) -> impl Future<Output = Option<F::Output>> {
        poll_fn(move |cx| {
            if let Poll::Ready(end) = work.as_mut().poll(cx) {
                return Poll::Ready(Some(end));
            }
            self.now = None;
            let Some(end) = self.end else { return Poll::Pending };
            let sleep = self.sleep.get_or_insert_with(|| timing.sleep(end.saturating_sub(timing.now())));
            sleep.as_mut().poll(cx).map(|()| None)
        })
    }

    /// The call ended while it had time.
    #[inline(always)]
    pub(super) fn sufficed(&self) {
        self.counts.into_iter().for_each(Counts::in_time);
    }

    /// How a call ends whose time is over.
    pub(super) fn over<E>(&self) -> Error<E> {
        self.counts.into_iter().for_each(Counts::timed_out);
        Error::TimedOut { after: self.whole, which: Limit::Deadline }
    }
}
