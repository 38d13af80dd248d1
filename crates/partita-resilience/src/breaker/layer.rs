//! The breaker as a tower layer.

use super::core::Core;
use super::{Breaker, OwnedPermit, State};
use crate::verdict::outcome;
use crate::{ByResult, Classify, Error, ErrorShape, Limit, Nested, Outcome, Plain, Rejected};
use partita_time::Sleep;
use pin_project_lite::pin_project;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// Puts a [`Breaker`] around a service. Every service it makes shares that breaker.
#[derive(Debug)]
pub struct BreakerLayer<C = ByResult, M = Plain> {
    breaker: Breaker,
    classify: C,
    shape: PhantomData<fn() -> M>,
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

    /// The service beneath is a policy itself: its refusals are not failures of the dependency.
    #[must_use]
    pub fn nested(self) -> BreakerLayer<C, Nested> {
        BreakerLayer { breaker: self.breaker, classify: self.classify, shape: PhantomData }
    }
}

impl<C: Clone, M> Clone for BreakerLayer<C, M> {
    fn clone(&self) -> Self {
        Self { breaker: self.breaker.clone(), classify: self.classify.clone(), shape: PhantomData }
    }
}

impl<S, C: Clone, M> Layer<S> for BreakerLayer<C, M> {
    type Service = BreakerService<S, C, M>;

    fn layer(&self, inner: S) -> Self::Service {
        BreakerService { inner, layer: self.clone(), readied: false }
    }
}

/// A service behind a [`Breaker`]. Being ready reserves nothing: the call asks for the permit.
///
/// While the breaker is open it is ready at once, to reject, however unready the service beneath is.
#[derive(Debug)]
pub struct BreakerService<S, C = ByResult, M = Plain> {
    inner: S,
    layer: BreakerLayer<C, M>,
    /// Whether the service beneath said that it is ready; its clone did not.
    readied: bool,
}

impl<S: Clone, C: Clone, M> Clone for BreakerService<S, C, M> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone(), readied: false }
    }
}

impl<S, C, M, Request> Service<Request> for BreakerService<S, C, M>
where
    S: Service<Request>,
    M: ErrorShape<S::Error>,
    C: Classify<S::Response, M::Inner> + Clone,
{
    type Response = S::Response;
    type Error = Error<M::Inner>;
    type Future = ResponseFuture<S::Future, C, M>;

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

impl<F, C, M> ResponseFuture<F, C, M> {
    /// Makes the call if it was admitted.
    pub(super) fn begin(
        breaker: &Breaker,
        admitted: Result<OwnedPermit, Rejected>,
        classify: C,
        call: impl FnOnce() -> F,
    ) -> Self {
        let inner = match admitted {
            Err(rejected) => Inner::Rejected { rejected: Some(rejected) },
            Ok(permit) => Inner::Running {
                future: call(),
                permit: Some(permit),
                core: Arc::clone(&breaker.0),
                classify,
                sleep: None,
            },
        };
        Self { inner, shape: PhantomData }
    }
}

pin_project! {
    /// The answer of a [`BreakerService`].
    pub struct ResponseFuture<F, C, M = Plain> {
        #[pin]
        inner: Inner<F, C>,
        shape: PhantomData<fn() -> M>,
    }
}

pin_project! {
    #[project = Projected]
    enum Inner<F, C> {
        Rejected { rejected: Option<Rejected> },
        Running {
            #[pin]
            future: F,
            permit: Option<OwnedPermit>,
            core: Arc<Core>,
            classify: C,
            sleep: Option<Sleep>,
        },
    }
}

impl<F, C, M> std::fmt::Debug for ResponseFuture<F, C, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ResponseFuture")
    }
}

const POLLED_AGAIN: &str = "polled again after its end";

impl<F, C, M, T, E> Future for ResponseFuture<F, C, M>
where
    F: Future<Output = Result<T, E>>,
    M: ErrorShape<E>,
    C: Classify<T, M::Inner>,
{
    type Output = Result<T, Error<M::Inner>>;

    #[allow(clippy::panic, reason = "a future that is polled after its end may panic")]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().inner.project() {
            Projected::Rejected { rejected } => match rejected.take() {
                Some(rejected) => Poll::Ready(Err(Error::Rejected(rejected))),
                None => panic!("{POLLED_AGAIN}"),
            },
            Projected::Running { future, permit, core, classify, sleep } => {
                if let Poll::Ready(result) = future.poll(cx) {
                    let end = result.map_err(M::lift);
                    record(permit, outcome(classify, &end));
                    return Poll::Ready(end);
                }
                let Some(limit) = core.settings.call_timeout else { return Poll::Pending };
                let sleep = sleep.get_or_insert_with(|| core.timing.sleep(limit));
                sleep.as_mut().poll(cx).map(|()| {
                    record(permit, Outcome::Failure);
                    core.tell_timeout(limit);
                    Err(Error::TimedOut { after: limit, which: Limit::Call })
                })
            }
        }
    }
}

fn record(permit: &mut Option<OwnedPermit>, outcome: Outcome) {
    if let Some(permit) = permit.take() {
        permit.record(outcome);
    }
}
