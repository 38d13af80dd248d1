//! Addresses and their handlers.

use crate::answer::{self, Refusal};
use crate::console::Console;
use crate::view::{Filter, Snapshot, View};
use crate::{assets, live, pages};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Router, body::Body};
use serde::Deserialize;
use std::sync::Arc;

const FOR_EVER: &str = "public, max-age=31536000, immutable";
const NO_PAGE: Refusal = Refusal::NotFound("There is no such page.");
const NO_SAGA: Refusal = Refusal::NotFound("There is no such saga.");

pub(crate) fn router(console: Arc<Console>) -> Router {
    Router::new()
        .route("/console", get(overview))
        .route("/console/", get(async || Redirect::permanent("/console")))
        .route("/console/sagas/{id}", get(saga))
        .route("/console/events", get(events))
        .route("/console/assets/{name}", get(asset))
        .route("/console/{*rest}", get(async |State(console): Shared| NO_PAGE.answer(&console)))
        .method_not_allowed_fallback(async |State(console): Shared| Refusal::Method.answer(&console))
        .route_layer(map_response(answer::guard))
        .with_state(console)
}

type Shared = State<Arc<Console>>;

/// What follows the question mark.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    view: Option<String>,
    id: Option<String>,
    state: Option<String>,
    after: Option<String>,
    last: Option<String>,
}

impl Asked {
    fn read(query: Result<Query<Self>, QueryRejection>) -> Result<Self, Refusal> {
        let unreadable = |_| Refusal::Bad("The part of the address after the question mark cannot be read.");
        query.map(|Query(asked)| asked).map_err(unreadable)
    }

    fn filter(&self) -> Result<Filter, Refusal> {
        Filter::parse(self.state.as_deref(), self.after.as_deref())
    }

    fn view(self) -> Result<View, Refusal> {
        match (self.view.as_deref(), &self.id) {
            (Some("overview"), None) => self.filter().map(View::Overview),
            (Some("saga"), Some(id)) => Ok(View::Saga(id.clone())),
            _ => Err(Refusal::Bad("Ask for view=overview, or for view=saga and an id.")),
        }
    }
}

async fn overview(State(console): Shared, query: Result<Query<Asked>, QueryRejection>) -> Response {
    let filter = Asked::read(query).and_then(|asked| asked.filter());
    match filter {
        Ok(filter) => show(&console, View::Overview(filter)).await,
        Err(refusal) => refusal.answer(&console),
    }
}

async fn saga(State(console): Shared, id: Result<Path<String>, PathRejection>) -> Response {
    match id {
        Ok(Path(id)) => show(&console, View::Saga(id)).await,
        Err(_) => NO_SAGA.answer(&console),
    }
}

async fn show(console: &Console, view: View) -> Response {
    match view.read(&*console.sagas).await {
        Ok(Some(seen)) => answer::page(StatusCode::OK, &pages::whole(console, &view, &seen)),
        Ok(None) => NO_SAGA.answer(console),
        Err(error) => Refusal::from(error).answer(console),
    }
}

async fn asset(State(console): Shared, name: Result<Path<String>, PathRejection>) -> Response {
    match name.ok().and_then(|Path(name)| assets::find(&name)) {
        Some(asset) => ([(CONTENT_TYPE, asset.kind), (CACHE_CONTROL, FOR_EVER)], asset.content).into_response(),
        None => NO_PAGE.answer(&console),
    }
}

async fn events(State(console): Shared, headers: HeaderMap, query: Result<Query<Asked>, QueryRejection>) -> Response {
    match stream(&console, &headers, query).await {
        Ok(body) => {
            let about = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")];
            (about, [("x-accel-buffering", "no")], body).into_response()
        }
        Err(refusal) => refusal.answer(&console),
    }
}

/// A browser sends the header when it reconnects by itself, and the script the parameter when it begins anew.
async fn stream(
    console: &Arc<Console>,
    headers: &HeaderMap,
    query: Result<Query<Asked>, QueryRejection>,
) -> Result<Body, Refusal> {
    let mut asked = Asked::read(query)?;
    let header = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let last = header.map(str::to_owned).or(asked.last.take());
    let view = asked.view()?;
    let permit = console.streams.clone().try_acquire_owned().map_err(|_| Refusal::NoStream)?;
    if *console.about.stopping.borrow() {
        return Err(Refusal::NoStream);
    }
    let changes = console.sagas.changes();
    let seen: Snapshot = view.read(&*console.sagas).await?.ok_or(NO_SAGA)?;
    let stream = live::Live::new(console.clone(), view, seen, changes).holding(permit);
    Ok(Body::from_stream(stream.frames(last.as_deref())))
}
