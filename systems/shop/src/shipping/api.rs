//! HTTP of the shipping service, for other services only.

use super::SHIPMENTS;
use super::model::{AlreadyShipped, Item, Shipment};
use crate::env::ServiceEnv;
use crate::inventory::participant::{Action, Answer, Page, answer, audit_routes, shown};
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use partita::core::{Commit, Expect, Part, Put, Receipt, Record, Result, Store};
use partita::http::{AsJson, Entry, JsonText, Ledger, Problem, Slug};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

const SHIP: &str = "ship";
/// Place of the shipment's record in its commit.
const RECORD: partita::core::Item = partita::core::Item::Put(1);

#[derive(Clone, Debug)]
struct Shipping {
    store: Arc<dyn Store>,
    ledger: Ledger,
}

/// The answer to a shipment.
#[derive(Serialize)]
struct Answered<'a> {
    order_id: &'a str,
}

/// What a row's `detail` says was shipped.
#[derive(Serialize)]
struct Detail<'a> {
    lines: &'a [Item],
}

/// Opens the service.
///
/// # Errors
/// None so far; opening may come to read the store.
#[allow(clippy::unused_async, reason = "all services are opened alike")]
pub async fn router(env: ServiceEnv, ledger: Ledger) -> Result<Router> {
    let store = env.store;
    let shipping = Shipping { ledger, store: store.clone() };
    let routes = Router::new()
        .route("/shipments", post(ship))
        .route("/shipments/{order_id}", get(show))
        .route("/audit/shipments", get(audit_shipments));
    Ok(routes.with_state(shipping).merge(audit_routes(store)))
}

impl Shipping {
    /// The ledger's row comes first, so that a repetition meets it before it meets the record.
    async fn record(&self, shipment: &Shipment, row: Put) -> Result<Result<Receipt, AlreadyShipped>> {
        let record = Put::value(SHIPMENTS, &shipment.order_id, Expect::Absent, serde_json::to_string(shipment)?);
        match self.store.commit(Commit::of(Part::new().put(row).put(record))).await {
            Err(error) if error.conflict().is_some_and(|conflict| conflict.item == RECORD) => Ok(Err(AlreadyShipped)),
            answer => answer.map(Ok),
        }
    }
}

async fn ship(State(shipping): State<Shipping>, action: Action<Shipment>) -> Answer<JsonText> {
    let shipment = &action.body;
    let entry = Entry {
        key: action.key(),
        action: SHIP,
        subject: &shipment.order_id,
        request: &action.request,
        reply: JsonText::of(&Answered { order_id: &shipment.order_id })?,
        detail: JsonText::of(&Detail { lines: &shipment.items })?,
        built_on: false,
    };
    let acted = shipping.ledger.act(entry, |row| shipping.record(shipment, row)).await?;
    answer(acted, |AlreadyShipped| {
        let problem = Problem::new(Slug::Refused).detail("the order has a shipment under another key");
        problem.member("reason", "already_shipped".into())
    })
}

async fn show(State(shipping): State<Shipping>, order_id: Result<Path<String>, PathRejection>) -> Answer {
    let unknown = || Problem::new(Slug::NotFound).detail("there is no shipment for this order");
    let Path(order_id) = order_id.map_err(|_| unknown())?;
    let record = shipping.store.get(SHIPMENTS, &order_id).await?.ok_or_else(unknown)?;
    let shipment: Value = serde_json::from_str(&record.value).map_err(partita::core::Error::from)?;
    Ok(AsJson(shipment))
}

/// All shipments page by page, or that of one order.
#[derive(Deserialize)]
struct Wanted {
    of: Option<String>,
    #[serde(default)]
    after: String,
    limit: Option<usize>,
}

async fn audit_shipments(State(shipping): State<Shipping>, Query(wanted): Query<Wanted>) -> Answer {
    let (records, next) = match wanted {
        Wanted { of: Some(order_id), .. } => {
            (shipping.store.get(SHIPMENTS, &order_id).await?.into_iter().collect(), None)
        }
        Wanted { after, limit, .. } => Page { after, limit }.read(&*shipping.store, SHIPMENTS).await?,
    };
    let row = |Record { key, value, .. }: &Record| json!({"key": key, "record": shown::<Shipment>(value)});
    Ok(AsJson(json!({"rows": records.iter().map(row).collect::<Vec<Value>>(), "next": next})))
}
