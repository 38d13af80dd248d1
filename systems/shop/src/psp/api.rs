//! HTTP of the provider: requests are read here, and work in tasks of their own, so that a caller who goes away changes
//! nothing about what was begun.

use super::book::Reply;
use super::error::Refusal;
use super::params::{self, Listing};
use super::provider::{Action, Answer, KeyUse, Provider, Request};
use super::view::View;
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use partita::http::{AsJson, IdempotencyKey, Json, hang_up, read_body};
use serde::Serialize;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long a reply that never comes is awaited.
const HELD: Duration = Duration::from_secs(30);
const MAX_BODY: usize = 64 * 1024;

type Id = Result<Path<String>, PathRejection>;

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<View<'a>>,
    has_more: bool,
}

pub(super) fn routes(provider: Provider) -> Router {
    Router::new()
        .route("/psp/v1/payment_intents", post(create).get(list))
        .route("/psp/v1/payment_intents/{id}", get(retrieve))
        .route("/psp/v1/payment_intents/{id}/capture", post(capture))
        .route("/psp/v1/payment_intents/{id}/cancel", post(cancel))
        .method_not_allowed_fallback(no_method)
        .route("/psp/v1", any(no_route))
        .route("/psp/v1/", any(no_route))
        .route("/psp/v1/{*rest}", any(no_route))
        .with_state(provider)
}

async fn create(State(provider): State<Provider>, headers: HeaderMap, body: Body) -> Result<Response, Refusal> {
    let given = Given::read(&headers, body).await?;
    let new = params::create(&given.members);
    let key = given.key_for("/psp/v1/payment_intents");
    let action = Action::Create(checked(&provider, key.as_ref(), new).await?);
    Ok(serve(provider, Request { action, key }).await)
}

async fn capture(
    State(provider): State<Provider>,
    id: Id,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let (id, given) = (path_id(id), Given::read(&headers, body).await?);
    let fits = params::capture(&given.members);
    let key = given.key_for(&format!("/psp/v1/payment_intents/{id}/capture"));
    checked(&provider, key.as_ref(), fits).await?;
    Ok(serve(provider, Request { action: Action::Capture(id), key }).await)
}

async fn cancel(State(provider): State<Provider>, id: Id, headers: HeaderMap, body: Body) -> Result<Response, Refusal> {
    let (id, given) = (path_id(id), Given::read(&headers, body).await?);
    let fits = params::cancel(&given.members);
    let key = given.key_for(&format!("/psp/v1/payment_intents/{id}/cancel"));
    checked(&provider, key.as_ref(), fits).await?;
    Ok(serve(provider, Request { action: Action::Cancel(id), key }).await)
}

/// Parameters that cannot be taken are other ones, where the key was used: the key is judged first.
async fn checked<T>(provider: &Provider, key: Option<&KeyUse>, read: Result<T, Refusal>) -> Result<T, Refusal> {
    let (refusal, key) = match (read, key) {
        (Err(refusal), Some(key)) => (refusal, key),
        (read, _) => return read,
    };
    let used = provider.is_used(key).await.map_err(|error| failed(&error))?;
    Err(if used { Refusal::key_reused() } else { refusal })
}

async fn retrieve(State(provider): State<Provider>, id: Id) -> Result<Response, Refusal> {
    let id = path_id(id);
    let found = provider.book.intent(&id).await.map_err(|error| failed(&error))?;
    let found = found.ok_or_else(|| Refusal::no_such_intent(&id))?;
    Ok(AsJson(View::of(&found.value)).into_response())
}

async fn list(
    State(provider): State<Provider>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(query) = query.map_err(|rejection| Refusal::unreadable(400, rejection.body_text()))?;
    let Listing { order_id, starting_after } = params::list(&query)?;
    let behind = match starting_after {
        Some(id) => provider.book.intent(id).await.map_err(|error| failed(&error))?.map(|found| found.value),
        None => None,
    };
    if let Some(id) = starting_after
        && behind.as_ref().and_then(|intent| intent.order_id.as_deref()) != Some(order_id)
    {
        return Err(Refusal::no_such_intent(id));
    }
    let (intents, has_more) =
        provider.book.of_order(order_id, behind.as_ref()).await.map_err(|error| failed(&error))?;
    let data = intents.iter().map(View::of).collect();
    Ok(AsJson(List { object: "list", data, has_more }).into_response())
}

async fn no_route(method: Method, uri: Uri) -> Refusal {
    Refusal::no_such_route(method.as_str(), uri.path())
}

async fn no_method(method: Method) -> Refusal {
    Refusal::no_such_method(method.as_str())
}

/// Lets a request work in a task of its own, then answers as it says.
pub(super) async fn serve(provider: Provider, request: Request) -> Response {
    let (done, answered) = oneshot::channel();
    let worker = provider.clone();
    provider.host.spawner.spawn(Box::pin(async move {
        // Nobody listens any more when the caller went away.
        let _ = done.send(worker.act(&request).await);
    }));
    match answered.await {
        Ok(Ok(Answer::Given { reply, replayed })) => respond(reply, replayed),
        Ok(Ok(Answer::Awaited(end))) => end.await.map_or_else(|_| hang_up(), |reply| respond(reply, false)),
        Ok(Ok(Answer::Withheld)) => {
            provider.host.clock.sleep(HELD).await;
            hang_up()
        }
        Ok(Err(error)) => failed(&error).into_response(),
        Err(_) => hang_up(),
    }
}

fn respond(reply: Reply, replayed: bool) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body: Box<str> = reply.body.into();
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], String::from(body)).into_response();
    if replayed {
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
    response
}

fn failed(error: &partita::core::Error) -> Refusal {
    tracing::error!(%error, "the provider's store failed");
    Refusal::from(error)
}

fn path_id(id: Id) -> String {
    id.map(|Path(id)| id).unwrap_or_default()
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, AsJson(self.body(None))).into_response();
        if let Some(secs) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}

/// What was read of a request: its parameters, their fingerprint, its key.
struct Given {
    members: Json,
    fingerprint: String,
    key: Option<String>,
}

impl Given {
    async fn read(headers: &HeaderMap, body: Body) -> Result<Self, Refusal> {
        let key = idempotency_key(headers)?;
        let body = read_body(headers, body, MAX_BODY).await.map_err(Refusal::from)?;
        let body = if body.is_empty() { &b"{}"[..] } else { &body[..] };
        let members = Json::parse_object(body).map_err(Refusal::from)?;
        let fingerprint = members.fingerprint();
        Ok(Self { members, fingerprint, key })
    }

    fn key_for(self, path: &str) -> Option<KeyUse> {
        let Self { key, fingerprint, .. } = self;
        key.map(|given| KeyUse { name: format!("POST {path} {given}"), given, fingerprint })
    }
}

/// The key is optional here; one that is given must be well formed.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    if !headers.contains_key("idempotency-key") {
        return Ok(None);
    }
    let key = IdempotencyKey::from_headers(headers).map_err(Refusal::from)?;
    Ok(Some(key.as_str().to_owned()))
}
