//! Everything that is served on `--listen`; the participants' action routes are not among it.

use super::audit::{self, Audited};
use super::{Clients, Ordering, SERVICES};
use crate::catalog::products_body;
use crate::psp;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Uri};
use partita::console::{self, About};
use partita::core::Store;
use partita::http::{AsJson, Client, Problem, Slug, fallback};
use partita::time::Host;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use tokio::sync::watch;

/// What the public routes are made of.
pub(super) struct Parts {
    pub(super) ordering: Ordering,
    pub(super) clients: Clients,
    pub(super) psp: Router,
    pub(super) stores: Vec<(&'static str, Arc<dyn Store>)>,
    /// Where the public reaches the shop.
    pub(super) url: String,
}

/// A command that places an order.
pub fn order_to_try(url: &str, key: &str, method: &str) -> String {
    let body =
        format!(r#"{{"customer_id":"ada","items":[{{"sku":"desk-lamp","quantity":1}}],"payment_method":"{method}"}}"#);
    format!("curl -i {url}/orders -H 'Content-Type: application/json' -H 'Idempotency-Key: {key}' -d '{body}'")
}

pub(super) fn routes(parts: Parts, stopping: watch::Receiver<bool>, host: &Host) -> Router {
    let Parts { ordering, clients, psp, stores, url } = parts;
    let empty_hint = order_to_try(&url, "my-first-order", "pm_ok");
    let about = About { system: "shop".to_owned(), empty_hint, stopping: stopping.clone() };
    let console = console::router(Arc::new(ordering.engine().clone()), about, host);
    let audited = Audited::new(ordering.clone(), clients.clone(), host);
    let json_routes = Router::new()
        .route("/", get(|| async { Redirect::to("/console") }))
        .route("/openapi.json", get(crate::openapi::show))
        .route("/products", get(|| async { AsJson(products_body()) }))
        .route("/readyz", get(ready).with_state(Health { stores, stopping }))
        .route("/inventory/{sku}", get(inventory).with_state(clients.links.inventory))
        .route("/customers/{id}/points", get(points).with_state(clients.links.loyalty))
        .route("/audit", get(audit::show).with_state(audited))
        .merge(ordering.router())
        .merge(psp);
    fallback(json_routes).merge(console)
}

/// A name in a path; one that is not UTF-8 names nothing.
type Name = Result<Path<String>, PathRejection>;

async fn inventory(State(client): State<Client>, sku: Name) -> Result<Response, Problem> {
    let Path(sku) = sku.map_err(|_| Problem::new(Slug::NotFound).detail("there is no such product"))?;
    forward(&client, &format!("/inventory/{}", escaped(&sku))).await
}

async fn points(State(client): State<Client>, id: Name) -> Result<Response, Problem> {
    let Path(id) = id.map_err(|_| Problem::new(Slug::NotFound).detail("there is no such customer"))?;
    forward(&client, &format!("/customers/{}/points", escaped(&id))).await
}

/// Percent-encodes what is not plain in a path.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let encoded = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encoded).collect()
}

/// Hands on what a service answers to a read.
async fn forward(client: &Client, path: &str) -> Result<Response, Problem> {
    let reply = client.get(path).send().await?;
    let content_type = reply.headers.get(http::header::CONTENT_TYPE).cloned();
    let mut response = (reply.status, reply.body).into_response();
    let content_type = content_type.unwrap_or(HeaderValue::from_static("application/json"));
    response.headers_mut().insert(http::header::CONTENT_TYPE, content_type);
    Ok(response)
}

/// What readiness looks at.
#[derive(Clone, Debug)]
struct Health {
    stores: Vec<(&'static str, Arc<dyn Store>)>,
    stopping: watch::Receiver<bool>,
}

/// What is served before the stores are open, and when they are about to close.
pub(super) fn not_serving(state: &str, detail: &'static str) -> Router {
    let checks = SERVICES.map(|service| (service.to_owned(), Value::from(state))).into_iter().collect::<Map<_, _>>();
    let other = async move |uri: Uri| refused(uri.path(), Problem::new(Slug::NotReady).detail(detail).retry_after(1));
    Router::new().route("/readyz", any(async move || not_ready(detail, checks))).fallback(other)
}

/// What is refused before a route hears of it, in the form of that route.
pub(super) fn refused(path: &str, problem: Problem) -> Response {
    let is_below = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if is_below("/psp/v1") {
        psp::refused(problem)
    } else if is_below("/console") {
        let detail = problem.as_detail().replace('&', "&amp;").replace('<', "&lt;");
        let mut response = problem.into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        *response.body_mut() = detail.into();
        response
    } else {
        problem.into_response()
    }
}

async fn ready(State(health): State<Health>) -> Response {
    let stopping = *health.stopping.borrow();
    let mut checks = Map::new();
    for (service, store) in &health.stores {
        let good = if stopping { "stopping" } else { "ok" };
        let check = store.facts().cannot_write.unwrap_or_else(|| good.to_owned());
        checks.insert((*service).to_owned(), Value::String(check));
    }
    if checks.values().all(|check| check == "ok") {
        return AsJson(json!({"status": "ok", "checks": checks})).into_response();
    }
    not_ready(if stopping { "the shop is stopping" } else { "a store cannot write" }, checks).into_response()
}

fn not_ready(detail: &str, checks: Map<String, Value>) -> Problem {
    Problem::new(Slug::NotReady).detail(detail).member("checks", Value::Object(checks)).retry_after(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{CONTENT_LENGTH, RETRY_AFTER};
    use http::{HeaderMap, StatusCode};
    use tower::ServiceExt;

    async fn ask(path: &str) -> (StatusCode, String, Value) {
        let request = http::Request::get(path).body(axum::body::Body::empty()).unwrap();
        let response = not_serving("opening", "not yet").oneshot(request).await.unwrap();
        let (status, kind) = (response.status(), response.headers()[http::header::CONTENT_TYPE].clone());
        let body = axum::body::to_bytes(response.into_body(), 4_096).await.unwrap();
        (status, kind.to_str().unwrap().to_owned(), serde_json::from_slice(&body).unwrap_or_default())
    }

    #[tokio::test]
    async fn while_the_stores_open_every_route_says_so_in_its_own_form() {
        let (status, kind, body) = ask("/readyz").await;
        assert_eq!((status.as_u16(), kind.as_str()), (503, "application/problem+json"));
        assert_eq!((&body["type"], &body["checks"]["ordering"]), (&json!("/problems/not-ready"), &json!("opening")));
        let (status, kind, body) = ask("/orders/x").await;
        assert_eq!((status.as_u16(), kind.as_str()), (503, "application/problem+json"));
        assert_eq!(body["checks"], Value::Null);
        let (status, kind, body) = ask("/psp/v1/payment_intents/x").await;
        assert_eq!((status.as_u16(), kind.as_str()), (503, "application/json"));
        assert_eq!((&body["error"]["type"], &body["type"]), (&json!("api_error"), &Value::Null));
        let (status, kind, _) = ask("/console/sagas/x").await;
        assert_eq!((status.as_u16(), kind.as_str()), (503, "text/html; charset=utf-8"));
    }

    /// Head and body of what is refused on this path.
    async fn told(path: &str, problem: Problem) -> (StatusCode, HeaderMap, String) {
        let (head, body) = refused(path, problem).into_parts();
        let body = axum::body::to_bytes(body, 4_096).await.unwrap();
        (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn what_the_server_refuses_itself_has_the_form_of_its_route() {
        for (path, kind) in [
            ("/psp/v1", "application/json"),
            ("/psp/v1/payment_intents", "application/json"),
            ("/psp/v10", "application/problem+json"),
            ("/orders", "application/problem+json"),
            ("/console", "text/html; charset=utf-8"),
            ("/consoles", "application/problem+json"),
        ] {
            for slug in [Slug::Overloaded, Slug::Timeout, Slug::BadRequest] {
                let (status, headers, body) = told(path, Problem::new(slug)).await;
                assert_eq!((status, headers[CONTENT_TYPE].to_str().unwrap()), (slug.status(), kind), "{path}");
                let body: Value = serde_json::from_str(&body).unwrap_or_default();
                assert_eq!(body["error"]["message"].is_string(), kind == "application/json", "{path}: {body}");
            }
        }
    }

    #[tokio::test]
    async fn an_overload_says_when_to_come_again_in_each_form() {
        let overloaded = || Problem::new(Slug::Overloaded).detail("no <room> & no \"time\"").retry_after(1);
        for (path, said) in [
            (
                "/orders",
                json!({"type": "/problems/overloaded", "title": "Overloaded", "status": 503, "detail": "no <room> & no \"time\""}),
            ),
            (
                "/psp/v1/payment_intents",
                json!({"error": {"type": "api_error", "code": "service_unavailable", "message": "The provider is unavailable; try again later."}}),
            ),
            ("/console", Value::Null),
        ] {
            let (status, headers, body) = told(path, overloaded()).await;
            assert_eq!((status.as_u16(), headers[RETRY_AFTER].to_str().unwrap()), (503, "1"), "{path}");
            assert_eq!(headers.get_all(CONTENT_TYPE).iter().count(), 1, "{path}: {headers:?}");
            let length = headers.get(CONTENT_LENGTH).map(|length| length.to_str().unwrap().parse().unwrap());
            assert_eq!(length.unwrap_or(body.len()), body.len(), "{path}");
            match said {
                Value::Null => assert_eq!(body, "no &lt;room> &amp; no \"time\""),
                said => assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), said, "{path}"),
            }
        }
    }
}
