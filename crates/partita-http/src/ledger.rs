//! The ledger of a saga's participant: what was done and undone under which key, in the commit of the effect itself.

mod lately;
mod refusal;
#[cfg(feature = "sabotage")]
mod sabotage;

use crate::JsonText;
use lately::Lately;
use partita_core::{Error, ErrorKind, Expect, Found, Put, Receipt, Record, Result, Space, Store};
use partita_time::{Clock, Timestamp};
pub use refusal::Refused;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::future::Future;
use std::sync::Arc;

const SPACE: &str = "ledger";
/// How often an undo reads its row anew because something else changed it meanwhile.
const UNDO_TRIES: usize = 16;

/// Remembers a participant's actions by their keys: same key, same answer, and never again after its undo.
///
/// Each effect commits the row that stands for it. An undo always commits a row too, also when there is nothing to undo: on
/// that tombstone an action that arrives late runs aground. So an undo may be the first thing that a participant hears.
#[derive(Clone, Debug)]
pub struct Ledger {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    lately: Arc<Lately>,
    #[cfg(feature = "sabotage")]
    defect: sabotage::Defect,
}

/// An action to be done once.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Names the action: the same for all its attempts and for its undo.
    pub key: &'a str,
    /// What is done: `reserve`.
    pub action: &'a str,
    /// What it is done for: the id of an order.
    pub subject: &'a str,
    /// The request; its fingerprint is kept.
    pub request: &'a Value,
    /// The answer, given again to each repetition.
    pub reply: JsonText,
    /// The effect, for undoing and for audits.
    pub detail: JsonText,
    /// Whether an action that builds on it is likely to come soon: then its row stays in memory for a while.
    pub built_on: bool,
}

/// How an action ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acted<R> {
    /// It was done now. The answer.
    Done(JsonText),
    /// It had been done. The first answer.
    Replayed(JsonText),
    /// It was undone, before or after it was done; it will not be done any more.
    Undone,
    /// The key belongs to another request.
    KeyReused,
    /// The business refuses. [`Ledger::act`] records nothing, so the key stays unused; [`Ledger::act_or_refuse`] remembers it.
    Refused(R),
}

/// How an undo ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undid {
    /// What had been done was undone now.
    Undone,
    /// Nothing had been done; now it cannot be any more.
    Nothing,
    /// It had been undone.
    Already,
}

/// Whether an action stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was undone, or undone before it could be done.
    Undone,
}

/// A row of the ledger: the JSON value of the record under the action's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Whether the action stands.
    pub outcome: Outcome,
    /// What was done.
    pub action: String,
    /// What it was done for.
    pub subject: String,
    /// SHA-256 of the request; empty on the tombstone of an action that was never done.
    pub fingerprint: String,
    /// The answer; null on such a tombstone.
    pub reply: JsonText,
    /// The effect, also after it was undone; null on such a tombstone.
    pub detail: JsonText,
    /// Since when the outcome is what it is.
    pub at: Timestamp,
    /// On the tombstone of an action that was refused: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
}

impl Ledger {
    /// A ledger in a store that was opened with [`Ledger::space`].
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            lately: Arc::default(),
            #[cfg(feature = "sabotage")]
            defect: sabotage::Defect::None,
        }
    }

    /// The space to declare when the store is opened.
    pub fn space() -> Space {
        Space::named(SPACE)
    }

    /// Does an action once. `effect` must commit the put that it is given together with what it does, and hand back a
    /// conflict on that put unchanged.
    ///
    /// # Errors
    /// Those of `effect` and of the store. A conflict is an error only when the key is unused.
    pub async fn act<R, F, Fut>(&self, entry: Entry<'_>, effect: F) -> Result<Acted<R>>
    where
        F: FnOnce(Put) -> Fut,
        Fut: Future<Output = Result<Result<Receipt, R>>>,
    {
        #[cfg(feature = "sabotage")]
        if let sabotage::Defect::Race(at_work) = &self.defect {
            return self.act_after_a_look(at_work, entry, effect).await;
        }
        let (key, since) = (entry.key, entry.built_on.then(|| self.lately.now()));
        let row = self.done(entry);
        let put = put(key, Expect::Absent, &row)?;
        let (found, otherwise) = match effect(put).await {
            Ok(Ok(_)) => {
                let reply = row.reply.clone();
                if let Some(since) = since {
                    self.lately.keep(since, key, row);
                }
                return Ok(Acted::Done(reply));
            }
            // What an earlier attempt took may be why the business refuses now: the first answer comes first.
            Ok(Err(refusal)) => (self.row(key).await?, Ok(Acted::Refused(refusal))),
            Err(error) if error.kind() == ErrorKind::Conflict => (self.row_behind(&error, key).await?, Err(error)),
            Err(error) => return Err(error),
        };
        found.map_or(otherwise, |found| Ok(repetition(found, &row)))
    }

    /// The row of an action that was done now.
    fn done(&self, entry: Entry<'_>) -> Row {
        Row {
            outcome: Outcome::Done,
            action: entry.action.to_owned(),
            subject: entry.subject.to_owned(),
            fingerprint: fingerprint(entry.request),
            reply: entry.reply,
            detail: entry.detail,
            at: self.clock.now(),
            refused: None,
        }
    }

    /// Undoes an action, or makes sure that it will not be done. `effect` gets what was done, `None` when nothing was, and
    /// the put to commit together with its undoing; where nothing was done it commits the put alone.
    ///
    /// # Errors
    /// Those of `effect` and of the store; a conflict when the row changed more often than it was tried.
    pub async fn undo<F, Fut>(&self, key: &str, action: &str, subject: &str, mut effect: F) -> Result<Undid>
    where
        F: FnMut(Option<Row>, Put) -> Fut,
        Fut: Future<Output = Result<Receipt>>,
    {
        let _undoing = self.lately.undoing(key);
        let mut met = None;
        for _ in 0..UNDO_TRIES {
            let record = self.store.get(SPACE, key).await?;
            let revision = record.as_ref().map(|record| record.revision);
            if let Some((seen, conflict)) = met.take()
                && seen == revision
            {
                return Err(conflict);
            }
            let (put, done) = match record.map(|record| read(&record)).transpose()? {
                Some(row) if row.outcome == Outcome::Undone => return Ok(Undid::Already),
                #[cfg(feature = "sabotage")]
                None if matches!(self.defect, sabotage::Defect::NoTombstone) => return Ok(Undid::Nothing),
                None => (put(key, Expect::Absent, &self.tombstone(action, subject))?, None),
                Some(row) => {
                    let undone = Row { outcome: Outcome::Undone, at: self.clock.now(), ..row.clone() };
                    (put(key, revision.map_or(Expect::Absent, Expect::Exactly), &undone)?, Some(row))
                }
            };
            let ended = if done.is_some() { Undid::Undone } else { Undid::Nothing };
            match effect(done, put).await {
                Ok(_) => return Ok(ended),
                Err(error) if error.kind() == ErrorKind::Conflict => met = Some((revision, error)),
                Err(error) => return Err(error),
            }
        }
        Err(met.map_or_else(
            || Error::new(ErrorKind::Conflict, "the ledger's row keeps changing"),
            |(_, conflict)| conflict,
        ))
    }

    /// The row of a key.
    ///
    /// # Errors
    /// Those of the store; `Corrupt` when the row cannot be read.
    pub async fn row(&self, key: &str) -> Result<Option<Row>> {
        if let Some(row) = self.lately.row(key) {
            return Ok(Some(row));
        }
        let record = self.store.get(SPACE, key).await?;
        record.map(|record| read(&record)).transpose()
    }

    /// The row that a conflict handed back; else the stored one, for another item of the same commit may have conflicted
    /// first.
    async fn row_behind(&self, error: &Error, key: &str) -> Result<Option<Row>> {
        if let Some(Found::Record(Some(record))) = error.conflict().map(|conflict| &conflict.found)
            && record.key == key
            && let Ok(row) = read(record)
        {
            return Ok(Some(row));
        }
        self.row(key).await
    }

    fn tombstone(&self, action: &str, subject: &str) -> Row {
        Row {
            outcome: Outcome::Undone,
            action: action.to_owned(),
            subject: subject.to_owned(),
            fingerprint: String::new(),
            reply: JsonText::default(),
            detail: JsonText::default(),
            at: self.clock.now(),
            refused: None,
        }
    }
}

/// What a repeated action means, given the row of its key.
fn repetition<R>(found: Row, asked: &Row) -> Acted<R> {
    if found.outcome == Outcome::Undone {
        return Acted::Undone;
    }
    let same = |row: &Row| (row.action.clone(), row.subject.clone(), row.fingerprint.clone());
    if same(&found) == same(asked) { Acted::Replayed(found.reply) } else { Acted::KeyReused }
}

fn put(key: &str, expect: Expect, row: &Row) -> Result<Put> {
    let value = serde_json::to_string(row)?;
    Ok(Put::value(SPACE, key, expect, value))
}

fn read(record: &Record) -> Result<Row> {
    serde_json::from_str(&record.value).map_err(|error| Error::from(error).with("ledger row", &record.key))
}

/// SHA-256 of a request, whatever the order of its members.
fn fingerprint(request: &Value) -> String {
    let mut text = Vec::with_capacity(256);
    canonical(request, &mut text);
    crate::json::hex_sha256(Sha256::digest(text))
}

/// Writes a value with the members of each object sorted.
fn canonical(value: &Value, text: &mut Vec<u8>) {
    match value {
        Value::Array(items) => {
            text.push(b'[');
            for (place, item) in items.iter().enumerate() {
                separate(place, text);
                canonical(item, text);
            }
            text.push(b']');
        }
        Value::Object(members) => {
            text.push(b'{');
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            for (place, (name, member)) in sorted.into_iter().enumerate() {
                separate(place, text);
                plain(name, text);
                text.push(b':');
                canonical(member, text);
            }
            text.push(b'}');
        }
        scalar => plain(scalar, text),
    }
}

fn separate(place: usize, text: &mut Vec<u8>) {
    if place > 0 {
        text.push(b',');
    }
}

/// Writes what cannot fail: a name, a text, a number, `null`.
fn plain(value: &(impl Serialize + ?Sized), text: &mut Vec<u8>) {
    let _ = serde_json::to_writer(text, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_request_is_written_as_json_with_its_members_sorted() {
        let request = json!({"b": [1, {"z": null, "a": "q\"uo\te\n"}, [], {}], "a": {"y": 1.5, "x": true}});
        let mut text = vec![];
        canonical(&request, &mut text);
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text, r#"{"a":{"x":true,"y":1.5},"b":[1,{"a":"q\"uo\te\n","z":null},[],{}]}"#);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), request);
    }
}
