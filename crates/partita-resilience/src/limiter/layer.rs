//! The limiter as a tower layer.

use super::core::Core;
use super::{Limiter, Reservation};
use crate::{Error, Rejected};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tower_layer::Layer;
use tower_service::Service;

/// Puts a [`Limiter`] before a service. All services it makes share it.
#[derive(Clone, Debug)]
pub struct LimiterLayer(Limiter);

impl LimiterLayer {
    pub(super) const fn new(limiter: Limiter) -> Self {
        Self(limiter)
    }
}

impl<S> Layer<S> for LimiterLayer {
    type Service = LimiterService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        LimiterService { inner, limiter: self.0.clone() }
    }
}

/// A service behind a [`Limiter`]. The quota is charged by the call, not by `poll_ready`.
#[derive(Clone, Debug)]
pub struct LimiterService<S> {
    inner: S,
    limiter: Limiter,
}

impl<S, R> Service<R> for LimiterService<S>
where
    S: Service<R> + Clone,
{
    type Response = S::Response;
    type Error = Error<S::Error>;
    type Future = LimiterFuture<S, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let Limiter { core, meter } = &self.limiter;
        let asked = if core.max_wait.is_zero() {
            let decision = core.check(meter, 1);
            if decision.allowed() { Ok(None) } else { Err(core.rejected(&decision)) }
        } else {
            Core::reserve(core, Arc::clone(meter), 1, core.max_wait).map(Some)
        };
        let state = match asked {
            Ok(None) => State::Calling { call: self.inner.call(request) },
            Ok(Some(reservation)) => {
                let clone = self.inner.clone();
                let ready = std::mem::replace(&mut self.inner, clone);
                State::Waiting { reservation, waits: Some((ready, request)) }
            }
            Err(rejected) => State::Refused { rejected: Some(rejected) },
        };
        LimiterFuture { state }
    }
}

pin_project! {
    /// The answer of a [`LimiterService`].
    pub struct LimiterFuture<S, R>
    where
        S: Service<R>,
    {
        #[pin]
        state: State<S, R, S::Future>,
    }
}

pin_project! {
    #[project = Step]
    enum State<S, R, F> {
        Refused { rejected: Option<Rejected> },
        Waiting { reservation: Reservation, waits: Option<(S, R)> },
        Calling { #[pin] call: F },
    }
}

impl<S, R> Future for LimiterFuture<S, R>
where
    S: Service<R>,
{
    type Output = Result<S::Response, Error<S::Error>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                Step::Refused { rejected } => {
                    let Some(rejected) = rejected.take() else { return Poll::Pending };
                    return Poll::Ready(Err(Error::Rejected(rejected)));
                }
                Step::Waiting { reservation, waits } => {
                    ready!(Pin::new(reservation).poll(cx));
                    let Some((mut service, request)) = waits.take() else { return Poll::Pending };
                    State::Calling { call: service.call(request) }
                }
                Step::Calling { call } => return call.poll(cx).map_err(Error::Inner),
            };
            this.state.set(next);
        }
    }
}

impl<S: Service<R>, R> fmt::Debug for LimiterFuture<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LimiterFuture")
    }
}
