//! A tower layer for policies that decide at once and hold a permit until the answer.

use crate::{Error, Outcome, Rejected};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_layer::Layer;
use tower_service::Service;

/// A policy that lets a call pass at once, or refuses it.
pub trait Gate: Clone {
    /// What a call holds while it is under way.
    type Permit;

    /// Lets a call pass.
    ///
    /// # Errors
    /// It may not.
    fn enter(&self) -> Result<Self::Permit, Rejected>;

    /// The call has ended.
    fn leave(permit: Self::Permit, outcome: Outcome);
}

/// Puts a policy before a service. All services it makes share the policy.
#[derive(Clone, Debug)]
pub struct GateLayer<G>(pub(crate) G);

impl<G: Clone, S> Layer<S> for GateLayer<G> {
    type Service = Gated<S, G>;

    fn layer(&self, inner: S) -> Self::Service {
        Gated { inner, gate: self.0.clone() }
    }
}

/// A service behind a policy. The permit is taken by the call, not by `poll_ready`.
#[derive(Clone, Debug)]
pub struct Gated<S, G> {
    inner: S,
    gate: G,
}

impl<S, G, R> Service<R> for Gated<S, G>
where
    S: Service<R>,
    G: Gate,
{
    type Response = S::Response;
    type Error = Error<S::Error>;
    type Future = GatedFuture<S::Future, G>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    fn call(&mut self, request: R) -> Self::Future {
        match self.gate.enter() {
            Ok(permit) => GatedFuture { call: Some(self.inner.call(request)), permit: Some(permit), refused: None },
            Err(rejected) => GatedFuture { call: None, permit: None, refused: Some(rejected) },
        }
    }
}

pin_project! {
    /// The answer of a [`Gated`] service.
    pub struct GatedFuture<F, G>
    where
        G: Gate,
    {
        #[pin]
        call: Option<F>,
        permit: Option<G::Permit>,
        refused: Option<Rejected>,
    }
}

impl<F, G, T, E> Future for GatedFuture<F, G>
where
    F: Future<Output = Result<T, E>>,
    G: Gate,
{
    type Output = Result<T, Error<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(rejected) = this.refused.take() {
            return Poll::Ready(Err(Error::Rejected(rejected)));
        }
        let Some(call) = this.call.as_pin_mut() else { return Poll::Pending };
        let result = ready!(call.poll(cx));
        if let Some(permit) = this.permit.take() {
            G::leave(permit, if result.is_ok() { Outcome::Success } else { Outcome::Failure });
        }
        Poll::Ready(result.map_err(Error::Inner))
    }
}

impl<F, G: Gate> fmt::Debug for GatedFuture<F, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GatedFuture(refused: {})", self.refused.is_some())
    }
}
