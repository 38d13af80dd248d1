//! A tower layer for policies that decide at once and hold a permit until the answer.

use crate::layered::Serve;
use crate::verdict::outcome;
use crate::{ByResult, Error, ErrorShape, Outcome, Plain, Rejected};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
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

impl<G, S, Q, M> Serve<S, Q, M> for G
where
    G: Gate,
    S: Service<Q>,
    M: ErrorShape<S::Error>,
{
    type Response = S::Response;
    type Future = GatedFuture<S::Future, G, M>;

    fn serve(&self, inner: &mut S, request: Q) -> Self::Future {
        let (call, permit, refused) = match self.enter() {
            Ok(permit) => (Some(inner.call(request)), Some(permit), None),
            Err(rejected) => (None, None, Some(rejected)),
        };
        GatedFuture { call, permit, refused, shape: PhantomData }
    }
}

pin_project! {
    /// The answer of a service behind a [`Gate`].
    pub struct GatedFuture<F, G, M = Plain>
    where
        G: Gate,
    {
        #[pin]
        call: Option<F>,
        permit: Option<G::Permit>,
        refused: Option<Rejected>,
        shape: PhantomData<fn() -> M>,
    }
}

impl<F, G, M, T, E> Future for GatedFuture<F, G, M>
where
    F: Future<Output = Result<T, E>>,
    G: Gate,
    M: ErrorShape<E>,
{
    type Output = Result<T, Error<M::Inner>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(rejected) = this.refused.take() {
            return Poll::Ready(Err(Error::Rejected(rejected)));
        }
        let Some(call) = this.call.as_pin_mut() else { return Poll::Pending };
        let result = ready!(call.poll(cx)).map_err(M::lift);
        if let Some(permit) = this.permit.take() {
            G::leave(permit, outcome(&ByResult, &result));
        }
        Poll::Ready(result)
    }
}

impl<F, G: Gate, M> fmt::Debug for GatedFuture<F, G, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GatedFuture(refused: {})", self.refused.is_some())
    }
}
