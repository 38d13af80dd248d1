//! Work with a limit of time, whoever sets it.

use crate::{Error, ErrorShape, Limit, Timing};
use partita_time::Sleep;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
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

pin_project! {
    /// Work that is dropped when its time is over. It is polled before the time is looked at: what is ready counts.
    #[must_use = "futures do nothing unless polled"]
    pub(crate) struct Timed<W, F, M>
    where
        W: Deref,
        W::Target: Watch,
    {
        watch: W,
        #[pin]
        work: Option<F>,
        after: Duration,
        which: Limit,
        started: Duration,
        sleep: Option<Sleep>,
        shape: PhantomData<fn() -> M>,
    }

    impl<W, F, M> PinnedDrop for Timed<W, F, M>
    where
        W: Deref,
        W::Target: Watch,
    {
        fn drop(this: Pin<&mut Self>) {
            if this.work.is_some() {
                this.watch.cut(this.started, None);
            }
        }
    }
}

impl<W: Deref<Target: Watch>, F, M> Timed<W, F, M> {
    pub(crate) const fn new(watch: W, work: F, started: Duration, (after, which): (Duration, Limit)) -> Self {
        Self { watch, work: Some(work), after, which, started, sleep: None, shape: PhantomData }
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
            this.watch.ended(*this.started, result.is_ok());
            return Poll::Ready(result.map_err(M::lift));
        }
        let (watch, started, after) = (this.watch, *this.started, *this.after);
        let sleep = this.sleep.get_or_insert_with(|| {
            let spent = watch.timing().now().saturating_sub(started);
            watch.timing().sleep(after.saturating_sub(spent))
        });
        if sleep.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        this.work.set(None);
        watch.cut(started, Some((after, *this.which)));
        Poll::Ready(Err(Error::TimedOut { after, which: *this.which }))
    }
}

impl<W: Deref<Target: Watch>, F, M> fmt::Debug for Timed<W, F, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timed").field("after", &self.after).field("which", &self.which).finish_non_exhaustive()
    }
}
