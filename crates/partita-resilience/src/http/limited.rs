//! Limits of time that hold until a body ends.

use crate::timed::Watch;
use crate::{Error, ErrorShape, Limit};
use http::Response;
use http_body::{Body, Frame, SizeHint};
use partita_time::Sleep;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// A call's limit of time, and who set it: hears how the call ended, and of one that was dropped.
pub(crate) struct Limited {
    watch: Arc<dyn Watch + Send + Sync>,
    started: Duration,
    after: Duration,
    which: Limit,
    sleep: Option<Sleep>,
    told: bool,
}

impl Limited {
    pub(crate) fn new(
        watch: Arc<dyn Watch + Send + Sync>,
        started: Duration,
        (after, which): (Duration, Limit),
    ) -> Self {
        Self { watch, started, after, which, sleep: None, told: false }
    }

    /// That of a call whose timer may run already.
    pub(crate) fn going_on(
        watch: Arc<dyn Watch + Send + Sync>,
        started: Duration,
        limit: (Duration, Limit),
        sleep: Option<Sleep>,
    ) -> Self {
        let mut limited = Self::new(watch, started, limit);
        limited.sleep = sleep;
        limited
    }

    fn ended(mut self, good: bool) {
        self.told = true;
        self.watch.ended(self.started, good);
    }

    /// Ready when the time is over.
    fn poll_over<E>(&mut self, cx: &mut Context<'_>) -> Poll<Error<E>> {
        let (timing, after, started) = (self.watch.timing(), self.after, self.started);
        let left = || after.saturating_sub(timing.now().saturating_sub(started));
        ready!(self.sleep.get_or_insert_with(|| timing.sleep(left())).as_mut().poll(cx));
        self.told = true;
        self.watch.cut(started, Some((after, self.which)));
        Poll::Ready(Error::TimedOut { after, which: self.which })
    }

    /// The head of a response in its time, whose body has the rest.
    pub(super) async fn head<B, X, M>(
        mut self,
        call: impl Future<Output = Result<Response<B>, X>>,
    ) -> Result<Response<LimitedBody<B>>, Error<M::Inner>>
    where
        B: Body,
        M: ErrorShape<X>,
    {
        let mut call = pin!(call);
        let end = poll_fn(|cx| match call.as_mut().poll(cx) {
            Poll::Ready(end) => Poll::Ready(Ok(end)),
            Poll::Pending => self.poll_over(cx).map(Err),
        });
        match end.await {
            Ok(Ok(response)) => Ok(response.map(|body| LimitedBody::new(body, self))),
            Ok(Err(error)) => {
                self.ended(false);
                Err(M::lift(error))
            }
            Err(over) => Err(over),
        }
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        if !self.told {
            self.watch.cut(self.started, None);
        }
    }
}

impl fmt::Debug for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Limited({:?})", self.after)
    }
}

pin_project! {
    /// A body that fails with [`Error::TimedOut`] when the time of its call is over: whether it stalls, or never ends.
    #[derive(Debug)]
    pub struct LimitedBody<B> {
        #[pin]
        body: Option<B>,
        limited: Option<Limited>,
    }
}

impl<B: Body> LimitedBody<B> {
    /// `body` without a limit.
    pub(super) const fn free(body: B) -> Self {
        Self { body: Some(body), limited: None }
    }

    pub(super) fn new(body: B, limited: Limited) -> Self {
        if body.is_end_stream() {
            limited.ended(true);
            return Self::free(body);
        }
        Self { body: Some(body), limited: Some(limited) }
    }
}

/// Has no limit.
impl<B: Body + Default> Default for LimitedBody<B> {
    fn default() -> Self {
        Self::free(B::default())
    }
}

impl<B: Body> Body for LimitedBody<B> {
    type Data = B::Data;
    type Error = Error<B::Error>;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, Self::Error>>> {
        let mut this = self.project();
        let Some(mut body) = this.body.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        let frame = body.as_mut().poll_frame(cx).map_err(Error::Inner);
        let over = match &frame {
            Poll::Ready(Some(Ok(_))) => body.is_end_stream(),
            Poll::Ready(_) => true,
            Poll::Pending => false,
        };
        match this.limited {
            Some(_) if over => {
                let good = !matches!(frame, Poll::Ready(Some(Err(_))));
                this.limited.take().into_iter().for_each(|limited| limited.ended(good));
                frame
            }
            Some(limited) => match limited.poll_over(cx) {
                Poll::Ready(error) => {
                    *this.limited = None;
                    this.body.set(None);
                    Poll::Ready(Some(Err(error)))
                }
                Poll::Pending => frame,
            },
            None => frame,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
