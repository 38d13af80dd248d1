//! Sums the ledgers up, and compares the sums with stock and accounts (EC1).
//!
//! The ledgers of ended orders stand still, so their part of every sum is exact. Orders in progress may be seen by the
//! stock and not yet by the ledger, or the other way round; what they ask for is the room that a sum is given. So is what
//! orders ask for that wait for an operator behind their pivot. With none of them there is no room.

use super::finding::{Finding, Invariant};
use super::model::{AccountFact, Action, LedgerRow, OrderFact, OrderStatus, Service, StockFact};
use std::collections::BTreeMap;

/// Sums by sku and by customer.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    skus: BTreeMap<String, Sum>,
    customers: BTreeMap<String, Sum>,
}

#[derive(Clone, Debug, Default)]
struct Sum {
    /// Committed or awarded.
    final_: i64,
    /// Reserved or held, and neither undone nor final.
    open: i64,
    /// What orders in progress ask for.
    moving: i64,
    /// An order whose rows were found wanting.
    suspect: Option<String>,
    /// Whether points were ever held.
    held: bool,
    /// An undone order without a row of a hold.
    unheld: Option<String>,
}

impl Sum {
    fn add(&mut self, amount: i64, is_final: bool) {
        let side = if is_final { &mut self.final_ } else { &mut self.open };
        *side = side.saturating_add(amount);
    }

    fn hint(&self) -> String {
        self.suspect.as_ref().map_or_else(String::new, |order| format!("; order {order} may be why"))
    }
}

impl Tally {
    /// Adds the rows of one order that stands still.
    pub(super) fn settled(&mut self, rows: &[(Service, LedgerRow)]) {
        let stands = |action: Action| {
            let named = move |row: &LedgerRow| row.row.action.as_deref() == Some(action.name());
            rows.iter().map(|(_, row)| row).filter(move |row| row.is_done() && named(row))
        };
        let committed = stands(Action::Commit).next().is_some();
        for line in stands(Action::Reserve).filter_map(LedgerRow::lines).flatten() {
            entry(&mut self.skus, &line.sku).add(line.quantity, committed);
        }
        let awarded = stands(Action::Award).next().is_some();
        for (_, row) in rows.iter().filter(|(_, row)| is_hold(row) && row.points() > Some(0)) {
            row.customer().into_iter().for_each(|customer| entry(&mut self.customers, customer).held = true);
        }
        for row in stands(Action::Hold) {
            if let (Some(customer), Some(points)) = (row.customer(), row.points()) {
                entry(&mut self.customers, customer).add(points, awarded);
            }
        }
    }

    /// Remembers an undone order whose points were never held, as far as its rows tell.
    pub(super) fn unheld(&mut self, order: &OrderFact, rows: &[(Service, LedgerRow)]) {
        let undone = !matches!(order.status, OrderStatus::Confirmed);
        if undone && order.points() > 0 && !rows.iter().any(|(_, row)| is_hold(row)) {
            let customer = entry(&mut self.customers, &order.customer_id);
            customer.unheld.get_or_insert_with(|| order.order_id.clone());
        }
    }

    /// Gives room for an order that may move.
    pub(super) fn moving(&mut self, order: &OrderFact) {
        for line in &order.items {
            entry(&mut self.skus, &line.sku).moving += line.quantity;
        }
        entry(&mut self.customers, &order.customer_id).moving += order.points();
    }

    /// Remembers an order whose rows were found wanting, to name it where a sum does not fit.
    pub(super) fn suspect(&mut self, order: &OrderFact) {
        let suspect = || Some(order.order_id.clone());
        for line in &order.items {
            entry(&mut self.skus, &line.sku).suspect.get_or_insert_with(|| order.order_id.clone());
        }
        let customer = entry(&mut self.customers, &order.customer_id);
        customer.suspect = customer.suspect.take().or_else(suspect);
    }

    /// Compares all of the stock. Takes the sums of what it has seen.
    pub(super) fn stock(&mut self, facts: &[StockFact]) -> Vec<Finding> {
        let mut found: Vec<Finding> = facts.iter().flat_map(|fact| self.one_sku(fact)).collect();
        let left = std::mem::take(&mut self.skus).into_iter().filter(|(_, sum)| sum.final_ != 0 || sum.open != 0);
        found.extend(left.map(|(sku, sum)| wrong(format!("sku {sku}: in the ledger, and not in stock{}", sum.hint()))));
        found
    }

    fn one_sku(&mut self, fact: &StockFact) -> Vec<Finding> {
        let sum = self.skus.remove(&fact.sku).unwrap_or_default();
        if let Some(why) = &fact.unreadable {
            return vec![wrong(format!(
                "sku {0}: its stock cannot be read (inventory.db, stream of `{0}`): {why}",
                fact.sku
            ))];
        }
        let left = fact.seeded.saturating_sub(sum.final_);
        let name = format!("sku {}", fact.sku);
        let on_hand = Claim { name: &name, what: "on_hand", is: fact.on_hand, least: left - sum.moving, most: left };
        let most = sum.open.saturating_add(sum.moving);
        let reserved = Claim { name: &name, what: "reserved", is: fact.reserved, least: sum.open, most };
        [on_hand, reserved].iter().filter_map(|claim| claim.check(&sum)).collect()
    }

    /// Compares a page of accounts. Takes the sums of what it has seen.
    pub(super) fn accounts(&mut self, facts: &[AccountFact]) -> Vec<Finding> {
        facts.iter().flat_map(|fact| self.one_customer(fact)).collect()
    }

    fn one_customer(&mut self, fact: &AccountFact) -> Vec<Finding> {
        let sum = self.customers.remove(&fact.customer_id).unwrap_or_default();
        if let Some(text) = &fact.unreadable {
            let place = format!("loyalty.db, space `accounts`, key `{}`", fact.customer_id);
            return vec![wrong(format!("customer {}: the account cannot be read ({place}): {text}", fact.customer_id))];
        }
        if !sum.held && sum.moving == 0 {
            return vec![unaccounted(&fact.customer_id, sum.unheld.as_deref())];
        }
        let name = format!("customer {}", fact.customer_id);
        let most = |least: i64| least.saturating_add(sum.moving);
        let (given, promised) = (sum.final_, sum.open);
        let balance = Claim { name: &name, what: "balance", is: fact.balance, least: given, most: most(given) };
        let held = Claim { name: &name, what: "held", is: fact.held, least: promised, most: most(promised) };
        [balance, held].iter().filter_map(|claim| claim.check(&sum)).collect()
    }

    /// Customers whose ledger says that they have, or had, points, and who have no account.
    pub(super) fn without_account(&mut self) -> Vec<Finding> {
        let left = std::mem::take(&mut self.customers).into_iter().filter(|(_, sum)| sum.held);
        left.map(|(customer, sum)| {
            wrong(format!("customer {customer}: {} points in the ledger, and no account{}", sum.final_, sum.hint()))
        })
        .collect()
    }
}

/// A figure, and the bounds that the ledger gives it.
struct Claim<'a> {
    name: &'a str,
    what: &'a str,
    is: i64,
    least: i64,
    most: i64,
}

impl Claim<'_> {
    fn check(&self, sum: &Sum) -> Option<Finding> {
        let Self { name, what, is, least, most } = self;
        if *is < 0 {
            return Some(wrong(format!("{name}: {what} is {is}{}", sum.hint())));
        }
        if (least..=most).contains(&is) {
            return None;
        }
        let says = if least == most { least.to_string() } else { format!("{least} to {most}") };
        Some(wrong(format!("{name}: {what} is {is}, the ledger says {says}{}", sum.hint())))
    }
}

fn is_hold(row: &LedgerRow) -> bool {
    row.row.action.as_deref() == Some(Action::Hold.name())
}

/// An account is made by the first hold, whose row stays whatever becomes of it.
fn unaccounted(customer: &str, order: Option<&str>) -> Finding {
    match order {
        Some(order) => {
            let what = format!("loyalty has no row left for a `hold`, and an account of customer {customer}");
            Finding::of_order(Invariant::Ec1, order, &what)
        }
        None => wrong(format!("customer {customer}: an account, and no order whose points were held")),
    }
}

fn wrong(text: String) -> Finding {
    Finding { invariant: Invariant::Ec1, text }
}

fn entry<'a>(sums: &'a mut BTreeMap<String, Sum>, key: &str) -> &'a mut Sum {
    if !sums.contains_key(key) {
        sums.insert(key.to_owned(), Sum::default());
    }
    sums.entry(key.to_owned()).or_default()
}

#[cfg(test)]
mod tests;
