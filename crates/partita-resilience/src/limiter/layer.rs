//! The limiter as a tower layer.

use super::core::Core;
use super::{Limiter, Reservation};
use crate::layered::{Serve, take_ready};
use crate::{Error, ErrorShape, Plain, Rejected};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tower_service::Service;

impl<S, R, M> Serve<S, R, M> for Limiter
where
    S: Service<R> + Clone,
    M: ErrorShape<S::Error>,
{
    type Response = S::Response;
    type Future = LimiterFuture<S, R, M>;

    fn serve(&self, inner: &mut S, request: R) -> Self::Future {
        let Self { core, meter } = self;
        let asked = if core.max_wait.is_zero() {
            let decision = core.check(meter, 1);
            if decision.allowed() { Ok(None) } else { Err(core.rejected(&decision)) }
        } else {
            Core::reserve(core, Arc::clone(meter), 1, core.max_wait).map(Some)
        };
        let state = match asked {
            Ok(None) => State::Calling { call: inner.call(request) },
            Ok(Some(reservation)) => State::Waiting { reservation, waits: Some((take_ready(inner), request)) },
            Err(rejected) => State::Refused { rejected: Some(rejected) },
        };
        LimiterFuture { state, shape: PhantomData }
    }
}

pin_project! {
    /// The answer of a service behind a [`Limiter`].
    pub struct LimiterFuture<S, R, M = Plain>
    where
        S: Service<R>,
    {
        #[pin]
        state: State<S, R, S::Future>,
        shape: PhantomData<fn() -> M>,
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

impl<S, R, M> Future for LimiterFuture<S, R, M>
where
    S: Service<R>,
    M: ErrorShape<S::Error>,
{
    type Output = Result<S::Response, Error<M::Inner>>;

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
                Step::Calling { call } => return call.poll(cx).map_err(M::lift),
            };
            this.state.set(next);
        }
    }
}

impl<S: Service<R>, R, M> fmt::Debug for LimiterFuture<S, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LimiterFuture")
    }
}
