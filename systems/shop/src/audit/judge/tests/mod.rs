//! Given an order and what its participants hold, when it is judged, then exactly what is wrong is named.

mod money;
mod order;
mod parcel;
mod rows;

use super::super::intent::{Currency, IntentStatus};
use super::super::model::{Line, RowBody};
use super::*;
use IntentStatus::{Processing, RequiresCapture, RequiresPaymentMethod, Succeeded};
use serde_json::{Value, json};

fn order(status: OrderStatus, reason: Option<&str>) -> OrderFact {
    OrderFact {
        order_id: "o1".into(),
        status,
        reason: reason.map(str::to_owned),
        items: vec![Line { sku: "mug".into(), quantity: 2 }, Line { sku: "pen".into(), quantity: 1 }],
        total: 1_250,
        priced: 1_250,
        customer_id: "ada".into(),
        created_at: Timestamp::from_millis(0),
        deadline: Timestamp::from_millis(60_000),
        parked_alert: true,
    }
}

fn detail(action: Action) -> Value {
    match action.service() {
        Service::Loyalty => json!({"points": 12, "customer_id": "ada"}),
        _ => json!({"lines": [{"sku": "pen", "quantity": 1}, {"sku": "mug", "quantity": 2}]}),
    }
}

fn standing(action: Action) -> (Service, LedgerRow) {
    let detail = detail(action);
    let mut reply = detail.clone();
    reply["order_id"] = "o1".into();
    let row = RowBody {
        unreadable: None,
        refused: None,
        outcome: "done".into(),
        action: Some(action.name().into()),
        subject: Some("o1".into()),
        fingerprint: "0123456789abcdef".repeat(4),
        reply,
        detail,
    };
    (action.service(), LedgerRow { key: format!("o1/{}/0", action.step()), row })
}

fn undone(action: Action) -> (Service, LedgerRow) {
    let (service, mut row) = standing(action);
    row.row.outcome = "undone".into();
    (service, row)
}

/// Of an undo that came without an action.
fn tombstone(action: Action) -> (Service, LedgerRow) {
    let (service, mut row) = undone(action);
    (row.row.fingerprint, row.row.reply, row.row.detail) = (String::new(), Value::Null, Value::Null);
    (service, row)
}

fn intent(status: IntentStatus, received: i64) -> Intent {
    let (amount, currency) = (1_250, Currency::Eur);
    let order_id = Some("o1".into());
    Intent { id: "pi".into(), order_id, status, amount, currency, amount_received: received, amount_refunded: 0 }
}

/// A row of a reservation that was refused.
fn refused() -> (Service, LedgerRow) {
    let (service, mut row) = tombstone(Action::Reserve);
    row.row.refused = Some(json!({"fingerprint": "0123456789abcdef".repeat(4), "reason": {"sku": "pen"}}));
    (service, row)
}

fn shipment() -> Shipment {
    let items = json!([{"sku": "mug", "quantity": 2}, {"sku": "pen", "quantity": 1}]);
    Shipment { key: "o1".into(), record: json!({"order_id": "o1", "customer_id": "ada", "items": items}) }
}

/// What the participants hold, to be changed.
#[derive(Default)]
struct Held {
    rows: Vec<(Service, LedgerRow)>,
    shipments: Vec<Shipment>,
    intents: Vec<Intent>,
}

fn confirmed() -> (OrderFact, Held) {
    let rows = Action::ALL.map(standing).into();
    (
        order(OrderStatus::Confirmed, None),
        Held { rows, shipments: vec![shipment()], intents: vec![intent(Succeeded, 1_250)] },
    )
}

fn declined() -> (OrderFact, Held) {
    let rows = vec![undone(Action::Reserve), undone(Action::Hold)];
    let intents = vec![intent(RequiresPaymentMethod, 0)];
    (order(OrderStatus::Rejected, Some("payment_declined")), Held { rows, shipments: vec![], intents })
}

fn out_of_stock() -> (OrderFact, Held) {
    (order(OrderStatus::Rejected, Some("out_of_stock")), Held { rows: vec![refused()], ..Held::default() })
}

fn parked() -> (OrderFact, Held) {
    let (_, mut held) = declined();
    held.intents = vec![intent(RequiresCapture, 0)];
    (order(OrderStatus::Pending, Some("needs_operator")), held)
}

fn evidence(held: &Held) -> Evidence<'_> {
    Evidence { rows: &held.rows, shipments: &held.shipments, intents: &held.intents }
}

/// Findings as `ID text`, without the order's name.
fn found(order: &OrderFact, held: &Held) -> Vec<String> {
    let found = judge(order, evidence(held), Timestamp::from_millis(120_000));
    let short = |finding: &Finding| format!("{} {}", finding.invariant.id(), finding.text.replace("order o1: ", ""));
    assert!(found.iter().all(|finding| finding.text.starts_with("order o1: ")), "each names its order");
    found.iter().map(short).collect()
}

fn after(case: (OrderFact, Held), change: impl FnOnce(&mut OrderFact, &mut Held)) -> Vec<String> {
    let (mut order, mut held) = case;
    change(&mut order, &mut held);
    found(&order, &held)
}

fn named(found: &[String], what: &str) {
    assert!(found.iter().any(|text| text.contains(what)), "{what}: {found:?}");
}
