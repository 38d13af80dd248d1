//! The public routes of ordering.

use super::model::{CURRENCY, Line, OrderRecord, Status};
use super::{ORDERS, Ordering, accept};
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, HeaderValue, header};
use partita::core::Result;
use partita::http::{AsJson, Problem, Slug, prefer_wait};
use partita::saga::{Class, SagaRow, TimelineEntry};
use partita::time::{Timestamp, timeout};
use serde::{Serialize, Serializer};
use std::time::Duration;

/// An id in a path; one that is not UTF-8 is no order's.
type Id = Result<Path<String>, PathRejection>;

pub(super) fn routes(ordering: Ordering) -> Router {
    Router::new()
        .route("/orders", post(place))
        .route("/orders/{id}", get(show))
        .route("/orders/{id}/cancel", post(cancel))
        .with_state(ordering)
}

pub(super) fn unknown() -> Problem {
    Problem::new(Slug::NotFound).detail("there is no such order")
}

async fn place(State(ordering): State<Ordering>, headers: HeaderMap, body: Body) -> Result<Response, Problem> {
    accept::accept(&ordering, &headers, body).await
}

async fn cancel(State(ordering): State<Ordering>, id: Id) -> Result<Response, Problem> {
    let Path(id) = id.map_err(|_| unknown())?;
    accept::cancel(&ordering, &id).await
}

async fn show(State(ordering): State<Ordering>, id: Id, headers: HeaderMap) -> Result<Response, Problem> {
    let Path(id) = id.map_err(|_| unknown())?;
    if let Some(limit) = prefer_wait(&headers) {
        ordering.settled(&id, limit).await?;
    }
    let (order, saga) = ordering.look(&id).await?.ok_or_else(unknown)?;
    let pending = order.status == Status::Pending;
    let mut response = AsJson(body(&id, &order, saga.as_ref())).into_response();
    if pending {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    Ok(response)
}

impl Ordering {
    /// Waits until an order has ended or needs an operator; at most `limit`.
    async fn settled(&self, id: &str, limit: Duration) -> Result<()> {
        let waiting = self.0.waiters.enter(id);
        let settles = async {
            loop {
                let mut rung = std::pin::pin!(waiting.rung());
                rung.as_mut().enable();
                let expected = waiting.is_expected();
                if !expected && self.is_settled(id).await? {
                    return Ok(());
                }
                rung.await;
                if expected && waiting.is_sure() {
                    return Ok(());
                }
            }
        };
        timeout(&*self.0.env.host.clock, limit, settles).await.unwrap_or(Ok(()))
    }

    async fn is_settled(&self, id: &str) -> Result<bool> {
        match self.record(id).await? {
            Some(order) if order.status == Status::Pending => self.is_parked(id).await,
            _ => Ok(true),
        }
    }

    /// Whether the order's saga waits for an operator.
    pub(super) async fn is_parked(&self, id: &str) -> Result<bool> {
        Ok(self.0.engine.class(id).await? == Some(Class::Parked))
    }

    async fn record(&self, id: &str) -> Result<Option<OrderRecord>> {
        let record = self.0.env.store.get(ORDERS, id).await?;
        Ok(record.map(|record| serde_json::from_str(&record.value)).transpose()?)
    }

    /// An order and its saga, as of one moment: when the saga ended between two reads, it is read again.
    async fn look(&self, id: &str) -> Result<Option<(OrderRecord, Option<Lived>)>> {
        let mut saga = self.0.engine.timeline(id).await?;
        let Some(order) = self.record(id).await? else { return Ok(None) };
        let is_behind = saga.as_ref().is_some_and(|(row, _)| !row.class.is_ended());
        if order.status != Status::Pending && is_behind {
            saga = self.0.engine.timeline(id).await?;
        }
        Ok(Some((order, saga)))
    }
}

/// A saga's line and what happened to it.
type Lived = (SagaRow, Vec<TimelineEntry>);

/// An order as it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    order_id: &'a str,
    customer_id: &'a str,
    status: Status,
    reason: Option<&'a str>,
    items: &'a [Line],
    total: u64,
    currency: &'static str,
    created_at: Rfc3339,
    ended_at: Option<Rfc3339>,
    timeline: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    at: Rfc3339,
    step: Option<&'a str>,
    event: &'static str,
    attempt: Option<u32>,
    detail: Option<&'a str>,
}

/// A time as text.
struct Rfc3339(Timestamp);

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

fn body<'a>(id: &'a str, order: &'a OrderRecord, saga: Option<&'a Lived>) -> Shown<'a> {
    let ended_at = saga.filter(|(row, _)| order.status != Status::Pending && row.class.is_ended());
    let parked = order.status == Status::Pending && saga.is_some_and(|(row, _)| row.class == Class::Parked);
    let reason = if parked { Some("needs_operator") } else { order.reason.as_deref() };
    Shown {
        order_id: id,
        customer_id: &order.order.customer_id,
        status: order.status,
        reason,
        items: &order.order.items,
        total: order.order.total,
        currency: CURRENCY,
        created_at: Rfc3339(order.order.created_at),
        ended_at: ended_at.map(|(row, _)| Rfc3339(row.changed_at)),
        timeline: saga.map_or_else(Vec::new, |(_, timeline)| timeline.iter().map(entry).collect()),
    }
}

fn entry(entry: &TimelineEntry) -> Entry<'_> {
    let TimelineEntry { at, step, event, attempt, detail } = entry;
    Entry { at: Rfc3339(*at), step: step.as_deref(), event, attempt: *attempt, detail: detail.as_deref() }
}
