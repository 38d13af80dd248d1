//! Cancelling: a letter in the saga's mailbox, which its owner answers.

use super::{Engine, Inner, LETTERS, SAGAS, lock, scheduler};
use crate::engine::row::Row;
use crate::view::Class;
use partita_core::{Commit, Error, ErrorKind, Expect, Part, Put, Record, Result, new_id};
use std::sync::Arc;
use tokio::sync::oneshot;

/// The owner's answer to a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// It will be undone because of this cancel, or was.
    Accepted,
    /// Its pivot had begun, it unwinds for another reason, it is parked, or it has ended otherwise.
    Refused,
    /// There is no such saga.
    Unknown,
}

impl Engine {
    /// Asks a saga to turn back, and waits for its owner's decision; not for a running attempt.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn cancel(&self, id: &str) -> Result<Cancel> {
        let inner = &self.0;
        let Some(record) = inner.store.get(SAGAS, id).await? else { return Ok(Cancel::Unknown) };
        let row = Row::read(&record)?;
        if let Some(answer) = answer_of(&row) {
            return Ok(answer);
        }
        let letter = letter_key(row.value.number, &new_id(inner.host.clock.now(), &inner.host.entropy).to_string());
        let (ask, asked) = oneshot::channel();
        lock(&inner.askers).insert(letter.clone(), ask);
        let put = Put::value(LETTERS, letter.as_str(), Expect::Absent, serde_json::to_string(id)?);
        if let Err(error) = inner.store.commit(Commit::of(Part::new().put(put))).await {
            lock(&inner.askers).remove(&letter);
            return Err(error);
        }
        ring(inner, id);
        tokio::select! {
            biased;
            answer = asked => match answer {
                Ok(true) => Ok(Cancel::Accepted),
                Ok(false) => Ok(Cancel::Refused),
                Err(_) => Err(undecided()),
            },
            () = inner.stopped() => Err(undecided()),
        }
    }
}

fn undecided() -> Error {
    Error::new(ErrorKind::Closed, "the engine stops; the saga's next owner decides")
}

/// What needs no letter: a saga that has come to rest.
fn answer_of(row: &Row) -> Option<Cancel> {
    match row.class() {
        Class::Compensated | Class::Parked if row.value.cancelled => Some(Cancel::Accepted),
        Class::Completed | Class::Compensated | Class::Parked => Some(Cancel::Refused),
        Class::Running | Class::Waiting | Class::Unwinding => None,
    }
}

/// Wakes the saga's runner, or brings one up for the letter alone.
fn ring(inner: &Arc<Inner>, id: &str) {
    // Under the lock: a runner that leaves looks at its bell once more, under the same lock.
    let rung = lock(&inner.active).get(id).map(|bell| bell.notify_one()).is_some();
    if !rung {
        scheduler::fetch(inner, id, None);
    }
}

pub(super) fn letter_key(number: u64, letter: &str) -> String {
    format!("{number:016x}/{letter}")
}

/// Nobody will answer what was asked of this saga here.
pub(super) fn drop_askers(inner: &Inner, number: u64) {
    let prefix = letter_key(number, "");
    lock(&inner.askers).retain(|letter, _| !letter.starts_with(&prefix));
}

/// The saga's letters, oldest first.
pub(super) async fn letters(inner: &Inner, number: u64) -> Result<Vec<Record>> {
    let prefix = letter_key(number, "");
    let mut letters = inner.store.page(LETTERS, Some(&prefix), 64).await?;
    letters.retain(|letter| letter.key.starts_with(&prefix));
    Ok(letters)
}
