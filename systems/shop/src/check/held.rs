//! What the files hold that refers to one another.

use super::files::Open;
use crate::ordering::ORDERS;
use crate::psp::INTENTS;
use partita::core::{Error, ErrorKind, Result};
use partita::http::{Intake, Ledger};
use partita::saga::Engine;
use partita::sqlite::OfflineFile;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};

/// The participants that keep a ledger.
pub(super) const LEDGERS: [&str; 3] = ["inventory", "loyalty", "shipping"];

/// Everything that is compared.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    /// Status of each order.
    pub(super) orders: BTreeMap<String, String>,
    /// Class of each saga.
    pub(super) sagas: BTreeMap<String, String>,
    /// The order that each idempotency key stands for.
    pub(super) keys: BTreeMap<String, Option<String>>,
    /// Counters of orders by status, and of sagas by class.
    pub(super) counted: [BTreeMap<String, i64>; 2],
    /// For each ledger, by order: the actions that stand, and those that were undone.
    pub(super) ledgers: [BTreeMap<String, BTreeSet<(String, bool)>>; 3],
    /// Status of the provider's intents, by order.
    pub(super) intents: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Order {
    status: String,
}

#[derive(Deserialize)]
struct Saga {
    class: String,
}

#[derive(Deserialize)]
struct Kept {
    reply: Reply,
}

#[derive(Deserialize)]
struct Reply {
    headers: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Row {
    outcome: String,
    action: String,
    subject: String,
}

#[derive(Deserialize)]
struct Intent {
    order_id: Option<String>,
    status: String,
}

impl Held {
    /// Reads it all.
    ///
    /// # Errors
    /// `Corrupt` names a record that is not what its space holds; those of reading.
    pub(super) fn read(open: &Open) -> Result<Self> {
        let file = |service: &str| {
            let found = open.iter().find(|(name, _)| *name == service).and_then(|(_, file)| file.as_ref());
            found.ok_or_else(|| Error::new(ErrorKind::NotFound, "a file could not be opened").with("service", service))
        };
        let mut held = Self::default();
        let ordering = file("ordering")?;
        each(ordering, ORDERS, |key, order: Order| drop(held.orders.insert(key, order.status)))?;
        each(ordering, Engine::SAGAS, |key, saga: Saga| drop(held.sagas.insert(key, saga.class)))?;
        each(ordering, Intake::space().name, |key, kept: Kept| drop(held.keys.insert(key, location(&kept.reply))))?;
        held.counted = [ordering.counters(ORDERS)?, ordering.counters(Engine::SAGAS)?];
        for (ledger, service) in held.ledgers.iter_mut().zip(LEDGERS) {
            each(file(service)?, Ledger::space().name, |_, row: Row| {
                ledger.entry(row.subject).or_default().insert((row.action, row.outcome == "done"));
            })?;
        }
        each(file("psp")?, INTENTS, |_, intent: Intent| {
            if let Some(order) = intent.order_id {
                held.intents.entry(order).or_default().push(intent.status);
            }
        })?;
        Ok(held)
    }
}

fn location(reply: &Reply) -> Option<String> {
    let (_, location) = reply.headers.iter().find(|(name, _)| name == "location")?;
    location.strip_prefix("/orders/").map(ToOwned::to_owned)
}

/// Reads the records of a space, each decoded.
fn each<T: DeserializeOwned>(file: &OfflineFile, space: &'static str, mut take: impl FnMut(String, T)) -> Result<()> {
    let mut unread = None;
    file.records(space, &mut |key, value| match serde_json::from_str(value) {
        Ok(record) => take(key.to_owned(), record),
        Err(error) => unread = unread.take().or(Some(Error::from(error).with("space", space).with("key", key))),
    })?;
    unread.map_or(Ok(()), Err)
}
