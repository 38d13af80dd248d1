//! A limit of time as a tower layer.

use super::Timeout;
use super::core::Core;
use crate::deadline::Context;
use crate::layered::{PolicyLayer, Serve};
use crate::timed::Timed;
use crate::{Error, ErrorShape, Rejected};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use tower_service::Service;

impl Timeout {
    /// As a layer.
    pub fn layer(&self) -> PolicyLayer<Self> {
        PolicyLayer::new(self.clone())
    }
}

impl<S, Q, M> Serve<S, Q, M> for Timeout
where
    S: Service<Q>,
    M: ErrorShape<S::Error>,
{
    type Response = S::Response;
    type Future = ResponseFuture<S::Future, M>;

    fn serve(&self, inner: &mut S, request: Q) -> Self::Future {
        match self.0.begin(&Context::current()) {
            Ok((started, limit)) => {
                let timed = Timed::new(Arc::clone(&self.0), inner.call(request), started, limit);
                ResponseFuture { timed: Some(timed), refused: None }
            }
            Err(refused) => ResponseFuture { timed: None, refused: Some(refused) },
        }
    }
}

pin_project! {
    /// The response to a call with a limit of time.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, M> {
        #[pin]
        timed: Option<Timed<Arc<Core>, F, M>>,
        refused: Option<Rejected>,
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
        f.write_str("timeout::ResponseFuture")
    }
}
