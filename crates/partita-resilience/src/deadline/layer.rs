//! A deadline as a tower layer.

use super::core::Core;
use super::{Context, Deadline, Scoped};
use crate::layered::{PolicyLayer, Serve};
use crate::timed::Timed;
use crate::{Error, ErrorShape, Plain, Rejected};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use tower_service::Service;

impl Deadline {
    /// As a layer that reads and sets the current [`Context`].
    pub fn layer(&self) -> PolicyLayer<Self> {
        PolicyLayer::new(self.clone())
    }
}

impl<S, Q, M> Serve<S, Q, M> for Deadline
where
    S: Service<Q>,
    M: ErrorShape<S::Error>,
{
    type Response = S::Response;
    type Future = ResponseFuture<S::Future, M>;

    fn serve(&self, inner: &mut S, request: Q) -> Self::Future {
        ResponseFuture::begin(self, Context::current(), |_| inner.call(request))
    }
}

pin_project! {
    /// The response to a call with a deadline.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, M = Plain> {
        #[pin]
        timed: Option<Timed<Arc<Core>, Scoped<F>, M>>,
        refused: Option<Rejected>,
    }
}

impl<F: Future, M> ResponseFuture<F, M> {
    pub(super) fn begin(deadline: &Deadline, context: Context, call: impl FnOnce(&Context) -> F) -> Self {
        match deadline.0.begin(context) {
            Ok((context, started, limit)) => {
                let work = context.clone().scope_with(|| call(&context));
                let timed = Timed::new(Arc::clone(&deadline.0), work, started, limit);
                Self { timed: Some(timed), refused: None }
            }
            Err(refused) => Self { timed: None, refused: Some(refused) },
        }
    }
}

impl<F, M, T, E> Future for ResponseFuture<F, M>
where
    F: Future<Output = Result<T, E>>,
    M: ErrorShape<E>,
{
    type Output = Result<T, Error<M::Inner>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Task<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match (this.timed.as_pin_mut(), this.refused.take()) {
            (Some(timed), _) => timed.poll(cx),
            (None, Some(refused)) => Poll::Ready(Err(refused.into())),
            (None, None) => Poll::Pending,
        }
    }
}

impl<F, M> fmt::Debug for ResponseFuture<F, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline::ResponseFuture")
    }
}
