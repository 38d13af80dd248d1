//! What the participants hold, read straight from the disks that survived. What the saga's journal says is not asked.

use super::scenario::{End, Scenario};
use super::wiring::Disks;
use partita::core::memory::MemoryStore;
use partita::core::{Checkpoint, Head, Log, Records, Result};
use partita_testkit::explore::Machine;
use serde_json::Value;
use std::collections::BTreeMap;

const MOST: usize = 1_000;
/// Events that move an amount, and whether it comes or goes.
const MOVES: [(&str, &str); 6] = [
    ("stock.reserved", "quantity"),
    ("stock.released", "quantity"),
    ("stock.committed", "quantity"),
    ("points.held", "points"),
    ("points.released", "points"),
    ("points.awarded", "points"),
];

/// What is on the disks.
#[derive(Debug, Default)]
pub(crate) struct Books {
    orders: Vec<(String, Value)>,
    tasks: usize,
    rows: BTreeMap<String, Value>,
    intents: Vec<Value>,
    accounts: Vec<Value>,
    shipments: usize,
    /// Sums of what events moved, by event and subject.
    moved: BTreeMap<(String, String), u64>,
}

impl Books {
    /// Opens every disk anew and reads it.
    pub(crate) async fn read(disks: &Disks, machine: &Machine) -> Result<Self> {
        let mut books = Self::default();
        for (service, disk) in disks {
            let store = MemoryStore::open(disk, vec![], machine.host());
            for record in store.page("ledger", None, MOST).await? {
                books.rows.insert(record.key, parsed(&record.value));
            }
            match *service {
                "ordering" => books.ordering(&store).await?,
                "psp" => books.intents = values(&store, "intents").await?,
                "loyalty" => books.accounts = values(&store, "accounts").await?,
                "shipping" => books.shipments = values(&store, "shipments").await?.len(),
                _ => {}
            }
            if *service != "ordering" {
                books.events(&store).await?;
            }
        }
        Ok(books)
    }

    async fn ordering(&mut self, store: &MemoryStore) -> Result<()> {
        let orders = store.page("orders", None, MOST).await?;
        self.orders = orders.into_iter().map(|record| (record.key, parsed(&record.value))).collect();
        self.tasks = values(store, "operator_tasks").await?.len();
        Ok(())
    }

    async fn events(&mut self, store: &MemoryStore) -> Result<()> {
        let Head { log, .. } = store.head().await?;
        for event in store.behind(Checkpoint { log, position: 0 }, MOST).await? {
            let event = event.event;
            let Some((_, amount)) = MOVES.iter().find(|(kind, _)| *kind == event.kind) else { continue };
            let data = parsed(event.data.get());
            let body = data.as_object().and_then(|data| data.values().next()).cloned().unwrap_or_default();
            let subject = event.subject.unwrap_or_default();
            *self.moved.entry((event.kind, subject)).or_default() += body[amount].as_u64().unwrap_or(0);
        }
        Ok(())
    }

    fn moved(&self, kind: &str, subject: &str) -> u64 {
        self.moved.get(&(kind.to_owned(), subject.to_owned())).copied().unwrap_or(0)
    }

    /// Everything that does not agree with an order that ended so.
    pub(crate) fn violations(&self, scenario: &Scenario, order: &str, end: End) -> Vec<String> {
        let mut found = Found(vec![]);
        self.order(order, end, &mut found);
        self.stock(scenario, end, &mut found);
        self.points(scenario, end, &mut found);
        self.money(scenario, end, &mut found);
        self.ledgers(order, end, &mut found);
        found.0
    }

    fn order(&self, order: &str, end: End, found: &mut Found) {
        let (status, reason) = match end {
            End::Confirmed => ("CONFIRMED", None),
            End::Rejected(reason) => ("REJECTED", Some(reason)),
            End::Cancelled | End::AsAnswered => ("CANCELLED", Some("cancelled_by_customer")),
            End::NeedsOperator => ("PENDING", None),
        };
        found.same("SG1: orders", self.orders.len(), 1);
        for (id, record) in &self.orders {
            found.same("SG1: the order's id", id.as_str(), order);
            found.same("SG1: its stored status", record["status"].as_str(), Some(status));
            found.same("SG1: its stored reason", record["reason"].as_str(), reason);
        }
        found.same("SG1: tasks for an operator", self.tasks, usize::from(end == End::NeedsOperator));
    }

    fn stock(&self, scenario: &Scenario, end: End, found: &mut Found) {
        for (sku, quantity) in scenario.items {
            let [reserved, released, sold] =
                ["stock.reserved", "stock.released", "stock.committed"].map(|kind| self.moved(kind, sku));
            let bought = if end == End::Confirmed { *quantity } else { 0 };
            found.same(&format!("EC1: {sku} sold"), sold, bought);
            found.same(&format!("EC1: {sku} reserved, and neither sold nor released"), reserved, sold + released);
        }
    }

    fn points(&self, scenario: &Scenario, end: End, found: &mut Found) {
        let [held, released, awarded] =
            ["points.held", "points.released", "points.awarded"].map(|kind| self.moved(kind, "ada"));
        let earned = if end == End::Confirmed { u64::try_from(scenario.total / 100).unwrap_or(0) } else { 0 };
        found.same("EC1: points awarded", awarded, earned);
        found.same("EC1: points held, and neither awarded nor released", held, awarded + released);
        for account in &self.accounts {
            let shown = (account["balance"].as_u64(), account["held"].as_u64());
            found.same("EC1: the customer's account", shown, (Some(earned), Some(0)));
        }
    }

    fn money(&self, scenario: &Scenario, end: End, found: &mut Found) {
        let of = |status: &'static str| self.intents.iter().filter(move |intent| intent["status"] == status);
        let (paid, parked) = (usize::from(end == End::Confirmed), usize::from(end == End::NeedsOperator));
        found.same("EC1: succeeded intents", of("succeeded").count(), paid);
        found.same("EC1: open intents", of("requires_capture").count() + of("processing").count(), parked);
        found.same("EC1: shipments", self.shipments, paid);
        for intent in of("succeeded") {
            found.same("EC1: money received", intent["amount_received"].as_i64(), Some(scenario.total));
        }
    }

    /// Of an order that was bought each step stands once, of any other none does.
    fn ledgers(&self, order: &str, end: End, found: &mut Found) {
        let (is_bought, mut strays) = (end == End::Confirmed, self.rows.len());
        for step in ["reserve-stock", "hold-points", "commit-stock", "award-points", "create-shipment"] {
            let begin = format!("{order}/{step}/");
            let rows = || self.rows.iter().filter(|(key, _)| key.starts_with(&begin)).map(|(_, row)| row);
            strays -= rows().count();
            let stand = rows().filter(|row| row["outcome"] == "done").count();
            found.same(&format!("SG2: how often {step} stands"), stand, usize::from(is_bought));
        }
        found.same("SG2: rows of no step of the order", strays, 0);
    }

    /// Actions of which the participant heard the undo first.
    pub(crate) fn count(&self, machine: &Machine) {
        let tombstones = self.rows.values().filter(|row| row["outcome"] == "undone" && row["reply"].is_null());
        tombstones.for_each(|_| machine.count("tombstone_first"));
    }
}

/// What does not hold.
struct Found(Vec<String>);

impl Found {
    fn same<T: PartialEq + Copy + std::fmt::Debug>(&mut self, what: &str, is: T, must: T) {
        if is != must {
            self.0.push(format!("{what}: {is:?} instead of {must:?}"));
        }
    }
}

async fn values(store: &MemoryStore, space: &'static str) -> Result<Vec<Value>> {
    Ok(store.page(space, None, MOST).await?.iter().map(|record| parsed(&record.value)).collect())
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
