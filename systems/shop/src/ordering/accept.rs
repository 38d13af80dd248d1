//! Taking an order: everything is checked in the order that the public page promises, then one commit holds the order, the
//! key with its reply, and the start of its saga.

use super::model::{self, CURRENCY, Checkout, Line, Order, OrderRecord, Status};
use super::{ORDERS, Ordering};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use partita::core::{
    Append, Commit, Conflict, Error, ErrorKind, Expect, Found, Item, NewEvent, Part, Prune, Put, Record, Result,
    StreamId, Version, new_id,
};
use partita::http::{
    AsJson, Decision, IdempotencyKey, Intake, Json, Problem, Slug, StoredReply, read_body, require_json,
};
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::Ordering as Atomic;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const MAX_BODY: usize = 64 << 10;
const KEEP_KEYS: Duration = Duration::from_secs(25 * 60 * 60);
const FORGET_EVERY: Duration = Duration::from_secs(10 * 60);
/// Orders after which old keys are looked for again.
const FORGET_AFTER: u32 = 512;
/// Keys in each of the two sets of recent ones.
const RECENT_KEYS: usize = 16_384;
const KEYS: &str = "keys";
/// The place of the key's record among the puts of a start: behind the saga's line.
const KEY_PUT: usize = 1;

/// Answers `POST /orders`.
pub(super) async fn accept(ordering: &Ordering, headers: &HeaderMap, body: Body) -> Result<Response, Problem> {
    require_json(headers)?;
    let body = read_body(headers, body, MAX_BODY).await?;
    let key = IdempotencyKey::from_headers(headers)?;
    let body = Json::parse_object(&body)?;
    let fingerprint = body.fingerprint();
    let keys = &ordering.0.env.store;
    // A key that was used keeps its answer whatever else there is to say. One that was never seen is not looked for: the
    // commit expects it to be absent.
    if ordering.0.recent_keys.may_hold(key.as_str())
        && let Some(record) = keys.get(KEYS, key.as_str()).await?
    {
        return replay(&record, &fingerprint);
    }
    match take(ordering, &body, key.as_str(), &fingerprint).await {
        Ok(reply) => Ok(reply.into_response(false)),
        Err(Refused::Conflict(record)) => replay(&record, &fingerprint),
        Err(Refused::Problem(problem)) => match keys.get(KEYS, key.as_str()).await? {
            Some(record) => replay(&record, &fingerprint),
            None => Err(problem),
        },
    }
}

/// Why an order was not taken.
enum Refused {
    /// Its key was used before.
    Conflict(Record),
    /// It, or the shop, is not as it should be.
    Problem(Problem),
}

async fn take(ordering: &Ordering, body: &Json, key: &str, fingerprint: &str) -> Result<StoredReply, Refused> {
    let order = model::read(body, ordering.0.env.host.clock.now())
        .map_err(|errors| Refused::Problem(Problem::invalid(Slug::InvalidOrder, &errors)))?;
    let place = Place::take(ordering).map_err(Refused::Problem)?;
    let reply = place_order(ordering, order, key, fingerprint).await.map_err(|error| match key_taken(&error) {
        Some(record) => Refused::Conflict(record.clone()),
        None => Refused::Problem(refused(error)),
    })?;
    place.keep();
    if ordering.0.keys_taken.fetch_add(1, Atomic::Relaxed) % FORGET_AFTER == FORGET_AFTER - 1 {
        ordering.0.many_keys.notify_one();
    }
    Ok(reply)
}

/// Keys that were asked for lately, by their hashes: a repetition is then answered by a read, and the writer is spared a
/// commit that would conflict.
#[derive(Debug, Default)]
pub(super) struct RecentKeys(Mutex<[BTreeSet<u64>; 2]>);

impl RecentKeys {
    /// Whether the key was asked for before; from now on it was.
    fn may_hold(&self, key: &str) -> bool {
        let mut hash = DefaultHasher::new();
        key.hash(&mut hash);
        let hash = hash.finish();
        let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [young, old] = &mut *sets;
        let known = old.contains(&hash) || !young.insert(hash);
        if young.len() >= RECENT_KEYS {
            *old = std::mem::take(young);
        }
        known
    }
}

/// One of the unfinished orders that the shop takes at once; given back unless kept.
struct Place<'a>(Option<&'a Ordering>);

impl<'a> Place<'a> {
    fn take(ordering: &'a Ordering) -> Result<Self, Problem> {
        if ordering.0.unfinished.fetch_add(1, Atomic::Relaxed) >= ordering.0.max_unfinished {
            ordering.0.unfinished.fetch_sub(1, Atomic::Relaxed);
            let limit = ordering.0.max_unfinished;
            let detail =
                format!("{limit} orders are unfinished, which is the limit (--max-unfinished); try again shortly");
            return Err(Problem::new(Slug::Overloaded).detail(detail).retry_after(1));
        }
        Ok(Self(Some(ordering)))
    }

    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if let Some(ordering) = self.0 {
            ordering.0.unfinished.fetch_sub(1, Atomic::Relaxed);
        }
    }
}

/// Data of the event `order.placed`.
#[derive(Serialize)]
struct Placed<'a> {
    customer_id: &'a str,
    items: &'a [Line],
    total: u64,
    currency: &'static str,
}

/// The answer to an order that was taken.
#[derive(Serialize)]
struct Taken<'a> {
    order_id: &'a str,
    status: Status,
    total: u64,
    currency: &'static str,
}

async fn place_order(ordering: &Ordering, order: Order, key: &str, fingerprint: &str) -> Result<StoredReply> {
    let host = &ordering.0.env.host;
    let now = host.clock.now();
    let id = new_id(now, &host.entropy).to_string();
    let reply = reply(&id, &order)?;
    let Order { customer_id, items, total, .. } = &order;
    let placed = Placed { customer_id, items, total: *total, currency: CURRENCY };
    let event = NewEvent::new("order.placed", id.as_str(), &placed)?.seal("/ordering", host);
    let record = OrderRecord { status: Status::Pending, reason: None, order: order.clone() };
    let put = Put::value(ORDERS, id.as_str(), Expect::Absent, serde_json::to_string(&record)?);
    let part = Part::new()
        .put(Intake::put(key, fingerprint, &reply, now, KEEP_KEYS)?)
        .put(put.field("status", Status::Pending.word()))
        .add(ORDERS, Status::Pending.word(), 1)
        .append(Append { stream: StreamId::named("order", &id), expect: Version::Empty, events: vec![event] });
    let state = Checkout { id: id.clone(), order, reservation: None, hold: None, intent: None };
    let start = ordering.0.checkout.start(&id, &state)?;
    ordering.0.waiters.expect(&id);
    let launched = ordering.0.checkout.launch(start, part).await;
    launched.inspect_err(|_| ordering.0.waiters.forget(&id))?;
    Ok(reply)
}

fn reply(order_id: &str, order: &Order) -> Result<StoredReply> {
    let header = |name: &str, value: String| (name.to_owned(), value);
    let taken = Taken { order_id, status: Status::Pending, total: order.total, currency: CURRENCY };
    Ok(StoredReply {
        status: 202,
        headers: vec![
            header("content-type", "application/json".to_owned()),
            header("location", format!("/orders/{order_id}")),
            header("retry-after", "1".to_owned()),
        ],
        body: serde_json::to_string(&taken)?,
    })
}

fn replay(record: &Record, fingerprint: &str) -> Result<Response, Problem> {
    match Intake::decide(record, fingerprint)? {
        Decision::Replay(reply) => Ok(reply.into_response(true)),
        Decision::KeyReused => {
            Err(Problem::new(Slug::KeyReused)
                .detail("this Idempotency-Key was used for another order; use a fresh one"))
        }
    }
}

/// Two requests with one key at once: the one that came second finds the first one's record.
fn key_taken(error: &Error) -> Option<&Record> {
    match error.conflict() {
        Some(Conflict { item: Item::Put(KEY_PUT), found: Found::Record(Some(record)) }) => Some(record),
        _ => None,
    }
}

fn refused(error: Error) -> Problem {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::Busy | ErrorKind::Closed => Problem::from(error).retry_after(1),
        _ => Problem::from(error),
    }
}

/// Answers `POST /orders/{id}/cancel`.
pub(super) async fn cancel(ordering: &Ordering, id: &str) -> Result<Response, Problem> {
    let answer = ordering.0.engine.cancel(id).await.map_err(refused)?;
    match answer {
        partita::saga::Cancel::Unknown => Err(super::api::unknown()),
        partita::saga::Cancel::Refused => {
            let detail = "the payment is being captured, the order has ended, or it is being undone for another reason";
            Err(Problem::new(Slug::CannotCancel).detail(detail))
        }
        partita::saga::Cancel::Accepted => {
            let record = ordering.0.env.store.get(ORDERS, id).await?;
            let order: Option<OrderRecord> = record.and_then(|record| serde_json::from_str(&record.value).ok());
            let status = order.map_or(Status::Pending, |order| order.status);
            let body = json!({"order_id": id, "status": status.word()});
            Ok((http::StatusCode::ACCEPTED, AsJson(body)).into_response())
        }
    }
}

/// Forgets keys whose time is over, now and then: two for each that is taken in, and some without any order.
pub(super) fn forget_old_keys(ordering: Ordering) {
    let host = ordering.0.env.host.clone();
    let spawner = host.spawner.clone();
    spawner.spawn(Box::pin(async move {
        loop {
            let pause = host.clock.sleep(FORGET_EVERY);
            tokio::select! {
                biased;
                () = ordering.0.many_keys.notified() => {}
                () = pause => {}
            }
            let prune = Prune::Expired { space: KEYS, until: host.clock.now(), most: 2 * FORGET_AFTER };
            let commit = Commit { prunes: vec![prune], ..Commit::default() };
            if let Err(error) = ordering.0.env.store.commit(commit).await {
                tracing::warn!(%error, "old idempotency keys cannot be forgotten now");
            }
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_from_its_second_request_on_and_memory_is_bounded() {
        let keys = RecentKeys::default();
        assert!(!keys.may_hold("first"));
        assert!(keys.may_hold("first"));
        for n in 0..3 * RECENT_KEYS {
            let _ = keys.may_hold(&n.to_string());
        }
        let held: usize = keys.0.lock().unwrap().iter().map(BTreeSet::len).sum();
        assert!((RECENT_KEYS..=2 * RECENT_KEYS).contains(&held), "{held}");
        assert!(keys.may_hold(&(3 * RECENT_KEYS - 1).to_string()));
    }
}
