//! Given rows of orders, when stock and accounts are compared with their sums, then exactly what is wrong is named.

use super::super::model::{Line, RowBody};
use super::*;
use serde_json::json;

fn row(service: Service, action: &str, outcome: &str, detail: &serde_json::Value) -> (Service, LedgerRow) {
    let row =
        RowBody { outcome: outcome.into(), action: Some(action.into()), detail: detail.clone(), ..RowBody::default() };
    (service, LedgerRow { key: format!("o/{action}/0"), row })
}

fn reserve(outcome: &str, quantity: i64) -> (Service, LedgerRow) {
    row(Service::Inventory, "reserve", outcome, &json!({"lines": [{"sku": "mug", "quantity": quantity}]}))
}

fn hold(outcome: &str, points: i64) -> (Service, LedgerRow) {
    row(Service::Loyalty, "hold", outcome, &json!({"points": points, "customer_id": "c"}))
}

fn mugs(on_hand: i64, reserved: i64) -> [StockFact; 1] {
    [StockFact { sku: "mug".into(), seeded: 100, on_hand, reserved, unreadable: None }]
}

fn account(balance: i64, held: i64) -> [AccountFact; 1] {
    [AccountFact { customer_id: "c".into(), balance, held, unreadable: None }]
}

fn order() -> OrderFact {
    OrderFact {
        order_id: "o".into(),
        status: OrderStatus::Pending,
        reason: None,
        items: vec![Line { sku: "mug".into(), quantity: 3 }],
        total: 900,
        priced: 900,
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
    let found = Tally::default().stock(&[StockFact {
        sku: "mug".into(),
        seeded: -1,
        on_hand: -1,
        reserved: 0,
        unreadable: None,
    }]);
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

#[test]
fn given_an_account_and_no_row_of_a_hold_the_order_that_lacks_it_is_named() {
    let cancelled = OrderFact { status: OrderStatus::Cancelled, ..order() };
    let mut tally = Tally::default();
    tally.unheld(&cancelled, &[reserve("undone", 3)]);
    let found = tally.clone().accounts(&account(0, 0));
    assert_eq!(found[0].text, "order o: loyalty has no row left for a `hold`, and an account of customer c");
    tally.settled(&[hold("undone", 9)]);
    assert_eq!(tally.clone().accounts(&account(0, 0)), [], "another order of the customer's made the account");
    assert_eq!(tally.without_account()[0].text, "customer c: 0 points in the ledger, and no account");
    let found = Tally::default().accounts(&account(0, 0));
    assert_eq!(found[0].text, "customer c: an account, and no order whose points were held");
}

#[test]
fn given_an_account_or_a_stock_that_cannot_be_read_its_place_is_named() {
    let [account] = account(0, 0);
    let found = Tally::default().accounts(&[AccountFact { unreadable: Some("{".into()), ..account }]);
    assert_eq!(found[0].text, "customer c: the account cannot be read (loyalty.db, space `accounts`, key `c`): {");
    let [mugs] = mugs(0, 0);
    let found = Tally::default().stock(&[StockFact { unreadable: Some("no JSON".into()), ..mugs }]);
    assert_eq!(found[0].text, "sku mug: its stock cannot be read (inventory.db, stream of `mug`): no JSON");
}
