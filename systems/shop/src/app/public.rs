//! Everything that is served on `--listen`; the participants' action routes are not among it.

use super::audit::{self, Audited};
use super::{Clients, Ordering};
use crate::catalog::products_body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::HeaderValue;
use partita::console::{self, About};
use partita::core::Store;
use partita::http::{Client, Problem, Slug, fallback};
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
        .route("/products", get(|| async { Json(products_body()) }))
        .route("/readyz", get(ready).with_state(Health { stores, stopping }))
        .route("/inventory/{sku}", get(inventory).with_state(clients.links.inventory))
        .route("/customers/{id}/points", get(points).with_state(clients.links.loyalty))
        .route("/audit", get(audit::show).with_state(audited))
        .merge(ordering.router())
        .merge(psp);
    fallback(json_routes).merge(console)
}

async fn inventory(State(client): State<Client>, Path(sku): Path<String>) -> Result<Response, Problem> {
    forward(&client, &format!("/inventory/{}", escaped(&sku))).await
}

async fn points(State(client): State<Client>, Path(id): Path<String>) -> Result<Response, Problem> {
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

/// What is served before the stores are open.
pub(super) fn opening() -> Router {
    let not_ready = || Problem::new(Slug::NotReady).detail("the shop is opening its stores").retry_after(1);
    let checks = super::SERVICES.iter().map(|service| ((*service).to_owned(), Value::from("opening")));
    let checks: Map<String, Value> = checks.collect();
    Router::new()
        .route("/readyz", get(async move || not_ready().member("checks", Value::Object(checks.clone()))))
        .fallback(async move || not_ready())
}

async fn ready(State(health): State<Health>) -> Response {
    let mut checks = Map::new();
    for (service, store) in &health.stores {
        let check = store.facts().cannot_write.unwrap_or_else(|| "ok".to_owned());
        checks.insert((*service).to_owned(), Value::String(check));
    }
    let failing = checks.values().any(|check| check != "ok");
    if !failing && !*health.stopping.borrow() {
        return Json(json!({"status": "ok", "checks": checks})).into_response();
    }
    let detail = if failing { "a store cannot write" } else { "the shop is stopping" };
    let problem = Problem::new(Slug::NotReady).detail(detail).member("checks", Value::Object(checks));
    problem.retry_after(1).into_response()
}
