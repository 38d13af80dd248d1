//! The public routes of ordering.

use super::model::{OrderRecord, Status};
use super::shown::{Lived, shown};
use super::{ORDERS, Ordering, accept};
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, HeaderValue, header};
use partita::core::Result;
use partita::http::{JsonBody, Problem, Slug, prefer_wait};
use partita::saga::Class;
use partita::time::timeout;
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
    let mut response = JsonBody(shown(&id, &order, saga.as_ref())?).into_response();
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
