//! The limiter as a tower layer.

use super::core::Core;
use super::{KeyedLimiter, Limiter, Reservation, Tier, Tiers};
use crate::layered::{PolicyLayer, Serve, With, take_ready};
use crate::{Error, ErrorShape, Plain, Rejected};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tower_service::Service;

impl Limiter {
    /// A tower layer; every service it makes shares this limiter.
    pub fn layer(&self) -> PolicyLayer<Self> {
        PolicyLayer::new(self.clone())
    }
}

impl<K> KeyedLimiter<K> {
    /// A tower layer with a quota for each key, which `key` finds in the request.
    pub fn layer<F>(&self, key: F) -> PolicyLayer<With<Self, F>> {
        PolicyLayer::new(With { policy: self.clone(), ask: key })
    }
}

impl<K> Tiers<K> {
    /// A tower layer with quotas by standing; `caller` finds tier and key in the request.
    pub fn layer<F>(&self, caller: F) -> PolicyLayer<With<Self, F>> {
        PolicyLayer::new(With { policy: self.clone(), ask: caller })
    }
}

/// Knows whose quota a request is charged to.
pub trait Charged<Q> {
    /// The limiter with that quota.
    fn limiter(&self, request: &Q) -> Limiter;
}

impl<Q> Charged<Q> for Limiter {
    fn limiter(&self, _: &Q) -> Limiter {
        self.clone()
    }
}

impl<Q, K, F> Charged<Q> for With<KeyedLimiter<K>, F>
where
    K: Hash + Eq + Clone,
    F: Fn(&Q) -> K,
{
    fn limiter(&self, request: &Q) -> Limiter {
        self.policy.of(&(self.ask)(request))
    }
}

impl<Q, K, F> Charged<Q> for With<Tiers<K>, F>
where
    K: Hash + Eq + Clone,
    F: Fn(&Q) -> (Tier, K),
{
    fn limiter(&self, request: &Q) -> Limiter {
        let (tier, key) = (self.ask)(request);
        self.policy.of(tier).of(&key)
    }
}

macro_rules! charged {
    ($($policy:ident<K>),+) => {$(
        impl<S, R, K, F, M> Serve<S, R, M> for With<$policy<K>, F>
        where
            Self: Charged<R>,
            S: Service<R> + Clone,
            M: ErrorShape<S::Error>,
        {
            type Response = S::Response;
            type Future = LimiterFuture<S, R, M>;

            fn serve(&self, inner: &mut S, request: R) -> Self::Future {
                self.limiter(&request).serve(inner, request)
            }
        }
    )+};
}

charged!(KeyedLimiter<K>, Tiers<K>);

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

impl<S: Service<R>, R, M> LimiterFuture<S, R, M> {
    /// Whether the limiter itself has refused.
    #[cfg(feature = "http")]
    pub(super) const fn is_refused(&self) -> bool {
        matches!(self.state, State::Refused { .. })
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
