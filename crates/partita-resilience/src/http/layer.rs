//! Policies whose permits last as long as bodies.

use super::HeldBody;
use super::body::{Finish, Held};
use crate::adaptive::Adaptive;
use crate::bulkhead::{self, Bulkhead};
use crate::gate::Gate;
use crate::layered::{PolicyLayer, Serve, take_ready};
use crate::shed::{AtPriority, Priority, Shed};
use crate::verdict::outcome;
use crate::{ByResult, Error, ErrorShape, Outcome, Rejected};
use http::Response;
use http_body::Body;
use partita_time::BoxFuture;
use std::future::{Future, ready};
use tower_service::Service;

/// A policy whose permits are held until the response body ends.
#[derive(Clone, Debug)]
pub struct HoldBody<P>(P);

impl Bulkhead {
    /// A tower layer that holds each permit until the response body ends; a call whose body fails has failed.
    pub fn body_layer(&self) -> PolicyLayer<HoldBody<Self>> {
        PolicyLayer::new(HoldBody(self.clone()))
    }
}

impl Adaptive {
    /// A tower layer that holds each permit until the response body ends: the limit learns from whole calls, and one whose
    /// body fails has failed.
    pub fn body_layer(&self) -> PolicyLayer<HoldBody<Self>> {
        PolicyLayer::new(HoldBody(self.clone()))
    }
}

impl Shed {
    /// A tower layer for calls of one priority that counts each until the response body ends.
    pub fn body_layer(&self, priority: Priority) -> PolicyLayer<HoldBody<AtPriority>> {
        PolicyLayer::new(HoldBody(AtPriority::new(self.clone(), priority)))
    }
}

/// A policy whose permits a body can hold.
pub trait Holds: Clone + Send + Sync + 'static {
    /// What a call holds.
    type Permit: Finish + Send;

    /// Lets a call pass, or not.
    fn enter(&self) -> impl Future<Output = Result<Self::Permit, Rejected>> + Send;
}

impl Holds for Bulkhead {
    type Permit = bulkhead::Permit;

    fn enter(&self) -> impl Future<Output = Result<Self::Permit, Rejected>> + Send {
        self.acquire()
    }
}

impl<G: Gate<Permit: Finish + Send> + Send + Sync + 'static> Holds for G {
    type Permit = G::Permit;

    fn enter(&self) -> impl Future<Output = Result<Self::Permit, Rejected>> + Send {
        ready(Gate::enter(self))
    }
}

impl<P, S, Q, B, M> Serve<S, Q, M> for HoldBody<P>
where
    P: Holds,
    S: Service<Q, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    Q: Send + 'static,
    B: Body,
    M: ErrorShape<S::Error>,
{
    type Response = Response<HeldBody<B, P::Permit>>;
    type Future = BoxFuture<'static, Result<Self::Response, Error<M::Inner>>>;

    fn serve(&self, inner: &mut S, request: Q) -> Self::Future {
        let (mut ready, policy) = (take_ready(inner), self.0.clone());
        Box::pin(async move {
            let held = Held::new(policy.enter().await?, Outcome::Cancelled);
            let end = ready.call(request).await.map_err(M::lift);
            let judged = outcome(&ByResult, &end);
            match end {
                Ok(response) => Ok(response.map(|body| held.on(body, judged))),
                Err(error) => {
                    held.finish(judged);
                    Err(error)
                }
            }
        })
    }
}
