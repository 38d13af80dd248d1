//! What an auditor reads: every intent as it stands in the store. Not served to the public.

use super::book::{Book, intent_of};
use crate::env::ServiceEnv;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use partita::core::Record;
use partita::http::AsJson;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

#[derive(Deserialize)]
struct After {
    after: Option<String>,
}

#[derive(Serialize)]
struct Page {
    intents: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    order_id: Option<String>,
    status: &'static str,
    amount: i64,
    amount_received: i64,
    amount_refunded: i64,
    currency: String,
}

/// `GET /audit/intents?after=ID` -> `{intents:[{id,order_id,status,amount,amount_received,amount_refunded,currency}]}`: a
/// page by id, straight from the store. The page behind the last intent is empty. An intent that cannot be read has the
/// status `unreadable`, and its order where that much can be read.
pub fn audit_router(env: &ServiceEnv) -> Router {
    Router::new().route("/audit/intents", get(page)).with_state(Arc::new(Book::new(env.store.clone())))
}

async fn page(State(book): State<Arc<Book>>, Query(After { after }): Query<After>) -> Response {
    match book.page(after.as_deref()).await {
        Ok(records) => AsJson(Page { intents: records.iter().map(row).collect() }).into_response(),
        Err(error) => {
            tracing::error!(%error, "the intents cannot be read");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

fn row(record: &Record) -> Row {
    let id = record.key.clone();
    let Ok(intent) = intent_of(record) else {
        let (status, currency) = ("unreadable", String::new());
        return Row {
            id,
            order_id: order_of(record),
            status,
            amount: 0,
            amount_received: 0,
            amount_refunded: 0,
            currency,
        };
    };
    Row {
        id,
        order_id: intent.order_id,
        status: intent.status.as_str(),
        amount: intent.amount,
        amount_received: intent.amount_received,
        amount_refunded: intent.amount_refunded,
        currency: intent.currency,
    }
}

fn order_of(record: &Record) -> Option<String> {
    let value: Value = serde_json::from_str(&record.value).ok()?;
    value.get("order_id")?.as_str().map(ToOwned::to_owned)
}
