//! A deadline as a tower layer.

use super::core::Core;
use super::{Context, Deadline, Scoped};
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

/// Wraps a service in a [`Deadline`].
#[derive(Debug)]
pub struct DeadlineLayer<M = Plain> {
    deadline: Deadline,
    shape: PhantomData<fn() -> M>,
}

impl Deadline {
    /// As a layer that reads and sets the current [`Context`].
    pub fn layer(&self) -> DeadlineLayer {
        DeadlineLayer { deadline: self.clone(), shape: PhantomData }
    }
}

impl DeadlineLayer {
    /// The service beneath is a policy itself.
    #[must_use]
    pub fn nested(self) -> DeadlineLayer<Nested> {
        DeadlineLayer { deadline: self.deadline, shape: PhantomData }
    }
}

impl<M> Clone for DeadlineLayer<M> {
    fn clone(&self) -> Self {
        Self { deadline: self.deadline.clone(), shape: PhantomData }
    }
}

impl<S, M> Layer<S> for DeadlineLayer<M> {
    type Service = DeadlineService<S, M>;

    fn layer(&self, inner: S) -> Self::Service {
        DeadlineService { inner, layer: self.clone() }
    }
}

/// A service whose calls have a deadline.
#[derive(Debug)]
pub struct DeadlineService<S, M = Plain> {
    inner: S,
    layer: DeadlineLayer<M>,
}

impl<S: Clone, M> Clone for DeadlineService<S, M> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, Q, M> Service<Q> for DeadlineService<S, M>
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
        let inner = &mut self.inner;
        ResponseFuture::begin(&self.layer.deadline, Context::current(), |_| inner.call(request))
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
