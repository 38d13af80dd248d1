//! The time that a call has left.

use crate::deadline::{Counts, NEVER};
use crate::{Error, Limit, Timing};
use partita_time::Sleep;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// The time that a call has left, from one wait to the next, in nanoseconds. The timer is set when something first waits.
pub(super) struct TimeLeft<'a> {
    /// The moment of the last look at the clock, until something waits; [`NEVER`] where none is known.
    now: u64,
    end: u64,
    whole: u64,
    sleep: Option<Sleep>,
    counts: Option<&'a Counts>,
}

impl<'a> TimeLeft<'a> {
    /// As much as it takes.
    #[inline(always)]
    pub(super) const fn unlimited() -> Self {
        Self { now: NEVER, end: NEVER, whole: 0, sleep: None, counts: None }
    }

    /// From `now` to `end`; how that goes is counted.
    #[inline(always)]
    pub(super) const fn until(end: u64, now: u64, counts: &'a Counts) -> Self {
        Self { now, end, whole: end.saturating_sub(now), sleep: None, counts: Some(counts) }
    }

    /// Whether it had none to begin with.
    #[inline(always)]
    pub(super) const fn is_over(&self) -> bool {
        self.whole == 0 && self.end != NEVER
    }

    /// The moment: that of the last look at the clock, if nothing has waited since.
    #[inline(always)]
    pub(super) fn now(&mut self, timing: &Timing) -> u64 {
        if self.now == NEVER {
            self.now = timing.nanos();
        }
        self.now
    }

    /// [`TimeLeft::now`], for the last time: what follows may take long without a wait.
    #[inline(always)]
    pub(super) fn last_now(&mut self, timing: &Timing) -> u64 {
        let now = self.now(timing);
        self.now = NEVER;
        now
    }

    /// The end of `work`; None when the time is over first.
    #[inline(always)]
    pub(super) fn race<F: Future + ?Sized>(
        &mut self,
        timing: &Timing,
        mut work: Pin<&mut F>,
    ) -> impl Future<Output = Option<F::Output>> {
        poll_fn(move |cx| {
            let polled = work.as_mut().poll(cx);
            self.limit(timing, polled, cx)
        })
    }

    /// What was polled; None when it waits and the time is over.
    #[inline(always)]
    pub(super) fn limit<T>(&mut self, timing: &Timing, polled: Poll<T>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        match polled {
            Poll::Ready(end) => Poll::Ready(Some(end)),
            Poll::Pending => self.poll_over(timing, cx).map(|()| None),
        }
    }

    /// Something waits: ready when the time is over first.
    #[inline(never)]
    fn poll_over(&mut self, timing: &Timing, cx: &mut Context<'_>) -> Poll<()> {
        self.now = NEVER;
        if self.end == NEVER {
            return Poll::Pending;
        }
        let left = || Duration::from_nanos(self.end.saturating_sub(timing.nanos()));
        self.sleep.get_or_insert_with(|| timing.sleep(left())).as_mut().poll(cx)
    }

    /// The call ended while it had time.
    #[inline(always)]
    pub(super) fn sufficed(&self) {
        self.counts.into_iter().for_each(Counts::in_time);
    }

    /// How a call ends whose time is over.
    pub(super) fn over<E>(&self) -> Error<E> {
        self.counts.into_iter().for_each(Counts::timed_out);
        Error::TimedOut { after: Duration::from_nanos(self.whole), which: Limit::Deadline }
    }
}
