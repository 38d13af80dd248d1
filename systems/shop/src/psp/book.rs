//! The provider's records: intents, idempotency keys, attempt counters.

use super::fresh::Fresh;
use super::model::{Intent, Method, Operation};
use partita::core::{
    Commit, DuePage, Error, Expect, FieldKind, FieldValue, Find, Flow, Part, Prune, Put, Record, Result, Space, Store,
};
use partita::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Space of the intents, by id.
pub(crate) const INTENTS: &str = "intents";
const KEYS: &str = "psp_keys";
const ATTEMPTS: &str = "psp_attempts";

/// How long keys and counters are kept.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// Every so many commits carry a prune of at most `PRUNED` records a space, so that pruning outruns writing.
const PRUNE_EACH: u64 = 64;
const PRUNED: u32 = 128;
/// Intents that are read at once for a list, and bytes from which on a list is no longer.
const LISTED: usize = 32;
const LIST_BYTES: usize = 1 << 20;

/// The spaces of the provider's store.
pub fn spaces() -> Vec<Space> {
    let intents = Space::named(INTENTS).with_due().clustered();
    let intents = intents.field("order_id", FieldKind::Text).field("created_at", FieldKind::Int);
    vec![intents.index(Some("order_id"), "created_at"), Space::named(KEYS), Space::named(ATTEMPTS)]
}

/// An answer as it was given, byte for byte.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Box<RawValue>,
}

impl Reply {
    pub(super) fn of(status: u16, body: &impl Serialize) -> Result<Self> {
        Ok(Self { status, body: serde_json::value::to_raw_value(body)? })
    }
}

/// What is kept under an idempotency key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct KeyEntry {
    pub(super) fingerprint: String,
    pub(super) expires_at: Timestamp,
    /// `None` while the first request still runs.
    pub(super) reply: Option<Reply>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Attempts {
    attempts: u32,
}

/// A value with what its record must be when it is written again.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) expect: Expect,
}

/// Reads the provider's store and composes its commits.
#[derive(Debug)]
pub(super) struct Book {
    store: Arc<dyn Store>,
    commits: AtomicU64,
    fresh: Fresh,
}

impl Book {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, commits: AtomicU64::new(0), fresh: Fresh::new() }
    }

    pub(super) async fn intent(&self, id: &str) -> Result<Option<At<Intent>>> {
        let record = self.store.get(INTENTS, id).await?;
        record.map(|record| Ok(At { value: intent_of(&record)?, expect: Expect::Exactly(record.revision) })).transpose()
    }

    /// As [`Book::intent`]; from memory where the intent was kept by [`Book::keep`] and not asked for since. A change of it
    /// must be committed under what its record is expected to be.
    pub(super) async fn intent_to_change(&self, id: &str) -> Result<Option<At<Intent>>> {
        match self.fresh.take(id) {
            Some(value) => Ok(Some(At { value, expect: Expect::Exactly(1) })),
            None => self.intent(id).await,
        }
    }

    /// Keeps an intent whose first record was committed.
    pub(super) fn keep(&self, intent: Intent) {
        self.fresh.keep(intent);
    }

    /// What a key holds; an entry past its time counts as none, and is written over.
    pub(super) async fn key(&self, name: &str, now: Timestamp) -> Result<At<Option<KeyEntry>>> {
        let Some(record) = self.store.get(KEYS, name).await? else {
            return Ok(At { value: None, expect: Expect::Absent });
        };
        let entry: KeyEntry = decode(KEYS, &record)?;
        Ok(At { value: Some(entry).filter(|entry| entry.expires_at > now), expect: Expect::Exactly(record.revision) })
    }

    /// How many attempts were counted.
    pub(super) async fn attempts(&self, counter: &str) -> Result<At<u32>> {
        let Some(record) = self.store.get(ATTEMPTS, counter).await? else {
            return Ok(At { value: 0, expect: Expect::Absent });
        };
        let counted: Attempts = decode(ATTEMPTS, &record)?;
        Ok(At { value: counted.attempts, expect: Expect::Exactly(record.revision) })
    }

    /// Intents of an order behind one of them, oldest first, and whether there are more: enough to fill an answer.
    pub(super) async fn of_order(&self, order_id: &str, behind: Option<&Intent>) -> Result<(Vec<Intent>, bool)> {
        let (mut intents, mut bytes): (Vec<Intent>, usize) = (Vec::new(), 0);
        loop {
            let last = intents.last().or(behind);
            let after = last.map(|last| (FieldValue::from(last.created_at), last.id.clone()));
            let equals = Some(("order_id", FieldValue::from(order_id)));
            let find = Find { space: INTENTS, equals, order_by: "created_at", descending: false, after, limit: LISTED };
            let page = self.store.find(find).await?;
            for record in &page {
                bytes += record.value.len();
                intents.push(intent_of(record)?);
            }
            if page.len() < LISTED || bytes > LIST_BYTES {
                return Ok((intents, page.len() == LISTED));
            }
        }
    }

    /// Every intent that is `processing`, with the time at which it ends.
    pub(super) async fn processing(&self) -> Result<Vec<(String, Timestamp)>> {
        let mut found: Vec<(String, Timestamp)> = Vec::new();
        loop {
            let after = found.last().map(|(id, due)| (*due, id.clone()));
            let page = DuePage { space: INTENTS, until: Timestamp::MAX, after, limit: Flow::PAGE };
            let records = self.store.due(page).await?;
            let full = records.len() == Flow::PAGE;
            found.extend(records.into_iter().filter_map(|record| Some((record.key, record.due?))));
            if !full {
                return Ok(found);
            }
        }
    }

    /// Records of intents as they stand, by id.
    pub(super) async fn page(&self, after: Option<&str>) -> Result<Vec<Record>> {
        self.store.page(INTENTS, after, Flow::PAGE).await
    }

    /// Commits; some commits also forget old keys and counters.
    pub(super) async fn commit(&self, puts: Vec<Put>, now: Timestamp) -> Result<()> {
        let turn = self.commits.fetch_add(1, Ordering::Relaxed);
        let mut commit = Commit { part: Part { puts, ..Part::new() }, ..Commit::default() };
        if turn.is_multiple_of(PRUNE_EACH) {
            commit.prunes = [KEYS, ATTEMPTS].map(|space| Prune::Expired { space, until: now, most: PRUNED }).to_vec();
        }
        self.store.commit(commit).await.map(drop)
    }
}

/// Name of an attempt counter: the operation and the order, or without one the key. Orders of different payment methods
/// are counted apart.
pub(super) fn counter(operation: Operation, method: Method, scope: &Scope<'_>) -> String {
    let method = serde_json::to_string(&method).unwrap_or_default();
    let (kind, name) = match scope {
        Scope::Order(id) => ("order", id),
        Scope::Key(key) => ("key", key),
        Scope::Intent(id) => ("intent", id),
    };
    format!("{} {} {kind} {name}", operation.as_str(), method.trim_matches('"'))
}

/// What attempts are counted by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope<'a> {
    Order(&'a str),
    Key(&'a str),
    Intent(&'a str),
}

/// Writes an intent; `due` is when its processing ends.
pub(super) fn put_intent(intent: &Intent, expect: Expect, due: Option<Timestamp>) -> Result<Put> {
    let put = Put::value(INTENTS, intent.id.clone(), expect, serde_json::to_string(intent)?).due(due);
    let put = put.field("created_at", intent.created_at);
    Ok(match &intent.order_id {
        Some(order) => put.field("order_id", order.as_str()),
        None => put,
    })
}

/// Writes what a key holds.
pub(super) fn put_key(name: &str, expect: Expect, entry: &KeyEntry) -> Result<Put> {
    Ok(Put::value(KEYS, name, expect, serde_json::to_string(entry)?).keep_until(entry.expires_at))
}

/// A fresh entry for a key.
pub(super) fn key_entry(fingerprint: &str, reply: Option<Reply>, now: Timestamp) -> KeyEntry {
    KeyEntry { fingerprint: fingerprint.to_owned(), expires_at: now.plus(KEPT), reply }
}

/// Counts one attempt more.
pub(super) fn put_attempts(counter: &str, counted: &At<u32>, now: Timestamp) -> Result<Put> {
    let value = serde_json::to_string(&Attempts { attempts: counted.value.saturating_add(1) })?;
    Ok(Put::value(ATTEMPTS, counter, counted.expect, value).keep_until(now.plus(KEPT)))
}

/// Decodes a record of [`INTENTS`].
pub(super) fn intent_of(record: &Record) -> Result<Intent> {
    let intent: Intent = decode(INTENTS, record)?;
    Ok(Intent { id: record.key.clone(), ..intent })
}

fn decode<T: DeserializeOwned>(space: &'static str, record: &Record) -> Result<T> {
    serde_json::from_str(&record.value)
        .map_err(|error| Error::from(error).with("space", space).with("key", &record.key))
}
