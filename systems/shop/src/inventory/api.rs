//! HTTP of the inventory service; `GET /inventory/{sku}` is shown to the public, the rest to other services only.

use super::model::{Line, NotReserved, OutOfStock, Stock, check_lines, commit, release, reserve, seed};
use super::participant::{Action, Answer, answer, audit_routes, stands_on_nothing};
use crate::catalog::{catalog, product_of};
use crate::env::ServiceEnv;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use partita::core::{Commit, Error, ErrorKind, Part, Put, Receipt, Result, Store};
use partita::events::{Decision, Repository};
use partita::http::{AsJson, Entry, JsonText, Ledger, Outcome, Problem, Row, Slug};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

const RESERVE: &str = "reserve";
const COMMIT: &str = "commit";

#[derive(Clone, Debug)]
struct Inventory {
    store: Arc<dyn Store>,
    stock: Repository<Stock>,
    ledger: Ledger,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reserve {
    order_id: String,
    lines: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    order_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sell {
    order_id: String,
    /// Key of the reservation.
    reservation: String,
}

/// The answer to a reservation, and to its sale.
#[derive(Serialize)]
struct Answered<'a> {
    order_id: &'a str,
    lines: &'a [Line],
}

/// What a row's `detail` says was moved.
#[derive(Serialize, Deserialize)]
struct Detail<L> {
    lines: L,
}

/// Opens the service: a new store is stocked from the catalog first.
///
/// # Errors
/// Those of the store.
pub async fn router(env: ServiceEnv, ledger: Ledger) -> Result<Router> {
    let ServiceEnv { store, host } = env;
    let inventory =
        Inventory { stock: Repository::new(store.clone(), host, "/inventory"), ledger, store: store.clone() };
    inventory.seed().await?;
    let routes = Router::new()
        .route("/inventory/{sku}", get(show))
        .route("/reserve", post(reserve_lines))
        .route("/release", post(release_lines))
        .route("/commit", post(commit_lines))
        .route("/audit/stock", get(audit_stock));
    Ok(routes.with_state(inventory).merge(audit_routes(store)))
}

impl Inventory {
    async fn seed(&self) -> Result<()> {
        let skus: Vec<&str> = catalog().iter().map(|product| product.sku).collect();
        let opened = self.stock.execute(&skus, None, |stocks| {
            let products = catalog().iter().zip(stocks).enumerate();
            let events = products.filter_map(|(place, (product, stock))| Some((place, seed(stock, product.stock)?)));
            Ok::<_, std::convert::Infallible>(Decision::events(events.collect()))
        });
        match opened.await? {
            Ok(_) => Ok(()),
            Err(never) => match never {},
        }
    }

    async fn reserve(&self, order_id: &str, lines: &[Line], put: Put) -> Result<Result<Receipt, OutOfStock>> {
        let decide = |stocks: &[&Stock]| {
            reserve(order_id, lines, stocks).map(|events| Decision::events(events).also(with(&put)))
        };
        self.stock.execute(&skus(lines), Some(order_id), decide).await
    }

    async fn commit(&self, order_id: &str, lines: &[Line], put: Put) -> Result<Result<Receipt, NotReserved>> {
        let decide =
            |stocks: &[&Stock]| commit(order_id, lines, stocks).map(|events| Decision::events(events).also(with(&put)));
        self.stock.execute(&skus(lines), Some(order_id), decide).await
    }

    async fn release(&self, order_id: &str, done: Option<Row>, put: Put) -> Result<Receipt> {
        let Some(row) = done else { return self.store.commit(Commit::of(with(&put))).await };
        let lines = lines_of(&row)?;
        let decide = |stocks: &[&Stock]| {
            release(order_id, &lines, stocks).map(|events| Decision::events(events).also(with(&put)))
        };
        let released = self.stock.execute(&skus(&lines), Some(order_id), decide).await?;
        released.map_err(|missing| contradiction(order_id, &missing))
    }

    /// The lines of a reservation that stands.
    async fn reservation(&self, order_id: &str, key: &str) -> Result<Option<Vec<Line>>> {
        let row = self.ledger.row(key).await?;
        let row = row.filter(|row| row.outcome == Outcome::Done && row.action == RESERVE && row.subject == order_id);
        row.map(|row| lines_of(&row)).transpose()
    }
}

async fn show(State(inventory): State<Inventory>, sku: Result<Path<String>, PathRejection>) -> Answer {
    let unknown = || Problem::new(Slug::NotFound).detail("there is no such product");
    let Path(sku) = sku.map_err(|_| unknown())?;
    product_of(&sku).ok_or_else(unknown)?;
    let stock = inventory.stock.load(&sku).await?.state;
    let Stock { on_hand, reserved, .. } = stock;
    Ok(AsJson(json!({"sku": sku, "on_hand": on_hand, "reserved": reserved, "available": stock.available()})))
}

async fn reserve_lines(State(inventory): State<Inventory>, action: Action<Reserve>) -> Answer<JsonText> {
    let Reserve { order_id, lines } = &action.body;
    check_lines(lines).map_err(|detail| Problem::new(Slug::BadRequest).detail(detail))?;
    let entry = Entry {
        key: action.key(),
        action: RESERVE,
        subject: order_id,
        request: &action.request,
        reply: JsonText::of(&Answered { order_id, lines })?,
        detail: JsonText::of(&Detail { lines })?,
        built_on: true,
    };
    let acted = inventory.ledger.act_or_refuse(entry, |put| inventory.reserve(order_id, lines, put)).await?;
    answer(acted, |OutOfStock { sku }| {
        let problem = Problem::new(Slug::Refused).detail(format!("there is not enough of {sku}"));
        problem.member("reason", "out_of_stock".into()).member("sku", sku.into())
    })
}

async fn release_lines(State(inventory): State<Inventory>, action: Action<Release>) -> Answer {
    let Release { order_id } = &action.body;
    let effect = |done, put| inventory.release(order_id, done, put);
    inventory.ledger.undo(action.key(), RESERVE, order_id, effect).await?;
    Ok(AsJson(json!({"order_id": order_id})))
}

async fn commit_lines(State(inventory): State<Inventory>, action: Action<Sell>) -> Answer<JsonText> {
    let Sell { order_id, reservation } = &action.body;
    let reserved = inventory.reservation(order_id, reservation).await?;
    let lines = &reserved.ok_or_else(|| stands_on_nothing("no_reservation", reservation))?;
    let entry = Entry {
        key: action.key(),
        action: COMMIT,
        subject: order_id,
        request: &action.request,
        reply: JsonText::of(&Answered { order_id, lines })?,
        detail: JsonText::of(&Detail { lines })?,
        built_on: false,
    };
    let acted = inventory.ledger.act(entry, |put| inventory.commit(order_id, lines, put)).await?;
    answer(acted, |missing| contradiction(order_id, &missing).into())
}

async fn audit_stock(State(inventory): State<Inventory>) -> Answer<Vec<Value>> {
    let mut all = vec![];
    for product in catalog() {
        let (stock, unreadable) = match inventory.stock.load(product.sku).await {
            Ok(loaded) => (loaded.state, None),
            Err(error) if error.kind() == ErrorKind::Corrupt => (Stock::default(), Some(error.to_string())),
            Err(error) => return Err(error.into()),
        };
        let Stock { seeded, on_hand, reserved } = stock;
        let seeded = seeded.unwrap_or(0);
        let mut fact = json!({"sku": product.sku, "seeded": seeded, "on_hand": on_hand, "reserved": reserved});
        if let Some(why) = unreadable {
            fact["unreadable"] = why.into();
        }
        all.push(fact);
    }
    Ok(AsJson(all))
}

fn skus(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.sku.as_str()).collect()
}

fn with(put: &Put) -> Part {
    Part::new().put(put.clone())
}

fn lines_of(row: &Row) -> Result<Vec<Line>> {
    let detail = row.detail.read::<Detail<Vec<Line>>>();
    detail.map(|detail| detail.lines).map_err(|error| error.with("ledger row of", &row.subject))
}

fn contradiction(order_id: &str, NotReserved { sku }: &NotReserved) -> Error {
    let error =
        Error::new(ErrorKind::Corrupt, "the ledger says that stock is reserved, and the stock's history does not");
    error.with("order", order_id).with("sku", sku)
}
