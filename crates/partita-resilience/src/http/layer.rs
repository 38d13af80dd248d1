//! A bulkhead whose permits last as long as bodies.

use super::{HeldBody, hold};
use crate::bulkhead::{Bulkhead, Permit};
use crate::layered::{PolicyLayer, Serve, take_ready};
use crate::{Error, ErrorShape, Outcome};
use http::Response;
use http_body::Body;
use partita_time::BoxFuture;
use tower_service::Service;

/// A [`Bulkhead`] whose permits are held until the response body ends.
#[derive(Clone, Debug)]
pub struct HoldBody(Bulkhead);

impl Bulkhead {
    /// A tower layer that holds each permit until the response body ends.
    pub fn body_layer(&self) -> PolicyLayer<HoldBody> {
        PolicyLayer::new(HoldBody(self.clone()))
    }
}

impl<S, Q, B, M> Serve<S, Q, M> for HoldBody
where
    S: Service<Q, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    Q: Send + 'static,
    B: Body,
    M: ErrorShape<S::Error>,
{
    type Response = Response<HeldBody<B, Permit>>;
    type Future = BoxFuture<'static, Result<Self::Response, Error<M::Inner>>>;

    fn serve(&self, inner: &mut S, request: Q) -> Self::Future {
        let (mut ready, bulkhead) = (take_ready(inner), self.0.clone());
        Box::pin(async move {
            let permit = bulkhead.acquire().await?.ends(Outcome::Cancelled);
            match ready.call(request).await {
                Ok(response) => Ok(hold(response, permit.ends(Outcome::Success))),
                Err(error) => {
                    permit.finish(Outcome::Failure);
                    Err(M::lift(error))
                }
            }
        })
    }
}
