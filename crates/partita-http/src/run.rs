//! Runs one request on a router, for the server and for calls inside the process alike.

use crate::{Problem, Slug};
use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::Request;
use partita_time::{BoxFuture, Spawner};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::runtime::Handle;
use tower::ServiceExt;

/// Marks a response that must never be written.
#[derive(Clone, Copy, Debug)]
struct HangUp;

/// A response that is no response: the connection ends without a byte.
///
/// A [`crate::Server`] closes the connection; a call inside the process fails as if it had been one. It is for simulators
/// of services that lose their replies.
pub fn hang_up() -> Response {
    let mut response = Response::default();
    response.extensions_mut().insert(HangUp);
    response
}

/// A request at work: in the task of whoever waits for its answer, and in a task of its own from when nobody does any more.
pub(crate) struct Apart {
    work: Option<BoxFuture<'static, Response>>,
    spawner: Arc<dyn Spawner>,
}

/// Runs a request so that whoever waits for the answer can go away without ending the work.
///
/// The answer is `None` when there is none: the handler hung up.
pub(crate) fn run_apart<G>(spawner: Arc<dyn Spawner>, router: Router, request: Request<Body>, guard: G) -> Apart
where
    G: Send + 'static,
{
    let work = async move {
        let _held = guard;
        run(router, request).await
    };
    Apart { work: Some(Box::pin(work)), spawner }
}

impl Future for Apart {
    type Output = Option<Response>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Response>> {
        let Some(work) = &mut self.work else { return Poll::Ready(None) };
        let response = ready!(work.as_mut().poll(cx));
        self.work = None;
        Poll::Ready(response.extensions().get::<HangUp>().is_none().then_some(response))
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // Where no runtime is left, the process is at its end.
        if let Some(work) = self.work.take()
            && Handle::try_current().is_ok()
        {
            self.spawner.spawn(Box::pin(work.map(drop)));
        }
    }
}

/// Runs a request. A panic becomes a 500.
async fn run(router: Router, request: Request<Body>) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    match AssertUnwindSafe(router.oneshot(request)).catch_unwind().await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => {
            tracing::error!(request = %format_args!("{method} {}", uri.path()), "a handler panicked");
            Problem::new(Slug::Internal).detail("the handler panicked; the log says where").into_response()
        }
    }
}
