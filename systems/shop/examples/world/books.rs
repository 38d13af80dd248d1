//! What the participants hold, read straight from the disks that survived. What the saga's journal says is not asked.

use super::wiring::Disks;
use super::{End, Wish};
use partita::core::memory::MemoryStore;
use partita::core::{Checkpoint, Head, Log, Records, Result};
use partita_testkit::explore::Machine;
use serde_json::Value;
use std::collections::BTreeMap;

const MOST: usize = 1_000_000;
/// Events that move an amount, and whether it comes or goes.
const MOVES: [(&str, &str); 6] = [
    ("stock.reserved", "quantity"),
    ("stock.released", "quantity"),
    ("stock.committed", "quantity"),
    ("points.held", "points"),
    ("points.released", "points"),
    ("points.awarded", "points"),
];

/// An order, and how it ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended<'a> {
    pub(crate) wish: &'a Wish,
    pub(crate) order: &'a str,
    pub(crate) end: End,
}

/// What is on the disks.
#[derive(Debug, Default)]
pub(crate) struct Books {
    orders: Vec<(String, Value)>,
    tasks: usize,
    rows: BTreeMap<String, Value>,
    intents: Vec<Value>,
    accounts: Vec<(String, Value)>,
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
                "loyalty" => books.accounts = named(&store, "accounts").await?,
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
        self.orders = named(store, "orders").await?;
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

    /// Everything that does not agree with how the orders ended.
    pub(crate) fn violations(&self, ended: &[Ended<'_>]) -> Vec<String> {
        let mut found = Found(vec![]);
        found.same("SG1: orders", self.orders.len(), ended.len());
        let parked = ended.iter().filter(|order| order.end == End::NeedsOperator).count();
        found.same("SG1: tasks for an operator", self.tasks, parked);
        for order in ended {
            self.order(*order, &mut found);
            self.money(*order, &mut found);
        }
        self.stock(ended, &mut found);
        self.points(ended, &mut found);
        let bought = ended.iter().filter(|order| order.end == End::Confirmed).count();
        found.same("EC1: shipments", self.shipments, bought);
        found.same("EC1: intents of no order", self.intents.len(), self.intents_of(ended));
        self.ledgers(ended, &mut found);
        found.0
    }

    fn order(&self, Ended { order, end, .. }: Ended<'_>, found: &mut Found) {
        let (status, reason) = end.stored();
        let stored = self.orders.iter().find(|(id, _)| id == order).map(|(_, stored)| stored);
        found.same(&format!("SG1: {order} is stored"), stored.is_some(), true);
        if let Some(stored) = stored {
            found.same(&format!("SG1: stored status of {order}"), stored["status"].as_str(), Some(status));
            found.same(&format!("SG1: stored reason of {order}"), stored["reason"].as_str(), reason);
        }
    }

    fn stock(&self, ended: &[Ended<'_>], found: &mut Found) {
        let mut bought: BTreeMap<&str, u64> = BTreeMap::new();
        for Ended { wish, end, .. } in ended {
            for (sku, quantity) in &wish.items {
                *bought.entry(sku).or_default() += if *end == End::Confirmed { *quantity } else { 0 };
            }
        }
        for (sku, bought) in bought {
            let [reserved, released, sold] =
                ["stock.reserved", "stock.released", "stock.committed"].map(|kind| self.moved(kind, sku));
            found.same(&format!("EC1: {sku} sold"), sold, bought);
            found.same(&format!("EC1: {sku} reserved, and neither sold nor released"), reserved, sold + released);
        }
    }

    fn points(&self, ended: &[Ended<'_>], found: &mut Found) {
        let mut earned: BTreeMap<&str, u64> = BTreeMap::new();
        for Ended { wish, end, .. } in ended {
            let points = if *end == End::Confirmed { u64::try_from(wish.total / 100).unwrap_or(0) } else { 0 };
            *earned.entry(wish.customer).or_default() += points;
        }
        for (customer, earned) in &earned {
            let [held, released, awarded] =
                ["points.held", "points.released", "points.awarded"].map(|kind| self.moved(kind, customer));
            found.same(&format!("EC1: points awarded to {customer}"), awarded, *earned);
            found.same(
                &format!("EC1: points of {customer} held, and neither awarded nor released"),
                held,
                awarded + released,
            );
        }
        for (customer, account) in &self.accounts {
            let shown = (account["balance"].as_u64(), account["held"].as_u64());
            let earned = earned.get(customer.as_str()).copied();
            found.same(&format!("EC1: the account of {customer}"), shown, (earned, Some(0)));
        }
    }

    fn intents_of(&self, ended: &[Ended<'_>]) -> usize {
        let is_known = |intent: &&Value| ended.iter().any(|order| intent["order_id"] == order.order);
        self.intents.iter().filter(is_known).count()
    }

    fn money(&self, Ended { wish, order, end }: Ended<'_>, found: &mut Found) {
        let intents = || self.intents.iter().filter(|intent| intent["order_id"] == order);
        let of = |status: &'static str| intents().filter(move |intent| intent["status"] == status);
        let (paid, parked) = (usize::from(end == End::Confirmed), usize::from(end == End::NeedsOperator));
        found.same(&format!("EC1: succeeded intents of {order}"), of("succeeded").count(), paid);
        let open = of("requires_capture").count() + of("processing").count();
        found.same(&format!("EC1: open intents of {order}"), open, parked);
        for intent in of("succeeded") {
            found.same("EC1: money received", intent["amount_received"].as_i64(), Some(wish.total));
        }
    }

    /// Of an order that was bought each step stands once, of any other none does.
    fn ledgers(&self, ended: &[Ended<'_>], found: &mut Found) {
        let mut known = 0;
        for Ended { order, end, .. } in ended {
            for step in ["reserve-stock", "hold-points", "commit-stock", "award-points", "create-shipment"] {
                let begin = format!("{order}/{step}/");
                let rows = || self.rows.range(begin.clone()..).take_while(|(key, _)| key.starts_with(&begin));
                known += rows().count();
                let stand = rows().filter(|(_, row)| row["outcome"] == "done").count();
                let must = usize::from(*end == End::Confirmed);
                found.same(&format!("SG2: how often {step} of {order} stands"), stand, must);
            }
        }
        found.same("SG2: rows of no step of an order", self.rows.len() - known, 0);
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

async fn named(store: &MemoryStore, space: &'static str) -> Result<Vec<(String, Value)>> {
    let records = store.page(space, None, MOST).await?;
    Ok(records.into_iter().map(|record| (record.key, parsed(&record.value))).collect())
}

async fn values(store: &MemoryStore, space: &'static str) -> Result<Vec<Value>> {
    Ok(store.page(space, None, MOST).await?.iter().map(|record| parsed(&record.value)).collect())
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
