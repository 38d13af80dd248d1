//! What answers where no route does.

use crate::{Problem, Slug};
use axum::Router;
use http::{Method, Uri};

/// Makes a router answer unknown routes (404) and wrong methods (405 with `Allow`) as problems.
///
/// Call it last: it covers the routes that are there by then.
pub fn fallback(router: Router) -> Router {
    router.method_not_allowed_fallback(wrong_method).fallback(unknown_route)
}

#[allow(clippy::unused_async, reason = "axum handlers are async")]
async fn unknown_route(uri: Uri) -> Problem {
    Problem::new(Slug::NotFound).detail(format!("there is nothing at {}", uri.path()))
}

#[allow(clippy::unused_async, reason = "axum handlers are async")]
async fn wrong_method(method: Method, uri: Uri) -> Problem {
    Problem::new(Slug::MethodNotAllowed)
        .detail(format!("{method} is not possible at {}; the Allow header names what is", uri.path()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::{get, post};
    use http::{Request, header};
    use tower::ServiceExt;

    async fn ask(method: &str, path: &str) -> axum::response::Response {
        let router = Router::new().route("/a", get(async || "a")).route("/b/{id}", post(async || "b"));
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        fallback(router).oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn an_unknown_route_is_a_problem_404() {
        let response = ask("GET", "/c").await;
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }

    #[tokio::test]
    async fn a_wrong_method_is_a_problem_405_that_names_the_right_ones() {
        for (method, path, allow) in [("POST", "/a", "GET,HEAD"), ("GET", "/b/1", "POST")] {
            let response = ask(method, path).await;
            assert_eq!(response.status(), 405);
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
            assert_eq!(response.headers()[header::ALLOW], allow);
        }
    }
}
