//! The breaker as a tower layer.

use super::lasts::{Lasts, UntilHead};
use super::response::ResponseFuture;
use super::{Breaker, State};
use crate::verdict::outcome;
use crate::{ByResult, Classify, Error, ErrorShape, Nested, Plain};
use std::marker::PhantomData;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// Puts a [`Breaker`] around a service. Every service it makes shares that breaker.
#[derive(Debug)]
pub struct BreakerLayer<C = ByResult, M = Plain, L = UntilHead> {
    breaker: Breaker,
    classify: C,
    shape: PhantomData<fn() -> (M, L)>,
}

impl BreakerLayer {
    /// `Err` is a failure.
    pub const fn new(breaker: Breaker) -> Self {
        Self { breaker, classify: ByResult, shape: PhantomData }
    }
}

impl<C> BreakerLayer<C> {
    /// With a judgement of one's own.
    pub const fn with(breaker: Breaker, classify: C) -> Self {
        Self { breaker, classify, shape: PhantomData }
    }
}

impl<C, L> BreakerLayer<C, Plain, L> {
    /// The service beneath is a policy itself: its refusals are not failures of the dependency.
    #[must_use]
    pub fn nested(self) -> BreakerLayer<C, Nested, L> {
        self.shaped()
    }
}

impl<C, M, L> BreakerLayer<C, M, L> {
    /// Calls last until the body of their response ends: see [`Breaker::body_layer`].
    #[cfg(feature = "http")]
    #[must_use]
    pub fn until_body_ends(self) -> BreakerLayer<C, M, crate::http::UntilBodyEnds> {
        self.shaped()
    }

    fn shaped<N, U>(self) -> BreakerLayer<C, N, U> {
        BreakerLayer { breaker: self.breaker, classify: self.classify, shape: PhantomData }
    }
}

impl<C: Clone, M, L> Clone for BreakerLayer<C, M, L> {
    fn clone(&self) -> Self {
        Self { breaker: self.breaker.clone(), classify: self.classify.clone(), shape: PhantomData }
    }
}

impl<S, C: Clone, M, L> Layer<S> for BreakerLayer<C, M, L> {
    type Service = BreakerService<S, C, M, L>;

    fn layer(&self, inner: S) -> Self::Service {
        BreakerService { inner, layer: self.clone(), readied: false }
    }
}

/// A service behind a [`Breaker`]. Being ready reserves nothing: the call asks for the permit.
///
/// While the breaker is open it is ready at once, to reject, however unready the service beneath is.
#[derive(Debug)]
pub struct BreakerService<S, C = ByResult, M = Plain, L = UntilHead> {
    inner: S,
    layer: BreakerLayer<C, M, L>,
    /// Whether the service beneath said that it is ready; its clone did not.
    readied: bool,
}

impl<S: Clone, C: Clone, M, L> Clone for BreakerService<S, C, M, L> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone(), readied: false }
    }
}

impl<S, C, M, L, Request> Service<Request> for BreakerService<S, C, M, L>
where
    S: Service<Request>,
    M: ErrorShape<S::Error>,
    C: Classify<S::Response, M::Inner> + Clone,
    L: Lasts<S::Response>,
{
    type Response = L::Answer;
    type Error = Error<M::Inner>;
    type Future = ResponseFuture<S::Future, C, M, L>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let breaker = &self.layer.breaker;
        if !self.readied && breaker.state() == State::Open {
            return Poll::Ready(Ok(()));
        }
        match self.inner.poll_ready(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) => {
                self.readied = true;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => {
                let end: Result<S::Response, _> = Err(M::lift(error));
                if let Ok(permit) = breaker.admit() {
                    permit.record(outcome(&self.layer.classify, &end));
                }
                Poll::Ready(end.map(|_| ()))
            }
        }
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let readied = std::mem::take(&mut self.readied);
        let BreakerLayer { breaker, classify, .. } = &self.layer;
        let admitted =
            if readied { breaker.admit_owned() } else { Err(breaker.0.rejected(breaker.0.refuse_unready())) };
        ResponseFuture::begin(breaker, admitted, classify.clone(), || self.inner.call(request))
    }
}
