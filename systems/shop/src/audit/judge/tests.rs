//! Given an order and what its participants hold, when it is judged, then exactly what is wrong is named.

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

#[test]
fn given_whole_orders_of_each_end_when_judged_then_nothing_is_wrong() {
    for (order, held) in [confirmed(), declined(), out_of_stock(), parked()] {
        assert_eq!(found(&order, &held), Vec::<String>::new());
    }
    let nothing = Held::default();
    assert!(found(&order(OrderStatus::Rejected, Some("deadline")), &nothing).is_empty());
    assert!(found(&order(OrderStatus::Cancelled, Some("cancelled_by_customer")), &nothing).is_empty());
}

#[test]
fn given_a_confirmed_order_when_any_row_is_dropped_then_it_is_missed() {
    for (index, action) in Action::ALL.into_iter().enumerate() {
        let found = after(confirmed(), |_, held| drop(held.rows.remove(index)));
        let text = format!("SG2 CONFIRMED, but {} has no row for `{}`", action.service(), action.name());
        assert_eq!(found, [text]);
    }
}

#[test]
fn given_a_confirmed_order_when_any_row_is_doubled_then_the_second_is_named() {
    for (index, action) in Action::ALL.into_iter().enumerate() {
        let found = after(confirmed(), |_, held| {
            let (service, mut second) = held.rows[index].clone();
            second.key = format!("o1/{}/1", action.step());
            held.rows.push((service, second));
        });
        let (service, step) = (action.service(), action.step());
        assert_eq!(found, [format!("SG2 {service} has a second row for `{}`: `o1/{step}/1`", action.name())]);
    }
}

#[test]
fn given_a_confirmed_order_when_any_row_turns_undone_then_it_is_named() {
    for (index, action) in Action::ALL.into_iter().enumerate() {
        let found = after(confirmed(), |_, held| held.rows[index].1.row.outcome = "undone".into());
        let named = format!("SG2 CONFIRMED, but {}'s row `o1/{}/0` is undone", action.service(), action.step());
        assert_eq!(found[0], named);
    }
}

#[test]
fn given_any_row_when_what_it_says_is_changed_then_both_sides_are_shown() {
    let more = json!({"lines": [{"sku": "mug", "quantity": 3}, {"sku": "pen", "quantity": 1}]});
    let lines: [(Value, &str); 2] = [
        (more, "says 3 x mug, 1 x pen, the order asks for 2 x mug, 1 x pen"),
        (json!({"lines": 7}), "names no lines that can be read"),
    ];
    let points: [(Value, &str); 3] = [
        (json!({"points": 13, "customer_id": "ada"}), "says 13 points, the order is worth 12"),
        (json!({"points": 12, "customer_id": "bob"}), "says customer bob, the order is ada's"),
        (json!({}), "says no points, the order is worth 12"),
    ];
    for case in [confirmed, declined] {
        for index in 0..case().1.rows.len() {
            let action = Action::ALL[index];
            let changes = if action.service() == Service::Loyalty { &points[..] } else { &lines[..] };
            for (detail, expected) in changes {
                let found = after(case(), |_, held| held.rows[index].1.row.detail = detail.clone());
                let (service, step) = (action.service(), action.step());
                assert_eq!(found, [format!("SG2 {service}'s row `o1/{step}/0` {expected}")]);
            }
        }
    }
}

#[test]
fn given_any_row_when_its_reply_or_fingerprint_is_changed_then_it_is_named() {
    let changes: [fn(&mut RowBody); 5] = [
        |row| row.reply["order_id"] = "o2".into(),
        |row| row.reply = Value::Null,
        |row| row.reply["lines"] = json!([]),
        |row| row.reply["points"] = json!(1),
        |row| row.fingerprint.clear(),
    ];
    for (index, action) in Action::ALL.into_iter().enumerate() {
        for change in changes {
            let found = after(confirmed(), |_, held| change(&mut held.rows[index].1.row));
            let of_the_other_kind = found.is_empty();
            let mine = format!("SG2 {}'s row `o1/{}/0` ", action.service(), action.step());
            assert!(of_the_other_kind || (found.len() == 1 && found[0].starts_with(&mine)), "{found:?}");
        }
        let found = after(confirmed(), |_, held| held.rows[index].1.row.reply["order_id"] = "o2".into());
        assert!(found[0].ends_with("answered for order o2"));
    }
}

#[test]
fn given_an_undo_that_came_alone_when_judged_then_its_tombstone_is_enough() {
    let rows = vec![tombstone(Action::Reserve), tombstone(Action::Hold)];
    let cancelled = order(OrderStatus::Cancelled, Some("cancelled_by_customer"));
    assert!(found(&cancelled, &Held { rows, ..Held::default() }).is_empty());
}

#[test]
fn given_any_row_when_it_no_longer_fits_its_key_then_it_is_named_once() {
    for index in 0..Action::ALL.len() {
        let broken: [fn(&mut LedgerRow); 4] = [
            |row| row.row.subject = Some("o2".into()),
            |row| row.row.action = Some("give".into()),
            |row| row.row.outcome = "maybe".into(),
            |row| row.row = RowBody { unreadable: Some("not JSON".into()), ..RowBody::default() },
        ];
        for change in broken {
            let found = after(confirmed(), |_, held| change(&mut held.rows[index].1));
            assert_eq!(found.iter().filter(|text| text.starts_with("SG2")).count(), 1, "{found:?}");
            assert!(found[0].contains(&format!("o1/{}/0", Action::ALL[index].step())), "{found:?}");
        }
    }
}

#[test]
fn given_a_key_that_no_step_makes_when_judged_then_it_is_named() {
    for key in ["o1", "o1/reserve-stock", "o1/reserve-stock/x", "o1/hold-points/0", "o1/reserve-stock/0/1"] {
        let found = after(confirmed(), |_, held| {
            let mut odd = standing(Action::Reserve);
            odd.1.key = key.into();
            held.rows.push(odd);
        });
        assert_eq!(found, [format!("SG2 inventory's row `{key}` has a key that no step of an order makes")]);
    }
}

#[test]
fn given_a_declined_order_when_its_undone_rows_are_changed_or_dropped_then_they_are_named() {
    for (index, action) in [(0, Action::Reserve), (1, Action::Hold)] {
        let dropped = after(declined(), |_, held| drop(held.rows.remove(index)));
        let (service, name) = (action.service(), action.name());
        assert_eq!(dropped, [format!("SG2 REJECTED payment_declined, but {service} has no row left for `{name}`")]);
        let stands = after(declined(), |_, held| held.rows[index] = standing(action));
        let key = format!("o1/{}/0", action.step());
        assert_eq!(stands, [format!("SG2 REJECTED payment_declined, but {service}'s row `{key}` was never undone")]);
    }
}

#[test]
fn given_a_cancelled_order_when_only_one_of_its_first_two_steps_has_a_row_then_nothing_is_wrong() {
    for action in [Action::Reserve, Action::Hold] {
        let cancelled = order(OrderStatus::Cancelled, Some("cancelled_by_customer"));
        let held = Held { rows: vec![undone(action)], ..Held::default() };
        assert_eq!(after((cancelled, held), |_, _| ()), Vec::<String>::new());
    }
}

#[test]
fn given_an_order_that_was_not_confirmed_when_it_was_committed_awarded_or_shipped_then_it_is_named() {
    for case in [declined, parked] {
        for action in [Action::Commit, Action::Award, Action::Ship] {
            let found = after(case(), |_, held| {
                held.rows.push(standing(action));
                held.shipments.extend((action == Action::Ship).then(shipment));
            });
            assert!(found[0].contains(&format!("but {} has a row", action.service())), "{found:?}");
            assert_eq!(found.len() - 1, usize::from(action == Action::Ship), "shipped without money is EC1, too");
        }
    }
}

#[test]
fn given_a_confirmed_order_when_the_money_is_not_there_once_then_it_is_named() {
    let none = after(confirmed(), |_, held| held.intents.clear());
    assert_eq!(none[0], "SG2 CONFIRMED, but the provider has 0 succeeded intents");
    assert_eq!(none[1], "EC1 shipped by row `o1/create-shipment/0`, but its money was never captured");
    let twice = after(confirmed(), |_, held| held.intents.push(intent(Succeeded, 1_250)));
    assert_eq!(twice, ["SG2 CONFIRMED, but the provider has 2 succeeded intents"]);
    let less = after(confirmed(), |_, held| held.intents[0].amount_received = 1_000);
    assert_eq!(less[0], "SG2 CONFIRMED over 1250, but intent pi received 1000 and refunded 0");
    let open = after(confirmed(), |_, held| held.intents.push(intent(RequiresCapture, 0)));
    assert_eq!(open, ["SG2 CONFIRMED, but a second intent pi is requires_capture"]);
}

#[test]
fn given_an_order_that_was_undone_when_money_was_kept_or_may_still_be_taken_then_it_is_named() {
    let kept = after(declined(), |_, held| held.intents = vec![intent(Succeeded, 1_250)]);
    assert_eq!(kept, ["SG2 REJECTED payment_declined, but intent pi kept 1250 of its money"]);
    for status in [Processing, RequiresCapture] {
        let open = after(declined(), |_, held| held.intents = vec![intent(status, 0)]);
        assert_eq!(open, [format!("SG2 REJECTED payment_declined, but intent pi is {status}")]);
    }
}

#[test]
fn given_an_order_in_progress_when_its_deadline_is_long_gone_then_it_is_named_and_not_before() {
    let running = order(OrderStatus::Pending, None);
    let (_, held) = confirmed();
    assert_eq!(judge(&running, evidence(&held), Timestamp::from_millis(120_000)), []);
    let found = judge(&running, evidence(&held), Timestamp::from_millis(120_001));
    assert_eq!(found[0].text, "order o1: still in progress, its deadline was 1970-01-01T00:01:00.000Z");
    assert_eq!((found.len(), found[0].invariant), (1, Invariant::Sg1));
}

#[test]
fn given_a_parked_order_when_nobody_was_told_then_it_is_named() {
    let found = after(parked(), |order, _| order.parked_alert = false);
    assert_eq!(found, ["SG1 parked, and no operator was told"]);
}

#[test]
fn given_an_order_parked_behind_its_pivot_when_judged_then_its_rows_may_stand() {
    let (_, held) = confirmed();
    assert!(found(&order(OrderStatus::Pending, Some("needs_operator")), &held).is_empty());
}

fn named(found: &[String], what: &str) {
    assert!(found.iter().any(|text| text.contains(what)), "{what}: {found:?}");
}

#[test]
fn given_an_order_refused_for_want_of_stock_when_its_row_is_dropped_or_changed_then_it_is_named() {
    let dropped = after(out_of_stock(), |_, held| held.rows.clear());
    assert_eq!(dropped, ["SG2 REJECTED out_of_stock, but inventory has no row left for `reserve`"]);
    for (refused, what) in [
        (json!({"fingerprint": "", "reason": {"sku": "pen"}}), "the fingerprint ``, which is none"),
        (json!({"fingerprint": "0123456789abcdef".repeat(4), "reason": {"sku": "cup"}}), "for want of `cup`"),
    ] {
        named(&after(out_of_stock(), |_, held| held.rows[0].1.row.refused = Some(refused)), what);
    }
}

#[test]
fn given_an_intent_of_any_order_when_it_says_something_else_then_it_is_named() {
    type Change = (fn(&mut Intent), &'static str);
    let changes: [Change; 3] = [
        (|intent| intent.amount = 1, "its intent pi is over 1, its total is 1250"),
        (|intent| intent.currency = Currency::Other, "its intent pi is not over EUR"),
        (|intent| intent.status = IntentStatus::Unknown, "its intent pi is in a state that is none, or cannot be read"),
    ];
    for case in [confirmed, declined, parked] {
        for (change, what) in &changes {
            named(&after(case(), |_, held| change(&mut held.intents[0])), what);
        }
    }
    let taken = after(declined(), |_, held| held.intents[0].status = Succeeded);
    named(&taken, "its intent pi is succeeded and received 0");
    let gone = after(declined(), |_, held| held.intents.clear());
    assert_eq!(gone, ["SG2 REJECTED payment_declined, but the provider has no intent that it declined"]);
}

#[test]
fn given_a_parked_order_whose_rows_are_undone_when_money_was_taken_then_it_is_named() {
    let taken = after(parked(), |_, held| held.intents = vec![intent(Succeeded, 1_250)]);
    assert_eq!(
        taken,
        [
            "SG2 PENDING needs_operator, its money was captured, but inventory has undone its row `o1/reserve-stock/0`",
            "SG2 PENDING needs_operator, its money was captured, but loyalty has undone its row `o1/hold-points/0`",
        ]
    );
    let some = after(parked(), |_, held| held.intents[0].amount_received = 1);
    assert_eq!(some, ["SG2 PENDING needs_operator, but intent pi kept 1 of its money"]);
}

#[test]
fn given_a_shipment_when_it_is_dropped_changed_or_of_no_confirmed_order_then_it_is_named() {
    let dropped = after(confirmed(), |_, held| held.shipments.clear());
    assert_eq!(dropped, ["SG2 CONFIRMED, but shipping has no shipment for it"]);
    let added = after(declined(), |_, held| held.shipments.push(shipment()));
    assert_eq!(added, ["SG2 REJECTED payment_declined, but shipping has a shipment for it"]);
    for (member, value, what) in [
        ("order_id", json!("o2"), "is of order o2"),
        ("customer_id", json!("bob"), "goes to customer bob, the order is ada's"),
        ("items", json!([]), "says , the order asks for 2 x mug, 1 x pen"),
        ("items", json!(7), "cannot be read (shipping.db, space `shipments`, key `o1`)"),
    ] {
        let found = after(confirmed(), |_, held| held.shipments[0].record[member] = value);
        assert_eq!(found, [format!("SG2 its shipment {what}")]);
    }
}

#[test]
fn given_an_order_when_its_own_record_contradicts_itself_then_it_is_named() {
    for case in [confirmed, declined, out_of_stock, parked] {
        named(&after(case(), |order, _| order.priced += 1), "its lines come to 1251, its total is 1250");
    }
    for case in [confirmed, declined] {
        named(
            &after(case(), |order, _| order.reason = Some("x".into())),
            "with the reason `x`, which no such order has",
        );
    }
}
