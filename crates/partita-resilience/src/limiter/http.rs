//! A limiter at a server's door.

use super::{Charged, Decision, KeyedLimiter, Limiter, LimiterFuture, Tiers};
use crate::http::{put_retry_after, seconds};
use crate::layered::{PolicyLayer, Serve, With};
use crate::{Error, ErrorShape, Plain};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_service::Service;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Tells a caller what is left of a quota: `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`, in the form that
/// clients know (draft-ietf-httpapi-ratelimit-headers 00 to 06; later drafts have other fields): the reset in whole seconds
/// from now, rounded up. For a call that was refused also when to come again.
pub fn put_rate_limit(headers: &mut HeaderMap, decision: &Decision) {
    headers.insert(LIMIT, HeaderValue::from(decision.limit()));
    headers.insert(REMAINING, HeaderValue::from(decision.remaining()));
    headers.insert(RESET, seconds(decision.reset_after()));
    if let (false, Some(wait)) = (decision.allowed(), decision.retry_after()) {
        put_retry_after(headers, wait);
    }
}

/// A limiter that answers by itself whom it refuses, with 429, and tells each caller what is left: see [`put_rate_limit`].
#[derive(Clone, Debug)]
pub struct ServerSide<P>(P);

impl Limiter {
    /// The layer of a server with one quota for all: see [`ServerSide`].
    pub fn server_layer(&self) -> PolicyLayer<ServerSide<Self>> {
        PolicyLayer::new(ServerSide(self.clone()))
    }
}

impl<K> KeyedLimiter<K> {
    /// The layer of a server with a quota for each key, which `key` finds in the request: see [`ServerSide`].
    pub fn server_layer<F>(&self, key: F) -> PolicyLayer<ServerSide<With<Self, F>>> {
        PolicyLayer::new(ServerSide(With { policy: self.clone(), ask: key }))
    }
}

impl<K> Tiers<K> {
    /// The layer of a server with quotas by standing; `caller` finds tier and key in the request: see [`ServerSide`].
    pub fn server_layer<F>(&self, caller: F) -> PolicyLayer<ServerSide<With<Self, F>>> {
        PolicyLayer::new(ServerSide(With { policy: self.clone(), ask: caller }))
    }
}

impl<S, Q, P, B, M> Serve<S, Q, M> for ServerSide<P>
where
    P: Charged<Q>,
    S: Service<Q, Response = Response<B>> + Clone,
    B: Default,
    M: ErrorShape<S::Error>,
{
    type Response = Response<B>;
    type Future = ServerFuture<S, Q, M>;

    fn serve(&self, inner: &mut S, request: Q) -> Self::Future {
        let limiter = self.0.limiter(&request);
        ServerFuture { work: limiter.serve(inner, request), limiter }
    }
}

pin_project! {
    /// The answer of a service behind a [`ServerSide`].
    pub struct ServerFuture<S, Q, M = Plain>
    where
        S: Service<Q>,
    {
        #[pin]
        work: LimiterFuture<S, Q, M>,
        limiter: Limiter,
    }
}

impl<S, Q, B, M> Future for ServerFuture<S, Q, M>
where
    S: Service<Q, Response = Response<B>>,
    B: Default,
    M: ErrorShape<S::Error>,
{
    type Output = Result<Response<B>, Error<M::Inner>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let refused = this.work.is_refused();
        let mut response = match ready!(this.work.poll(cx)) {
            Ok(response) => response,
            Err(Error::Rejected(rejected)) if refused => {
                let mut response = Response::new(B::default());
                *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
                rejected.retry_after.into_iter().for_each(|wait| put_retry_after(response.headers_mut(), wait));
                response
            }
            Err(error) => return Poll::Ready(Err(error)),
        };
        put_rate_limit(response.headers_mut(), &this.limiter.look());
        Poll::Ready(Ok(response))
    }
}

impl<S: Service<Q>, Q, M> fmt::Debug for ServerFuture<S, Q, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("limiter::ServerFuture")
    }
}
