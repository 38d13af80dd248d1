//! The breaker as a tower layer.

use super::core::Core;
use super::{Breaker, OwnedPermit, State};
use crate::{ByResult, Classify, Error, Limit, Outcome, Rejected};
use partita_time::Sleep;
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// Puts a [`Breaker`] around a service. Every service it makes shares that breaker.
#[derive(Clone, Debug)]
pub struct BreakerLayer<C = ByResult> {
    breaker: Breaker,
    classify: C,
}

impl BreakerLayer {
    /// `Err` is a failure.
    pub const fn new(breaker: Breaker) -> Self {
        Self { breaker, classify: ByResult }
    }
}

impl<C> BreakerLayer<C> {
    /// With a judgement of one's own.
    pub const fn with(breaker: Breaker, classify: C) -> Self {
        Self { breaker, classify }
    }
}

impl<S, C: Clone> Layer<S> for BreakerLayer<C> {
    type Service = BreakerService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        BreakerService { inner, breaker: self.breaker.clone(), classify: self.classify.clone(), readied: false }
    }
}

/// A service behind a [`Breaker`]. Being ready reserves nothing: the call asks for the permit.
///
/// While the breaker is open it is ready at once, to reject, however unready the service beneath is.
#[derive(Debug)]
pub struct BreakerService<S, C = ByResult> {
    inner: S,
    breaker: Breaker,
    classify: C,
    /// Whether the service beneath said that it is ready; its clone did not.
    readied: bool,
}

impl<S: Clone, C: Clone> Clone for BreakerService<S, C> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            breaker: self.breaker.clone(),
            classify: self.classify.clone(),
            readied: false,
        }
    }
}

impl<S, C, Request> Service<Request> for BreakerService<S, C>
where
    S: Service<Request>,
    C: Classify<S::Response, S::Error> + Clone,
{
    type Response = S::Response;
    type Error = Error<S::Error>;
    type Future = ResponseFuture<S::Future, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        if !self.readied && self.breaker.state() == State::Open {
            return Poll::Ready(Ok(()));
        }
        match self.inner.poll_ready(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) => {
                self.readied = true;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => {
                if let Ok(permit) = self.breaker.admit() {
                    permit.record(self.classify.classify(Err(&error)));
                }
                Poll::Ready(Err(Error::Inner(error)))
            }
        }
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let readied = std::mem::take(&mut self.readied);
        let admitted = if readied {
            self.breaker.admit_owned()
        } else {
            Err(self.breaker.0.rejected(self.breaker.0.refuse_unready()))
        };
        let inner = match admitted {
            Err(rejected) => Inner::Rejected { rejected: Some(rejected) },
            Ok(permit) => Inner::Running {
                future: self.inner.call(request),
                permit: Some(permit),
                core: Arc::clone(&self.breaker.0),
                classify: self.classify.clone(),
                sleep: None,
            },
        };
        ResponseFuture { inner }
    }
}

pin_project! {
    /// The answer of a [`BreakerService`].
    pub struct ResponseFuture<F, C> {
        #[pin]
        inner: Inner<F, C>,
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

impl<F, C> std::fmt::Debug for ResponseFuture<F, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ResponseFuture")
    }
}

const POLLED_AGAIN: &str = "polled again after its end";

impl<F, C, T, E> Future for ResponseFuture<F, C>
where
    F: Future<Output = Result<T, E>>,
    C: Classify<T, E>,
{
    type Output = Result<T, Error<E>>;

    #[allow(clippy::panic, reason = "a future that is polled after its end may panic")]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().inner.project() {
            Projected::Rejected { rejected } => match rejected.take() {
                Some(rejected) => Poll::Ready(Err(Error::Rejected(rejected))),
                None => panic!("{POLLED_AGAIN}"),
            },
            Projected::Running { future, permit, core, classify, sleep } => {
                if let Poll::Ready(result) = future.poll(cx) {
                    record(permit, classify.classify(result.as_ref()));
                    return Poll::Ready(result.map_err(Error::Inner));
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
