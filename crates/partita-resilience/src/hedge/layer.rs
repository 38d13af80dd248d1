//! Hedges as a tower layer.

use super::Hedge;
use super::begin::Requests;
use super::race::Race;
use crate::deadline::Context;
use crate::retry::{ByClone, Repeat};
use crate::{ByResult, Classify, Error, ErrorShape, Nested, Plain};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem;
use std::pin::Pin;
use std::task::{Context as Task, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// Wraps a service in a [`Hedge`].
#[derive(Debug)]
pub struct HedgeLayer<C = ByResult, R = ByClone, M = Plain> {
    hedge: Hedge<C>,
    repeat: R,
    shape: PhantomData<fn() -> M>,
}

impl<C> Hedge<C> {
    /// As a layer; requests are cloned.
    pub fn layer(&self) -> HedgeLayer<C> {
        HedgeLayer { hedge: self.clone(), repeat: ByClone, shape: PhantomData }
    }
}

impl<C, R, M> HedgeLayer<C, R, M> {
    /// Requests are made again by `repeat`; one that it cannot repeat is not hedged.
    #[must_use]
    pub fn repeat<S>(self, repeat: S) -> HedgeLayer<C, S, M> {
        HedgeLayer { hedge: self.hedge, repeat, shape: PhantomData }
    }

    /// The service beneath is a policy itself: its refusals are seen and start no hedge.
    #[must_use]
    pub fn nested(self) -> HedgeLayer<C, R, Nested> {
        HedgeLayer { hedge: self.hedge, repeat: self.repeat, shape: PhantomData }
    }
}

impl<C, R: Clone, M> Clone for HedgeLayer<C, R, M> {
    fn clone(&self) -> Self {
        Self { hedge: self.hedge.clone(), repeat: self.repeat.clone(), shape: PhantomData }
    }
}

impl<S, C, R: Clone, M> Layer<S> for HedgeLayer<C, R, M> {
    type Service = HedgeService<S, C, R, M>;

    fn layer(&self, inner: S) -> Self::Service {
        HedgeService { inner, layer: self.clone() }
    }
}

/// A service whose slow calls are hedged.
#[derive(Debug)]
pub struct HedgeService<S, C = ByResult, R = ByClone, M = Plain> {
    inner: S,
    layer: HedgeLayer<C, R, M>,
}

impl<S: Clone, C, R: Clone, M> Clone for HedgeService<S, C, R, M> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, Q, C, R, M> Service<Q> for HedgeService<S, C, R, M>
where
    S: Service<Q> + Clone,
    M: ErrorShape<S::Error>,
    C: Classify<S::Response, M::Inner>,
    R: Repeat<Q> + Clone,
{
    type Response = S::Response;
    type Error = Error<M::Inner>;
    type Future = ResponseFuture<S, Q, C, R, M>;

    fn poll_ready(&mut self, cx: &mut Task<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(M::lift)
    }

    fn call(&mut self, request: Q) -> Self::Future {
        let next = self.inner.clone();
        let others = self.inner.clone();
        let ready = mem::replace(&mut self.inner, next);
        let repeat = self.layer.repeat.clone();
        let context = repeat.context(&request, Context::current());
        let spare = repeat.repeat(&request);
        let first = Some((ready, request));
        let requests = Requests { first, more: (others, spare), repeat, shape: PhantomData };
        ResponseFuture { race: Race::new(self.layer.hedge.clone(), context, requests) }
    }
}

pin_project! {
    /// The response to a call that may be hedged.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Q, C, R, M>
    where
        S: Service<Q>,
        S: Clone,
        R: Repeat<Q>,
        M: ErrorShape<S::Error>,
    {
        #[pin]
        race: Race<Hedge<C>, Requests<S, Q, R, M>, S::Response, M::Inner>,
    }
}

impl<S, Q, C, R, M> Future for ResponseFuture<S, Q, C, R, M>
where
    S: Service<Q> + Clone,
    M: ErrorShape<S::Error>,
    C: Classify<S::Response, M::Inner>,
    R: Repeat<Q>,
{
    type Output = Result<S::Response, Error<M::Inner>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Task<'_>) -> Poll<Self::Output> {
        self.project().race.poll(cx)
    }
}

impl<S, Q, C, R, M> fmt::Debug for ResponseFuture<S, Q, C, R, M>
where
    S: Service<Q> + Clone,
    R: Repeat<Q>,
    M: ErrorShape<S::Error>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hedge::ResponseFuture")
    }
}
