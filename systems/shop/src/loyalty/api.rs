//! HTTP of the loyalty service; `GET /customers/{id}/points` is shown to the public, the rest to other services only.

use super::ACCOUNTS;
use super::model::{Account, NotHeld, Points, PointsEvent, award, hold, release};
use crate::env::ServiceEnv;
use crate::inventory::participant::{Action, Answer, Page, answer, audit_routes, stands_on_nothing};
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use partita::core::{Commit, Error, ErrorKind, Expect, Part, Put, Receipt, Record, Result, Store};
use partita::events::{Decision, Repository};
use partita::http::{AsJson, Entry, JsonText, Ledger, Outcome, Problem, Row, Slug};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

const HOLD: &str = "hold";
const AWARD: &str = "award";
const LONGEST_ID: usize = 64;

#[derive(Clone, Debug)]
struct Loyalty {
    store: Arc<dyn Store>,
    accounts: Repository<Account>,
    ledger: Ledger,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HoldPoints {
    order_id: String,
    customer_id: String,
    points: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    order_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Award {
    order_id: String,
    /// Key of the hold.
    hold: String,
}

/// What a row's `detail` says was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Detail {
    customer_id: String,
    points: u64,
}

/// The answer to a hold, and to its award.
#[derive(Serialize)]
struct Answered<'a> {
    order_id: &'a str,
    #[serde(flatten)]
    detail: &'a Detail,
}

/// Opens the service.
///
/// # Errors
/// None so far; opening may come to read the store.
#[allow(clippy::unused_async, reason = "all services are opened alike")]
pub async fn router(env: ServiceEnv, ledger: Ledger) -> Result<Router> {
    let ServiceEnv { store, host } = env;
    let loyalty = Loyalty { accounts: Repository::new(store.clone(), host, "/loyalty"), ledger, store: store.clone() };
    let routes = Router::new()
        .route("/customers/{id}/points", get(show))
        .route("/hold", post(hold_points))
        .route("/release", post(release_points))
        .route("/award", post(award_points))
        .route("/audit/accounts", get(audit_accounts));
    Ok(routes.with_state(loyalty).merge(audit_routes(store)))
}

impl Loyalty {
    /// Decides on an account and commits the event, the account's record and the ledger's row together.
    async fn change<R>(
        &self,
        order_id: &str,
        detail: &Detail,
        put: Put,
        decide: impl Fn(&Account, Points) -> Result<Option<PointsEvent>, R>,
    ) -> Result<Result<Receipt, R>> {
        let customer = detail.customer_id.as_str();
        let points = || Points { order_id: order_id.to_owned(), points: detail.points };
        let decide = |accounts: &[&Account]| {
            let event = decide(accounts[0], points())?;
            let record = event.as_ref().map(|event| record(customer, &accounts[0].after(Some(event))));
            let part = Part { puts: [put.clone()].into_iter().chain(record).collect(), ..Part::new() };
            Ok(Decision::events(event.into_iter().map(|event| (0, event)).collect()).also(part))
        };
        self.accounts.execute(&[customer], Some(order_id), decide).await
    }

    async fn release(&self, order_id: &str, done: Option<Row>, put: Put) -> Result<Receipt> {
        let Some(row) = done else { return self.store.commit(Commit::of(Part::new().put(put))).await };
        let released = self.change(order_id, &detail_of(&row)?, put, release).await?;
        released.map_err(|NotHeld| contradiction(order_id))
    }

    async fn account(&self, customer_id: &str) -> Result<Account> {
        let record = self.store.get(ACCOUNTS, customer_id).await?;
        record.map_or_else(|| Ok(Account::default()), |record| account_of(&record))
    }

    /// What a hold that stands is about.
    async fn held(&self, order_id: &str, key: &str) -> Result<Option<Detail>> {
        let row = self.ledger.row(key).await?;
        let row = row.filter(|row| row.outcome == Outcome::Done && row.action == HOLD && row.subject == order_id);
        row.map(|row| detail_of(&row)).transpose()
    }
}

async fn show(State(loyalty): State<Loyalty>, id: Result<Path<String>, PathRejection>) -> Answer {
    let Path(id) = id.map_err(|_| Problem::new(Slug::NotFound).detail("there is no such customer"))?;
    let account = loyalty.account(&id).await?;
    Ok(AsJson(shown(&id, &account)))
}

async fn hold_points(State(loyalty): State<Loyalty>, action: Action<HoldPoints>) -> Answer<JsonText> {
    let HoldPoints { order_id, customer_id, points } = &action.body;
    if customer_id.is_empty() || customer_id.len() > LONGEST_ID {
        return Err(Problem::new(Slug::BadRequest).detail(format!("customer_id has 1 to {LONGEST_ID} characters")));
    }
    let detail = Detail { customer_id: customer_id.clone(), points: *points };
    let entry = Entry {
        key: action.key(),
        action: HOLD,
        subject: order_id,
        request: &action.request,
        reply: JsonText::of(&Answered { order_id, detail: &detail })?,
        detail: JsonText::of(&detail)?,
        built_on: true,
    };
    let decide = |_: &Account, points: Points| Ok::<_, std::convert::Infallible>(hold(points));
    let acted = loyalty.ledger.act(entry, |put| loyalty.change(order_id, &detail, put, decide)).await?;
    answer(acted, |never| match never {})
}

async fn release_points(State(loyalty): State<Loyalty>, action: Action<Release>) -> Answer {
    let Release { order_id } = &action.body;
    let effect = |done, put| loyalty.release(order_id, done, put);
    loyalty.ledger.undo(action.key(), HOLD, order_id, effect).await?;
    Ok(AsJson(json!({"order_id": order_id})))
}

async fn award_points(State(loyalty): State<Loyalty>, action: Action<Award>) -> Answer<JsonText> {
    let Award { order_id, hold } = &action.body;
    let held = loyalty.held(order_id, hold).await?;
    let detail = &held.ok_or_else(|| stands_on_nothing("no_hold", hold))?;
    let entry = Entry {
        key: action.key(),
        action: AWARD,
        subject: order_id,
        request: &action.request,
        reply: JsonText::of(&Answered { order_id, detail })?,
        detail: JsonText::of(detail)?,
        built_on: false,
    };
    let acted = loyalty.ledger.act(entry, |put| loyalty.change(order_id, detail, put, award)).await?;
    answer(acted, |NotHeld| contradiction(order_id).into())
}

async fn audit_accounts(State(loyalty): State<Loyalty>, Query(page): Query<Page>) -> Answer {
    let (records, next) = page.read(&*loyalty.store, ACCOUNTS).await?;
    let accounts: Vec<Value> = records.iter().map(audited).collect();
    Ok(AsJson(json!({"accounts": accounts, "next": next})))
}

fn record(customer_id: &str, account: &Account) -> Put {
    let Account { balance, held } = account;
    Put::value(ACCOUNTS, customer_id, Expect::Any, format!(r#"{{"balance":{balance},"held":{held}}}"#))
}

fn account_of(record: &Record) -> Result<Account> {
    serde_json::from_str(&record.value).map_err(|error| Error::from(error).with("account of", &record.key))
}

fn shown(customer_id: &str, Account { balance, held }: &Account) -> Value {
    json!({"customer_id": customer_id, "balance": balance, "held": held})
}

/// An account for the audit, whose figures fit an `i64`; or the stored text.
fn audited(record: &Record) -> Value {
    let fits = |account: &Account| [account.balance, account.held].iter().all(|points| i64::try_from(*points).is_ok());
    match account_of(record).ok().filter(fits) {
        Some(account) => shown(&record.key, &account),
        None => json!({"customer_id": record.key, "balance": 0, "held": 0, "unreadable": record.value}),
    }
}

fn detail_of(row: &Row) -> Result<Detail> {
    row.detail.read().map_err(|error| error.with("ledger row of", &row.subject))
}

fn contradiction(order_id: &str) -> Error {
    let error =
        Error::new(ErrorKind::Corrupt, "the ledger says that points are held, and the account's history does not");
    error.with("order", order_id)
}
