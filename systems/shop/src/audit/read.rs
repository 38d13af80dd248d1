//! Reads the participants page by page.

use super::judge::Evidence;
use super::model::{AccountFact, Intent, LedgerRow, Service, StockFact};
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

/// `after=` as a part of a query: everything but unreserved characters in percent code (RFC 3986).
fn after(key: &str) -> String {
    let mut text = String::from("after=");
    for byte in key.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[derive(Deserialize)]
struct LedgerPage {
    rows: Vec<LedgerRow>,
}

/// A ledger, read once from its first key to its last.
#[derive(Debug)]
pub(super) struct Ledger<'a> {
    service: Service,
    client: &'a Client,
    rows: VecDeque<LedgerRow>,
    after: Option<String>,
    ended: bool,
}

impl<'a> Ledger<'a> {
    /// From the beginning.
    pub(super) fn new(service: Service, client: &'a Client) -> Self {
        Self { service, client, rows: VecDeque::new(), after: None, ended: false }
    }

    /// Takes all rows before a key; all that are left when there is none.
    pub(super) async fn take(&mut self, before: Option<&str>, into: &mut Vec<(Service, LedgerRow)>) -> Result<()> {
        loop {
            while let Some(row) = self.rows.pop_front_if(|row| before.is_none_or(|before| row.key.as_str() < before)) {
                into.push((self.service, row));
            }
            if self.ended || !self.rows.is_empty() {
                return Ok(());
            }
            self.fetch().await?;
        }
    }

    async fn fetch(&mut self) -> Result<()> {
        let query = self.after.as_deref().map(after).unwrap_or_default();
        let page: LedgerPage = fetch(self.client, &format!("/audit/ledger?{query}")).await?;
        match page.rows.last() {
            Some(row) => self.after = Some(row.key.clone()),
            None => self.ended = true,
        }
        self.rows.extend(page.rows);
        Ok(())
    }

    /// The rows whose keys name one order, read anew.
    pub(super) async fn of_order(&self, order_id: &str, into: &mut Vec<(Service, LedgerRow)>) -> Result<()> {
        let query = after(&format!("{order_id}/"));
        let page: LedgerPage = fetch(self.client, &format!("/audit/ledger?{query}&limit=16")).await?;
        let own = page.rows.into_iter().filter(|row| row.order_part() == order_id);
        into.extend(own.map(|row| (self.service, row)));
        Ok(())
    }
}

#[derive(Deserialize)]
struct IntentPage {
    intents: Vec<Intent>,
}

/// Intents by order.
#[derive(Debug)]
pub(super) struct Intents(Vec<Intent>);

impl Intents {
    /// Reads all, and keeps those of wanted orders.
    pub(super) async fn read(client: &Client, wanted: impl Fn(&str) -> bool) -> Result<Self> {
        let mut kept: Vec<Intent> = vec![];
        let mut query = String::new();
        loop {
            let page: IntentPage = fetch(client, &format!("/audit/intents?{query}")).await?;
            let Some(last) = page.intents.last() else { break };
            query = after(&last.id);
            kept.extend(page.intents.into_iter().filter(|intent| intent.order_id.as_deref().is_some_and(&wanted)));
        }
        kept.sort_unstable_by(|a, b| a.order_id.cmp(&b.order_id));
        Ok(Self(kept))
    }

    /// Those of one order.
    pub(super) fn of(&self, order_id: &str) -> &[Intent] {
        let key = |intent: &Intent| intent.order_id.as_deref().unwrap_or_default().cmp(order_id);
        let from = self.0.partition_point(|intent| key(intent).is_lt());
        let until = self.0.partition_point(|intent| key(intent).is_le());
        &self.0[from..until]
    }

    /// What is known of one order, with its rows.
    pub(super) fn beside<'a>(&'a self, order_id: &str, rows: &'a [(Service, LedgerRow)]) -> Evidence<'a> {
        Evidence { rows, intents: self.of(order_id) }
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
