//! Work with a limit of time, whoever sets it.

use crate::{Error, ErrorShape, Limit, Timing};
use partita_time::Sleep;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// The end of `work`, or None when `limit` ran out first and the work was dropped. Work that is ready at once needs no timer.
pub(crate) async fn within<F: Future>(timing: &Timing, limit: Duration, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    let mut sleep = None;
    poll_fn(move |cx| {
        if let Poll::Ready(out) = work.as_mut().poll(cx) {
            return Poll::Ready(Some(out));
        }
        let sleep = sleep.get_or_insert_with(|| timing.sleep(limit));
        Pin::new(sleep).poll(cx).map(|()| None)
    })
    .await
}

/// Who set the limit, and hears how the work ended.
pub(crate) trait Watch {
    fn timing(&self) -> &Timing;
    /// The work ended in time.
    fn ended(&self, started: Duration, good: bool);
    /// The work was dropped: at its limit, or by its caller.
    fn cut(&self, started: Duration, at_limit: Option<(Duration, Limit)>);
}

/// A call's limit of time, and who set it: hears how the call ended, and of one that was dropped.
pub(crate) struct Limited<W: Deref<Target: Watch>> {
    watch: W,
    started: Duration,
    after: Duration,
    which: Limit,
    sleep: Option<Sleep>,
    told: bool,
}

impl<W: Deref<Target: Watch>> Limited<W> {
    pub(crate) const fn new(watch: W, started: Duration, (after, which): (Duration, Limit)) -> Self {
        Self { watch, started, after, which, sleep: None, told: false }
    }

    /// That of a call whose timer may run already.
    #[cfg(feature = "http")]
    pub(crate) fn going_on(watch: W, started: Duration, limit: (Duration, Limit), sleep: Option<Sleep>) -> Self {
        let mut limited = Self::new(watch, started, limit);
        limited.sleep = sleep;
        limited
    }

    /// The call ended in time.
    pub(crate) fn ended(&mut self, good: bool) {
        self.told = true;
        self.watch.ended(self.started, good);
    }

    /// Ready when the time is over.
    pub(crate) fn poll_over<E>(&mut self, cx: &mut Context<'_>) -> Poll<Error<E>> {
        let (timing, after, started) = (self.watch.timing(), self.after, self.started);
        let left = || after.saturating_sub(timing.now().saturating_sub(started));
        ready!(self.sleep.get_or_insert_with(|| timing.sleep(left())).as_mut().poll(cx));
        self.told = true;
        self.watch.cut(started, Some((after, self.which)));
        Poll::Ready(Error::TimedOut { after, which: self.which })
    }
}

impl<W: Deref<Target: Watch>> Drop for Limited<W> {
    fn drop(&mut self) {
        if !self.told {
            self.watch.cut(self.started, None);
        }
    }
}

impl<W: Deref<Target: Watch>> fmt::Debug for Limited<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limited").field("after", &self.after).field("which", &self.which).finish_non_exhaustive()
    }
}

pin_project! {
    /// Work that is dropped when its time is over. It is polled before the time is looked at: what is ready counts.
    #[must_use = "futures do nothing unless polled"]
    pub(crate) struct Timed<W, F, M>
    where
        W: Deref,
        W::Target: Watch,
    {
        limited: Limited<W>,
        #[pin]
        work: Option<F>,
        shape: PhantomData<fn() -> M>,
    }
}

impl<W: Deref<Target: Watch>, F, M> Timed<W, F, M> {
    pub(crate) const fn new(watch: W, work: F, started: Duration, limit: (Duration, Limit)) -> Self {
        Self { limited: Limited::new(watch, started, limit), work: Some(work), shape: PhantomData }
    }
}

impl<W, F, M, T, E> Future for Timed<W, F, M>
where
    W: Deref<Target: Watch>,
    F: Future<Output = Result<T, E>>,
    M: ErrorShape<E>,
{
    type Output = Result<T, Error<M::Inner>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(work) = this.work.as_mut().as_pin_mut() else { return Poll::Pending };
        if let Poll::Ready(result) = work.poll(cx) {
            this.work.set(None);
            this.limited.ended(result.is_ok());
            return Poll::Ready(result.map_err(M::lift));
        }
        let over = ready!(this.limited.poll_over(cx));
        this.work.set(None);
        Poll::Ready(Err(over))
    }
}

impl<W: Deref<Target: Watch>, F, M> fmt::Debug for Timed<W, F, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Timed").field(&self.limited).finish()
    }
}
