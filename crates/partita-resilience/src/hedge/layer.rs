//! Hedges as a tower layer.

use super::Hedge;
use super::begin::Requests;
use super::race::Race;
use crate::deadline::Context;
use crate::layered::{PolicyLayer, Serve, With, take_ready};
use crate::retry::{ByClone, Repeat};
use crate::{Classify, Error, ErrorShape};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context as Task, Poll};
use tower_service::Service;

impl<C> Hedge<C> {
    /// As a layer; requests are cloned.
    pub fn layer(&self) -> PolicyLayer<With<Self, ByClone>> {
        PolicyLayer::new(With { policy: self.clone(), ask: ByClone })
    }
}

impl<C, R, M> PolicyLayer<With<Hedge<C>, R>, M> {
    /// Requests are made again by `repeat`; one that it cannot repeat is not hedged.
    #[must_use]
    pub fn repeat<S>(self, repeat: S) -> PolicyLayer<With<Hedge<C>, S>, M> {
        self.with(repeat)
    }
}

impl<S, Q, C, R, M> Serve<S, Q, M> for With<Hedge<C>, R>
where
    S: Service<Q> + Clone,
    M: ErrorShape<S::Error>,
    C: Classify<S::Response, M::Inner>,
    R: Repeat<Q> + Clone,
{
    type Response = S::Response;
    type Future = ResponseFuture<S, Q, C, R, M>;

    fn serve(&self, inner: &mut S, request: Q) -> Self::Future {
        let Self { policy, ask: repeat } = self.clone();
        let (others, ready) = (inner.clone(), take_ready(inner));
        let context = repeat.context(&request, Context::current());
        let spare = repeat.repeat(&request);
        let first = Some((ready, request));
        let requests = Requests { first, more: (others, spare), repeat, shape: PhantomData };
        ResponseFuture { race: Race::new(policy, context, requests) }
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
