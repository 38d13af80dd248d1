//! What every tower layer here is made of.

use crate::{Error, ErrorShape, Nested, Plain};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// Puts a policy around a service. Every service it makes shares the policy.
pub struct PolicyLayer<P, M = Plain> {
    policy: P,
    shape: PhantomData<fn() -> M>,
}

impl<P> PolicyLayer<P> {
    pub(crate) const fn new(policy: P) -> Self {
        Self { policy, shape: PhantomData }
    }
}

impl<P, M> PolicyLayer<P, M> {
    /// The service beneath is a policy itself: its refusals are told from the dependency's errors, and its [`Error`] stays
    /// one level deep.
    #[must_use]
    pub fn nested(self) -> PolicyLayer<P, Nested> {
        PolicyLayer::new(self.policy).shaped()
    }

    fn shaped<N>(self) -> PolicyLayer<P, N> {
        PolicyLayer { policy: self.policy, shape: PhantomData }
    }
}

/// A policy and what it asks of each request: how to make it again, under which key, which second answer.
#[derive(Clone)]
pub struct With<P, F> {
    pub(crate) policy: P,
    pub(crate) ask: F,
}

impl<P, F, M> PolicyLayer<With<P, F>, M> {
    pub(crate) fn with<G>(self, ask: G) -> PolicyLayer<With<P, G>, M> {
        self.map(|_| ask)
    }

    pub(crate) fn map<G>(self, ask: impl FnOnce(F) -> G) -> PolicyLayer<With<P, G>, M> {
        let With { policy, ask: asked } = self.policy;
        PolicyLayer::new(With { policy, ask: ask(asked) }).shaped()
    }
}

impl<P: Clone, M> Clone for PolicyLayer<P, M> {
    fn clone(&self) -> Self {
        PolicyLayer::new(self.policy.clone()).shaped()
    }
}

impl<S, P: Clone, M> Layer<S> for PolicyLayer<P, M> {
    type Service = PolicyService<S, P, M>;

    fn layer(&self, inner: S) -> Self::Service {
        PolicyService { inner, layer: self.clone() }
    }
}

/// A service behind a policy. Being ready reserves nothing of the policy: the call asks for what it needs.
pub struct PolicyService<S, P, M = Plain> {
    inner: S,
    layer: PolicyLayer<P, M>,
}

impl<S: Clone, P: Clone, M> Clone for PolicyService<S, P, M> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

/// What a policy does with a request for a service that is ready.
pub trait Serve<S, Q, M>
where
    S: Service<Q>,
    M: ErrorShape<S::Error>,
{
    /// What the caller gets.
    type Response;
    /// The answer to come.
    type Future: Future<Output = Result<Self::Response, Error<M::Inner>>>;

    /// Calls `inner`, which is ready, or refuses.
    fn serve(&self, inner: &mut S, request: Q) -> Self::Future;
}

impl<S, Q, P, M> Service<Q> for PolicyService<S, P, M>
where
    S: Service<Q>,
    M: ErrorShape<S::Error>,
    P: Serve<S, Q, M>,
{
    type Response = P::Response;
    type Error = Error<M::Inner>;
    type Future = P::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(M::lift)
    }

    fn call(&mut self, request: Q) -> Self::Future {
        self.layer.policy.serve(&mut self.inner, request)
    }
}

/// The service that was made ready, to be called later; its clone, which has not been asked yet, stays.
pub(crate) fn take_ready<S: Clone>(inner: &mut S) -> S {
    let next = inner.clone();
    std::mem::replace(inner, next)
}

impl<P: fmt::Debug, F> fmt::Debug for With<P, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.policy.fmt(f)
    }
}

impl<P: fmt::Debug, M> fmt::Debug for PolicyLayer<P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PolicyLayer").field(&self.policy).finish()
    }
}

impl<S, P: fmt::Debug, M> fmt::Debug for PolicyService<S, P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PolicyService").field(&self.layer.policy).finish()
    }
}
