//! A body that holds something until it ends.

use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// A body with a permit, which it drops with its last frame, at an error, or when it is dropped itself.
    #[derive(Debug)]
    pub struct HeldBody<B, P> {
        #[pin]
        body: B,
        permit: Option<P>,
    }
}

impl<B: Body, P> HeldBody<B, P> {
    /// `body` with `permit`. A body that is empty to begin with holds nothing.
    pub fn new(body: B, permit: P) -> Self {
        let permit = (!body.is_end_stream()).then_some(permit);
        Self { body, permit }
    }
}

/// A response whose body holds `permit`.
pub fn hold<B: Body, P>(response: Response<B>, permit: P) -> Response<HeldBody<B, P>> {
    response.map(|body| HeldBody::new(body, permit))
}

impl<B: Body, P> Body for HeldBody<B, P> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.body.as_mut().poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) || this.body.is_end_stream() {
            *this.permit = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
