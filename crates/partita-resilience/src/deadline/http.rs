//! The deadline in a header, on both sides.

use super::{Context, Deadline, ResponseFuture};
use crate::layered::{PolicyLayer, Serve};
use crate::{Error, ErrorShape, Plain, Rejected};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context as Task, Poll};
use std::time::Duration;
use tower_service::Service;

/// Carries the whole milliseconds left, in decimal digits.
pub const HEADER: HeaderName = HeaderName::from_static("x-deadline-left-ms");

/// A day: more than this is taken for a mistake and counts as this.
const LONGEST: u64 = 86_400_000;

/// The time left that the headers carry; None where they carry none, or something that is no number.
pub fn read_left(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(HEADER)?.to_str().ok()?.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Duration::from_millis(text.parse().unwrap_or(LONGEST).min(LONGEST)))
}

/// Puts the time left into the headers, rounded down, in place of what they carried.
pub fn put_left(headers: &mut HeaderMap, left: Duration) {
    let millis = u64::try_from(left.as_millis()).unwrap_or(LONGEST).min(LONGEST);
    headers.insert(HEADER, HeaderValue::from(millis));
}

/// The server's side: takes the deadline from the header, at most the policy's maximum, runs the service in its
/// [`Context`] and ends it then. The context is put into the request's extensions too, for handlers that spawn.
#[derive(Clone, Debug)]
pub struct ServerSide(Deadline);

/// The client's side: puts what is left of the current [`Context`]'s deadline, less the margin, into the header; refuses a
/// call for which nothing is left.
#[derive(Clone, Debug)]
pub struct ClientSide(Deadline);

impl Deadline {
    /// The layer of a server: see [`ServerSide`].
    pub fn server_layer(&self) -> PolicyLayer<ServerSide> {
        PolicyLayer::new(ServerSide(self.clone()))
    }

    /// The layer of a client: see [`ClientSide`].
    pub fn client_layer(&self) -> PolicyLayer<ClientSide> {
        PolicyLayer::new(ClientSide(self.clone()))
    }
}

impl<S, B, M> Serve<S, Request<B>, M> for ServerSide
where
    S: Service<Request<B>>,
    M: ErrorShape<S::Error>,
{
    type Response = S::Response;
    type Future = ResponseFuture<S::Future, M>;

    fn serve(&self, inner: &mut S, mut request: Request<B>) -> Self::Future {
        let Self(deadline) = self;
        let context = match read_left(request.headers()) {
            Some(left) => Context::current().within(&deadline.0.timing, left),
            None => Context::current(),
        };
        ResponseFuture::begin(deadline, context, |context| {
            request.extensions_mut().insert(context.clone());
            inner.call(request)
        })
    }
}

impl<S, B, M> Serve<S, Request<B>, M> for ClientSide
where
    S: Service<Request<B>>,
    M: ErrorShape<S::Error>,
{
    type Response = S::Response;
    type Future = ClientFuture<S::Future, M>;

    fn serve(&self, inner: &mut S, mut request: Request<B>) -> Self::Future {
        let shape = PhantomData;
        match self.0.0.for_next_hop(&Context::current()) {
            Ok(left) => {
                if let Some(left) = left {
                    put_left(request.headers_mut(), left);
                }
                ClientFuture { work: Some(inner.call(request)), refused: None, shape }
            }
            Err(refused) => ClientFuture { work: None, refused: Some(refused), shape },
        }
    }
}

pin_project! {
    /// The response to a request that carries the time left.
    #[must_use = "futures do nothing unless polled"]
    pub struct ClientFuture<F, M = Plain> {
        #[pin]
        work: Option<F>,
        refused: Option<Rejected>,
        shape: PhantomData<fn() -> M>,
    }
}

impl<F, M, T, E> Future for ClientFuture<F, M>
where
    F: Future<Output = Result<T, E>>,
    M: ErrorShape<E>,
{
    type Output = Result<T, Error<M::Inner>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Task<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match (this.work.as_pin_mut(), this.refused.take()) {
            (Some(work), _) => work.poll(cx).map_err(M::lift),
            (None, Some(refused)) => Poll::Ready(Err(refused.into())),
            (None, None) => Poll::Pending,
        }
    }
}

impl<F, M> fmt::Debug for ClientFuture<F, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline::ClientFuture")
    }
}
