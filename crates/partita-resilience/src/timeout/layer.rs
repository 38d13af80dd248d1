//! A limit of time as a tower layer.

use super::Timeout;
use super::core::Core;
use crate::deadline::Context;
use crate::timed::Timed;
use crate::{Error, ErrorShape, Nested, Plain, Rejected};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// Wraps a service in a [`Timeout`].
#[derive(Debug)]
pub struct TimeoutLayer<M = Plain> {
    timeout: Timeout,
    shape: PhantomData<fn() -> M>,
}

impl Timeout {
    /// As a layer.
    pub fn layer(&self) -> TimeoutLayer {
        TimeoutLayer { timeout: self.clone(), shape: PhantomData }
    }
}

impl TimeoutLayer {
    /// The service beneath is a policy itself.
    #[must_use]
    pub fn nested(self) -> TimeoutLayer<Nested> {
        TimeoutLayer { timeout: self.timeout, shape: PhantomData }
    }
}

impl<M> Clone for TimeoutLayer<M> {
    fn clone(&self) -> Self {
        Self { timeout: self.timeout.clone(), shape: PhantomData }
    }
}

impl<S, M> Layer<S> for TimeoutLayer<M> {
    type Service = TimeoutService<S, M>;

    fn layer(&self, inner: S) -> Self::Service {
        TimeoutService { inner, layer: self.clone() }
    }
}

/// A service whose calls are ended when they take too long.
#[derive(Debug)]
pub struct TimeoutService<S, M = Plain> {
    inner: S,
    layer: TimeoutLayer<M>,
}

impl<S: Clone, M> Clone for TimeoutService<S, M> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, Q, M> Service<Q> for TimeoutService<S, M>
where
    S: Service<Q>,
    M: ErrorShape<S::Error>,
{
    type Response = S::Response;
    type Error = Error<M::Inner>;
    type Future = ResponseFuture<S::Future, M>;

    fn poll_ready(&mut self, cx: &mut Task<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(M::lift)
    }

    fn call(&mut self, request: Q) -> Self::Future {
        let core = &self.layer.timeout.0;
        match core.begin(&Context::current()) {
            Ok((started, limit)) => {
                let timed = Timed::new(Arc::clone(core), self.inner.call(request), started, limit);
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
