//! A bulkhead whose permits last as long as bodies.

use super::{HeldBody, hold};
use crate::Error;
use crate::bulkhead::{Bulkhead, Permit};
use http::Response;
use http_body::Body;
use partita_time::BoxFuture;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// Puts a [`Bulkhead`] before a service; each permit is held until the response body ends.
#[derive(Clone, Debug)]
pub struct HoldLayer(Bulkhead);

impl HoldLayer {
    /// All services that it makes share `bulkhead`.
    pub const fn new(bulkhead: Bulkhead) -> Self {
        Self(bulkhead)
    }
}

impl<S> Layer<S> for HoldLayer {
    type Service = HoldService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HoldService { inner, bulkhead: self.0.clone() }
    }
}

/// A service behind a [`HoldLayer`]. A permit is taken by the call, not by `poll_ready`.
#[derive(Clone, Debug)]
pub struct HoldService<S> {
    inner: S,
    bulkhead: Bulkhead,
}

impl<S, Q, B> Service<Q> for HoldService<S>
where
    S: Service<Q, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    Q: Send + 'static,
    B: Body,
{
    type Response = Response<HeldBody<B, Permit>>;
    type Error = Error<S::Error>;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    fn call(&mut self, request: Q) -> Self::Future {
        let next = self.inner.clone();
        let mut ready = std::mem::replace(&mut self.inner, next);
        let bulkhead = self.bulkhead.clone();
        Box::pin(async move {
            let permit = bulkhead.acquire().await?;
            let response = ready.call(request).await.map_err(Error::Inner)?;
            Ok(hold(response, permit))
        })
    }
}
