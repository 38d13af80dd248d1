//! The ledger on the reference store.
#![allow(clippy::unwrap_used, reason = "a test may")]

use partita_core::memory::{MemoryDisk, MemoryStore};
use partita_core::{Commit, Error, ErrorKind, Expect, Part, Put, Receipt, Records, Result, Space, Store};
use partita_http::{Acted, Entry, JsonText, Ledger, Outcome, Undid};
use partita_time::{Host, TaskGroup};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A participant with a stock of one.
struct Participant {
    store: Arc<MemoryStore>,
    ledger: Ledger,
    _group: TaskGroup,
}

fn text(value: &Value) -> JsonText {
    JsonText::of(value).unwrap()
}

fn entry<'a>(key: &'a str, request: &'a Value) -> Entry<'a> {
    let [reply, detail] = [JsonText::default(), JsonText::default()];
    Entry { key, action: "a", subject: "s", request, reply, detail, built_on: false }
}

type Outcomes = Result<Acted<&'static str>>;

impl Participant {
    async fn with_stock() -> Self {
        let (host, group) = Host::system();
        let store = MemoryStore::open(&MemoryDisk::new(), vec![Ledger::space(), Space::named("stock")], &host);
        let first = Put::value("stock", "sku", Expect::Absent, "1".into());
        store.commit(Commit::of(Part::new().put(first))).await.unwrap();
        let ledger = Ledger::new(store.clone(), host.clock);
        Self { store, ledger, _group: group }
    }

    async fn stock(&self) -> String {
        self.store.get("stock", "sku").await.unwrap().unwrap().value
    }

    /// Moves the stock together with a put of the ledger.
    async fn change(&self, to: &str, ledger: Put) -> Result<Receipt> {
        let revision = self.store.get("stock", "sku").await?.unwrap().revision;
        let stock = Put::value("stock", "sku", Expect::Exactly(revision), to.to_owned());
        self.store.commit(Commit::of(Part::new().put(stock).put(ledger))).await
    }

    async fn reserve(&self, key: &str, request: &Value) -> Outcomes {
        let entry = Entry {
            key,
            action: "reserve",
            subject: "order",
            request,
            reply: text(&json!({"for": key})),
            detail: text(&json!({"quantity": 1})),
            built_on: true,
        };
        let effect = async |put| {
            if self.stock().await == "0" {
                return Ok(Err("out of stock"));
            }
            self.change("0", put).await.map(Ok)
        };
        self.ledger.act(entry, effect).await
    }

    async fn reserve_or_refuse(&self, key: &str, request: &Value) -> Result<Acted<String>> {
        let entry = Entry {
            key,
            action: "reserve",
            subject: "order",
            request,
            reply: text(&json!({"for": key})),
            detail: text(&json!({"quantity": 1})),
            built_on: true,
        };
        let effect = async |put| {
            if self.stock().await == "0" {
                return Ok(Err("out of stock".to_owned()));
            }
            self.change("0", put).await.map(Ok)
        };
        self.ledger.act_or_refuse(entry, effect).await
    }

    async fn release(&self, key: &str) -> Result<Undid> {
        let effect = async |done: Option<partita_http::Row>, put| match done {
            Some(row) => self.change(&row.detail.read::<Value>().unwrap()["quantity"].to_string(), put).await,
            None => self.store.commit(Commit::of(Part::new().put(put))).await,
        };
        self.ledger.undo(key, "reserve", "order", effect).await
    }
}

#[tokio::test]
async fn the_same_action_is_done_once_and_answered_alike() {
    let participant = Participant::with_stock().await;
    let first = participant.reserve("k", &json!({"a": 1, "b": 2})).await.unwrap();
    assert_eq!(first, Acted::Done(text(&json!({"for": "k"}))));
    let again = participant.reserve("k", &json!({"b": 2, "a": 1})).await.unwrap();
    assert_eq!(again, Acted::Replayed(text(&json!({"for": "k"}))), "though the stock is used up by now");
    assert_eq!(participant.stock().await, "0");
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let participant = Participant::with_stock().await;
    participant.reserve("k", &json!(1)).await.unwrap();
    assert_eq!(participant.reserve("k", &json!(2)).await.unwrap(), Acted::KeyReused);
    let request = json!(1);
    let other = Entry { action: "hold", subject: "order", ..entry("k", &request) };
    let store = &participant.store;
    let acted: Outcomes =
        participant.ledger.act(other, async |put| store.commit(Commit::of(Part::new().put(put))).await.map(Ok)).await;
    assert_eq!(acted.unwrap(), Acted::KeyReused, "another action is another request");
}

#[tokio::test]
async fn a_refusal_leaves_the_key_unused() {
    let participant = Participant::with_stock().await;
    participant.reserve("first", &json!(1)).await.unwrap();
    assert_eq!(participant.reserve("k", &json!(1)).await.unwrap(), Acted::Refused("out of stock"));
    assert_eq!(participant.ledger.row("k").await.unwrap(), None);
    participant.release("first").await.unwrap();
    assert_eq!(participant.reserve("k", &json!(2)).await.unwrap(), Acted::Done(text(&json!({"for": "k"}))));
}

#[tokio::test]
async fn a_refusal_can_be_remembered_for_good() {
    let participant = Participant::with_stock().await;
    participant.reserve("first", &json!(1)).await.unwrap();
    let refused = || Acted::Refused("out of stock".to_owned());
    assert_eq!(participant.reserve_or_refuse("k", &json!(1)).await.unwrap(), refused());
    participant.release("first").await.unwrap();
    assert_eq!(participant.reserve_or_refuse("k", &json!(1)).await.unwrap(), refused(), "though there is room by now");
    assert_eq!(participant.reserve_or_refuse("k", &json!(2)).await.unwrap(), Acted::KeyReused);
    assert_eq!(participant.release("k").await.unwrap(), Undid::Already, "there is nothing to undo");
    assert_eq!(participant.reserve_or_refuse("l", &json!(1)).await.unwrap(), Acted::Done(text(&json!({"for": "l"}))));
    assert_eq!(participant.release("l").await.unwrap(), Undid::Undone);
    assert_eq!(participant.reserve_or_refuse("l", &json!(1)).await.unwrap(), Acted::Undone);
    assert_eq!(participant.stock().await, "1");
}

#[tokio::test]
async fn of_two_at_once_one_is_done_and_one_replayed() {
    for _ in 0..20 {
        let participant = Participant::with_stock().await;
        let request = json!(1);
        let (a, b) = tokio::join!(participant.reserve("k", &request), participant.reserve("k", &request));
        let reply = text(&json!({"for": "k"}));
        let outcomes = [a.unwrap(), b.unwrap()];
        assert!(
            outcomes.contains(&Acted::Done(reply.clone())) && outcomes.contains(&Acted::Replayed(reply)),
            "{outcomes:?}"
        );
    }
}

#[tokio::test]
async fn an_undo_restores_and_keeps_what_was_done() {
    let participant = Participant::with_stock().await;
    participant.reserve("k", &json!(1)).await.unwrap();
    assert_eq!(participant.release("k").await.unwrap(), Undid::Undone);
    assert_eq!(participant.stock().await, "1");
    let row = participant.ledger.row("k").await.unwrap().unwrap();
    assert_eq!(
        (row.outcome, row.detail, row.reply),
        (Outcome::Undone, text(&json!({"quantity": 1})), text(&json!({"for": "k"})))
    );
    assert_eq!(participant.release("k").await.unwrap(), Undid::Already);
    assert_eq!(participant.reserve("k", &json!(1)).await.unwrap(), Acted::Undone);
    assert_eq!(participant.stock().await, "1");
}

#[tokio::test]
async fn an_undo_that_comes_first_stops_the_action_for_good() {
    let participant = Participant::with_stock().await;
    assert_eq!(participant.release("k").await.unwrap(), Undid::Nothing);
    assert_eq!(participant.release("k").await.unwrap(), Undid::Already);
    assert_eq!(participant.reserve("k", &json!(1)).await.unwrap(), Acted::Undone);
    assert_eq!(participant.stock().await, "1");
    let row = participant.ledger.row("k").await.unwrap().unwrap();
    assert_eq!((row.outcome, row.action.as_str(), row.detail), (Outcome::Undone, "reserve", JsonText::default()));
}

#[tokio::test]
async fn an_undo_races_with_its_action_and_nothing_is_left() {
    for _ in 0..20 {
        let participant = Participant::with_stock().await;
        let request = json!(1);
        let (undid, acted) = tokio::join!(participant.release("k"), participant.reserve("k", &request));
        match (undid.unwrap(), acted.unwrap()) {
            (Undid::Undone, Acted::Done(_)) | (Undid::Nothing, Acted::Undone) => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(participant.stock().await, "1");
    }
}

#[tokio::test]
async fn an_undo_tries_again_when_its_row_changed_under_it() {
    let participant = Participant::with_stock().await;
    let calls = AtomicUsize::new(0);
    let effect = async |done: Option<partita_http::Row>, put: Put| {
        if calls.fetch_add(1, Ordering::SeqCst) == 0 {
            participant.reserve("k", &json!(1)).await.unwrap();
        }
        let to = if done.is_some() { "1" } else { "unchanged" };
        participant.change(to, put).await
    };
    assert_eq!(participant.ledger.undo("k", "reserve", "order", effect).await.unwrap(), Undid::Undone);
    assert_eq!((calls.load(Ordering::SeqCst), participant.stock().await.as_str()), (2, "1"));
}

#[tokio::test]
async fn a_conflict_on_something_else_goes_back_to_the_caller() {
    let participant = Participant::with_stock().await;
    let calls = AtomicUsize::new(0);
    let wrong = |put: Put| {
        calls.fetch_add(1, Ordering::SeqCst);
        let stock = Put::value("stock", "sku", Expect::Exactly(99), "9".into());
        participant.store.commit(Commit::of(Part::new().put(stock).put(put)))
    };
    let request = json!(1);
    let entry = entry("k", &request);
    let acted: Outcomes = participant.ledger.act(entry, async |put| wrong(put).await.map(Ok)).await;
    assert_eq!(acted.unwrap_err().kind(), ErrorKind::Conflict);
    let undid = participant.ledger.undo("k", "a", "s", |_, put| wrong(put)).await;
    assert_eq!(undid.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(calls.load(Ordering::SeqCst), 2, "neither is tried again");
    assert_eq!(participant.ledger.row("k").await.unwrap(), None);
}

#[tokio::test]
async fn other_errors_are_handed_on_as_they_are() {
    let participant = Participant::with_stock().await;
    let full = || Error::new(ErrorKind::StorageFull, "full");
    let request = json!(1);
    let entry = entry("k", &request);
    let acted: Outcomes = participant.ledger.act(entry, async |_| Err(full())).await;
    assert_eq!(acted.unwrap_err().kind(), ErrorKind::StorageFull);
    let undid = participant.ledger.undo("k", "a", "s", async |_, _| Err(full())).await;
    assert_eq!(undid.unwrap_err().kind(), ErrorKind::StorageFull);
}

#[tokio::test(start_paused = true)]
async fn a_row_is_plain_json_under_its_key() {
    let participant = Participant::with_stock().await;
    participant.reserve("a", &json!(1)).await.unwrap();
    let found = participant.store.get("ledger", "a").await.unwrap().unwrap();
    let row: Value = serde_json::from_str(&found.value).unwrap();
    assert_eq!(
        (&row["outcome"], &row["action"], &row["subject"]),
        (&json!("done"), &json!("reserve"), &json!("order"))
    );
}

#[cfg(feature = "sabotage")]
#[tokio::test]
async fn a_sabotaged_ledger_forgets_its_tombstones() {
    let mut participant = Participant::with_stock().await;
    participant.ledger = participant.ledger.sabotaged_without_tombstone();
    assert_eq!(participant.release("k").await.unwrap(), Undid::Nothing);
    assert_eq!(participant.reserve("k", &json!(1)).await.unwrap(), Acted::Done(text(&json!({"for": "k"}))));
    assert_eq!(participant.release("k").await.unwrap(), Undid::Undone);
}
