//! Runs one request on a router, for the server and for calls inside the process alike.

use crate::{Problem, Slug};
use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::Request;
use partita_time::Spawner;
use std::panic::AssertUnwindSafe;
use tokio::sync::oneshot;
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

/// Runs a request in a task of its own, so that whoever waits for the answer can go away without ending the work.
///
/// The answer is `None` when there is none: the handler hung up, or its process ended.
pub(crate) async fn run_apart<G>(
    spawner: &dyn Spawner,
    router: Router,
    request: Request<Body>,
    guard: G,
) -> Option<Response>
where
    G: Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    spawner.spawn(Box::pin(async move {
        let _held = guard;
        let _ = reply.send(run(router, request).await);
    }));
    let response = answer.await.ok()?;
    response.extensions().get::<HangUp>().is_none().then_some(response)
}

/// Runs a request. A panic becomes a 500.
async fn run(router: Router, request: Request<Body>) -> Response {
    let name = format!("{} {}", request.method(), request.uri().path());
    match AssertUnwindSafe(router.oneshot(request)).catch_unwind().await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => {
            tracing::error!(request = %name, "a handler panicked");
            Problem::new(Slug::Internal).detail("the handler panicked; the log says where").into_response()
        }
    }
}
