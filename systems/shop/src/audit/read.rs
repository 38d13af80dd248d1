//! Reads the participants page by page.

use super::intent::{Intent, IntentStatus};
use super::judge::Evidence;
use super::model::{AccountFact, LedgerRow, Service, StockFact};
use super::shipment::Shipment;
use partita::core::{Error, ErrorKind, Result};
use partita::http::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::time::Duration;

/// A participant that has not answered for so long fails the audit.
const PATIENCE: Duration = Duration::from_secs(10);

async fn fetch<T: DeserializeOwned>(client: &Client, path: &str) -> Result<T> {
    let reply = client.get(path).timeout(PATIENCE).send().await?;
    if reply.status != http::StatusCode::OK {
        let status = reply.status.as_u16();
        return Err(Error::new(ErrorKind::Unavailable, "a service could not show its records")
            .with("path", path)
            .with("status", status));
    }
    Ok(serde_json::from_slice(&reply.body)?)
}

/// The key to go on behind.
fn after(key: &str) -> String {
    query("after", key)
}

/// A part of a query: everything but unreserved characters in percent code (RFC 3986).
fn query(name: &str, key: &str) -> String {
    let mut text = format!("{name}=");
    for byte in key.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// What a service shows by key.
pub(super) trait Keyed: DeserializeOwned {
    /// Its key.
    fn key(&self) -> &str;
}

impl Keyed for LedgerRow {
    fn key(&self) -> &str {
        &self.key
    }
}

impl Keyed for Shipment {
    fn key(&self) -> &str {
        &self.key
    }
}

#[derive(Deserialize)]
struct RowPage<R> {
    rows: Vec<R>,
}

/// Rows of a service, read once from the first key to the last.
#[derive(Debug)]
struct Rows<'a, R> {
    client: &'a Client,
    path: &'static str,
    rows: VecDeque<R>,
    after: Option<String>,
    ended: bool,
}

impl<'a, R: Keyed> Rows<'a, R> {
    const fn new(client: &'a Client, path: &'static str) -> Self {
        Self { client, path, rows: VecDeque::new(), after: None, ended: false }
    }

    /// Takes all rows before a key; all that are left when there is none.
    async fn take(&mut self, before: Option<&str>, mut into: impl FnMut(R)) -> Result<()> {
        loop {
            while let Some(row) = self.rows.pop_front_if(|row| before.is_none_or(|before| row.key() < before)) {
                into(row);
            }
            if self.ended || !self.rows.is_empty() {
                return Ok(());
            }
            self.fetch().await?;
        }
    }

    async fn fetch(&mut self) -> Result<()> {
        let query = self.after.as_deref().map(after).unwrap_or_default();
        let page: RowPage<R> = fetch(self.client, &format!("{}?{query}", self.path)).await?;
        match page.rows.last() {
            Some(row) => self.after = Some(row.key().to_owned()),
            None => self.ended = true,
        }
        self.rows.extend(page.rows);
        Ok(())
    }
}

/// A ledger.
#[derive(Debug)]
pub(super) struct Ledger<'a> {
    service: Service,
    rows: Rows<'a, LedgerRow>,
}

impl<'a> Ledger<'a> {
    /// From the beginning.
    pub(super) const fn new(service: Service, client: &'a Client) -> Self {
        Self { service, rows: Rows::new(client, "/audit/ledger") }
    }

    /// Takes all rows before a key; all that are left when there is none.
    pub(super) async fn take(&mut self, before: Option<&str>, into: &mut Vec<(Service, LedgerRow)>) -> Result<()> {
        let service = self.service;
        self.rows.take(before, |row| into.push((service, row))).await
    }

    /// The rows whose keys name one order, read anew.
    pub(super) async fn of_order(&self, order_id: &str, into: &mut Vec<(Service, LedgerRow)>) -> Result<()> {
        let query = after(&format!("{order_id}/"));
        let page: RowPage<LedgerRow> = fetch(self.rows.client, &format!("/audit/ledger?{query}&limit=16")).await?;
        let own = page.rows.into_iter().filter(|row| row.order_part() == order_id);
        into.extend(own.map(|row| (self.service, row)));
        Ok(())
    }
}

/// The shipments.
#[derive(Debug)]
pub(super) struct Shipments<'a>(Rows<'a, Shipment>);

impl<'a> Shipments<'a> {
    /// From the beginning.
    pub(super) const fn new(client: &'a Client) -> Self {
        Self(Rows::new(client, "/audit/shipments"))
    }

    /// Takes all before a key; all that are left when there is none.
    pub(super) async fn take(&mut self, before: Option<&str>) -> Result<Vec<Shipment>> {
        let mut taken = vec![];
        self.0.take(before, |row| taken.push(row)).await?;
        Ok(taken)
    }

    /// That of one order, read anew.
    pub(super) async fn of_order(&self, order_id: &str) -> Result<Vec<Shipment>> {
        let page: RowPage<Shipment> =
            fetch(self.0.client, &format!("/audit/shipments?{}", query("of", order_id))).await?;
        Ok(page.rows)
    }
}

#[derive(Deserialize)]
struct IntentPage {
    intents: Vec<Intent>,
}

/// Intents by order.
#[derive(Debug)]
pub(super) struct Intents {
    by_order: Vec<Intent>,
    /// Ids of those that cannot be read, and do not even tell their order.
    pub(super) unknown: Vec<Box<str>>,
}

impl Intents {
    /// Reads all, and keeps those of wanted orders.
    pub(super) async fn read(client: &Client, wanted: impl Fn(&str) -> bool) -> Result<Self> {
        let (mut by_order, mut unknown): (Vec<Intent>, Vec<Box<str>>) = (vec![], vec![]);
        let mut query = String::new();
        loop {
            let page: IntentPage = fetch(client, &format!("/audit/intents?{query}")).await?;
            let Some(last) = page.intents.last() else { break };
            query = after(&last.id);
            for intent in page.intents {
                match intent.order_id.as_deref() {
                    Some(order) if wanted(order) => by_order.push(intent),
                    None if intent.status == IntentStatus::Unknown => unknown.push(intent.id),
                    _ => {}
                }
            }
        }
        by_order.sort_unstable_by(|a, b| a.order_id.cmp(&b.order_id));
        Ok(Self { by_order, unknown })
    }

    /// Those of one order.
    pub(super) fn of(&self, order_id: &str) -> &[Intent] {
        let key = |intent: &Intent| intent.order_id.as_deref().unwrap_or_default().cmp(order_id);
        let from = self.by_order.partition_point(|intent| key(intent).is_lt());
        let until = self.by_order.partition_point(|intent| key(intent).is_le());
        &self.by_order[from..until]
    }
}

/// What the participants hold of one order, but for its money.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) rows: Vec<(Service, LedgerRow)>,
    pub(super) shipments: Vec<Shipment>,
}

impl Held {
    /// With its money, what is known of the order.
    pub(super) fn beside<'a>(&'a self, order_id: &str, intents: &'a Intents) -> Evidence<'a> {
        Evidence { rows: &self.rows, shipments: &self.shipments, intents: intents.of(order_id) }
    }
}

/// All of the stock.
pub(super) async fn stock(inventory: &Client) -> Result<Vec<StockFact>> {
    fetch(inventory, "/audit/stock").await
}

#[derive(Deserialize)]
struct AccountPage {
    accounts: Vec<AccountFact>,
}

/// All accounts.
pub(super) async fn accounts(loyalty: &Client) -> Result<Vec<AccountFact>> {
    let mut all: Vec<AccountFact> = vec![];
    loop {
        let query = all.last().map(|last| after(&last.customer_id)).unwrap_or_default();
        let page: AccountPage = fetch(loyalty, &format!("/audit/accounts?{query}")).await?;
        if page.accounts.is_empty() {
            return Ok(all);
        }
        all.extend(page.accounts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_with_spaces_and_slashes_travel_in_a_query() {
        assert_eq!(after("o-1/reserve stock/0"), "after=o-1%2Freserve%20stock%2F0");
    }
}
