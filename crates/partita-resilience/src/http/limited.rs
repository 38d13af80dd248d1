//! Limits of time that hold until a body ends.

use crate::timed::{self, Watch};
use crate::{Error, ErrorShape};
use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

/// A call's limit of time, which goes on with the body of its answer.
pub(crate) type Limited = timed::Limited<Arc<dyn Watch + Send + Sync>>;

impl Limited {
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

    pub(super) fn new(body: B, mut limited: Limited) -> Self {
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
                this.limited.take().into_iter().for_each(|mut limited| limited.ended(good));
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
