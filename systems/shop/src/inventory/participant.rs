//! What the HTTP of every participant of a saga has in common: reading an action, answering it, and showing the ledger.

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequest, Query, State};
use axum::routing::get;
use http::Request;
use partita::core::{Record, Store};
use partita::http::{Acted, AsJson, IdempotencyKey, JsonText, Ledger, Problem, Row, Slug, read_body, require_json};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Bytes of an action's body at most.
const MAX_BODY: usize = 64 * 1024;
/// Rows of an audit's page at most.
const PAGE: usize = 1_000;

/// A JSON answer, or a problem.
pub(crate) type Answer<T = Value> = Result<AsJson<T>, Problem>;

/// A request to do or undo something once: its key, its body as it came, and what the body says.
pub(crate) struct Action<T> {
    key: IdempotencyKey,
    pub(crate) request: Value,
    pub(crate) body: T,
}

impl<T> Action<T> {
    pub(crate) fn key(&self) -> &str {
        self.key.as_str()
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Action<T> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        require_json(&parts.headers)?;
        let key = IdempotencyKey::from_headers(&parts.headers)?;
        let bytes = read_body(&parts.headers, body, MAX_BODY).await?;
        let unreadable = |error: serde_json::Error| Problem::new(Slug::BadRequest).detail(error.to_string());
        let request: Value = serde_json::from_slice(&bytes).map_err(unreadable)?;
        let body = T::deserialize(&request).map_err(unreadable)?;
        Ok(Self { key, request, body })
    }
}

/// The answer to an action; a refusal by the business says its reason.
pub(crate) fn answer<R>(acted: Acted<R>, refused: impl FnOnce(R) -> Problem) -> Answer<JsonText> {
    match acted {
        Acted::Done(reply) | Acted::Replayed(reply) => Ok(AsJson(reply)),
        Acted::Undone => Err(Problem::new(Slug::Undone)),
        Acted::KeyReused => Err(Problem::new(Slug::KeyReused)),
        Acted::Refused(reason) => Err(refused(reason)),
    }
}

/// The problem of an action that builds on another one which does not stand.
pub(crate) fn stands_on_nothing(reason: &str, key: &str) -> Problem {
    Problem::new(Slug::Undone).detail(format!("nothing stands under the key {key:?}")).member("reason", reason.into())
}

/// Where an audit's page begins, and how many rows it has at most.
#[derive(Deserialize)]
pub(crate) struct Page {
    #[serde(default)]
    pub(crate) after: String,
    pub(crate) limit: Option<usize>,
}

impl Page {
    /// The page's records, and the key to go on behind.
    pub(crate) async fn read(
        &self,
        store: &dyn Store,
        space: &'static str,
    ) -> Result<(Vec<Record>, Option<String>), Problem> {
        let limit = self.limit.unwrap_or(PAGE).min(PAGE);
        let after = Some(self.after.as_str()).filter(|after| !after.is_empty());
        let records = store.page(space, after, limit).await?;
        let next = records.last().filter(|_| records.len() == limit).map(|last| last.key.clone());
        Ok((records, next))
    }
}

#[derive(Serialize)]
struct LedgerPage {
    rows: Vec<Shown>,
    next: Option<String>,
}

#[derive(Serialize)]
struct Shown {
    key: String,
    row: Value,
}

/// `GET /audit/ledger`: the rows as they are stored, also where somebody edited them by hand.
pub(crate) fn audit_routes(store: Arc<dyn Store>) -> Router {
    Router::new().route("/audit/ledger", get(ledger_page)).with_state(store)
}

async fn ledger_page(State(store): State<Arc<dyn Store>>, Query(page): Query<Page>) -> Answer<LedgerPage> {
    let (records, next) = page.read(&*store, Ledger::space().name).await?;
    let rows = records.into_iter().map(|Record { key, value, .. }| Shown { key, row: shown::<Row>(&value) }).collect();
    Ok(AsJson(LedgerPage { rows, next }))
}

/// The record as it is stored if it can be read as a `T`.
pub(crate) fn shown<T: DeserializeOwned>(stored: &str) -> Value {
    let record = serde_json::from_str::<Value>(stored).ok();
    record.filter(|record| T::deserialize(record).is_ok()).unwrap_or_else(|| json!({"unreadable": stored}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_shown_as_it_is_and_a_broken_one_as_text() {
        let row = json!({"outcome": "done", "action": "reserve", "subject": "o", "fingerprint": "f", "reply": {}, "detail": 1, "at": 2, "x": 3});
        assert_eq!(shown::<Row>(&row.to_string()), row);
        for broken in ["", "{", "7", r#"{"outcome":"perhaps"}"#] {
            assert_eq!(shown::<Row>(broken), json!({"unreadable": broken}));
        }
    }
}
