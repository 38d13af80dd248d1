//! Sums the ledgers up, and compares the sums with stock and accounts (EC1).
//!
//! The ledgers of ended orders stand still, so their part of every sum is exact. Orders in progress may be seen by the
//! stock and not yet by the ledger, or the other way round; what they ask for is the room that a sum is given. With
//! nothing in progress there is none.

use super::finding::{Finding, Invariant};
use super::model::{AccountFact, Action, LedgerRow, OrderFact, Service, StockFact};
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
        for row in stands(Action::Hold) {
            if let (Some(customer), Some(points)) = (row.customer(), row.points()) {
                entry(&mut self.customers, customer).add(points, awarded);
            }
        }
    }

    /// Gives room for an order in progress.
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
        let name = format!("customer {}", fact.customer_id);
        let most = |least: i64| least.saturating_add(sum.moving);
        let (given, promised) = (sum.final_, sum.open);
        let balance = Claim { name: &name, what: "balance", is: fact.balance, least: given, most: most(given) };
        let held = Claim { name: &name, what: "held", is: fact.held, least: promised, most: most(promised) };
        [balance, held].iter().filter_map(|claim| claim.check(&sum)).collect()
    }

    /// Customers whose ledger says that they have points, and who have no account.
    pub(super) fn without_account(&mut self) -> Vec<Finding> {
        let left = std::mem::take(&mut self.customers).into_iter().filter(|(_, sum)| sum.final_ != 0 || sum.open != 0);
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
mod tests {
    use super::super::model::{Line, OrderStatus, RowBody};
    use super::*;
    use serde_json::json;

    fn row(service: Service, action: &str, outcome: &str, detail: &serde_json::Value) -> (Service, LedgerRow) {
        let row = RowBody {
            outcome: outcome.into(),
            action: Some(action.into()),
            detail: detail.clone(),
            ..RowBody::default()
        };
        (service, LedgerRow { key: format!("o/{action}/0"), row })
    }

    fn reserve(outcome: &str, quantity: i64) -> (Service, LedgerRow) {
        row(Service::Inventory, "reserve", outcome, &json!({"lines": [{"sku": "mug", "quantity": quantity}]}))
    }

    fn hold(outcome: &str, points: i64) -> (Service, LedgerRow) {
        row(Service::Loyalty, "hold", outcome, &json!({"points": points, "customer_id": "c"}))
    }

    fn mugs(on_hand: i64, reserved: i64) -> [StockFact; 1] {
        [StockFact { sku: "mug".into(), seeded: 100, on_hand, reserved }]
    }

    fn account(balance: i64, held: i64) -> [AccountFact; 1] {
        [AccountFact { customer_id: "c".into(), balance, held }]
    }

    fn order() -> OrderFact {
        OrderFact {
            order_id: "o".into(),
            status: OrderStatus::Pending,
            reason: None,
            items: vec![Line { sku: "mug".into(), quantity: 3 }],
            total: 900,
            customer_id: "c".into(),
            created_at: partita::time::Timestamp::default(),
            deadline: partita::time::Timestamp::default(),
            parked_alert: false,
        }
    }

    #[test]
    fn given_a_committed_and_an_undone_order_the_stock_is_short_by_the_first() {
        let mut tally = Tally::default();
        tally.settled(&[reserve("done", 3), row(Service::Inventory, "commit", "done", &json!(null))]);
        tally.settled(&[reserve("undone", 5)]);
        assert_eq!(tally.clone().stock(&mugs(97, 0)), []);
        assert_eq!(tally.stock(&mugs(100, 0))[0].text, "sku mug: on_hand is 100, the ledger says 97");
    }

    #[test]
    fn given_a_reservation_that_stands_the_stock_must_show_it() {
        let mut tally = Tally::default();
        tally.settled(&[reserve("done", 3)]);
        assert_eq!(tally.clone().stock(&mugs(100, 3)), []);
        assert_eq!(tally.stock(&mugs(100, 0))[0].text, "sku mug: reserved is 0, the ledger says 3");
    }

    #[test]
    fn given_an_order_in_progress_each_of_its_moments_fits_and_no_more() {
        let mut tally = Tally::default();
        tally.moving(&order());
        for (on_hand, reserved) in [(100, 0), (100, 3), (97, 0)] {
            assert_eq!(tally.clone().stock(&mugs(on_hand, reserved)), []);
        }
        assert_eq!(tally.clone().stock(&mugs(96, 0)).len(), 1);
        assert_eq!(tally.clone().stock(&mugs(100, 4)).len(), 1);
        assert_eq!(tally.clone().accounts(&account(9, 0)), []);
        assert_eq!(tally.accounts(&account(10, 0)).len(), 1);
    }

    #[test]
    fn given_negative_stock_it_is_named_whatever_the_ledger_says() {
        let found = Tally::default().stock(&[StockFact { sku: "mug".into(), seeded: -1, on_hand: -1, reserved: 0 }]);
        assert_eq!(found[0].text, "sku mug: on_hand is -1");
    }

    #[test]
    fn given_an_awarded_hold_the_balance_has_it_and_a_suspect_is_named_otherwise() {
        let mut tally = Tally::default();
        tally.settled(&[hold("done", 9), row(Service::Loyalty, "award", "done", &json!(null))]);
        assert_eq!(tally.clone().accounts(&account(9, 0)), []);
        tally.suspect(&order());
        let found = tally.accounts(&account(8, 0));
        assert_eq!(found[0].text, "customer c: balance is 8, the ledger says 9; order o may be why");
    }

    #[test]
    fn given_points_of_a_customer_without_account_they_are_named() {
        let mut tally = Tally::default();
        tally.settled(&[hold("done", 9), row(Service::Loyalty, "award", "done", &json!(null))]);
        assert_eq!(tally.without_account()[0].text, "customer c: 9 points in the ledger, and no account");
    }
}
