//! Audits of a shop that is made up, standing still and moving.

mod made_up;

use super::*;
use made_up::{Event, ORDERS, Rows, State, audited, examples, old, shop, start};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn a_shop_at_rest_is_counted_and_found_in_order() {
    let (report, _) = audited(shop()).await;
    assert_eq!(examples(&report), Vec::<String>::new());
    assert_eq!((report.orders.confirmed, report.orders.rejected, report.orders.all()), (20, 10, 30));
    let checked: Vec<u64> = report.invariants.iter().map(|one| one.checked).collect();
    assert_eq!(checked, [30, 30, 22]);
}

/// Whatever happens to an order, and at whatever moment of the audit, is no violation.
#[tokio::test(start_paused = true)]
async fn orders_that_move_while_they_are_audited_raise_no_alarm() {
    let events: [Event; 3] = [
        |state| state.reserve(ORDERS),
        |state| {
            state.reserve(ORDERS);
            state.confirm(ORDERS);
        },
        |state| {
            state.reserve(ORDERS);
            state.decline(ORDERS);
        },
    ];
    let moving = || {
        let mut state = shop();
        state.accept(ORDERS, old());
        state
    };
    for event in events {
        no_alarm(&moving, event).await;
    }
}

/// One branch behind the pivot was given up, and the others go on.
#[tokio::test(start_paused = true)]
async fn an_order_that_is_parked_behind_its_pivot_and_moves_on_raises_no_alarm() {
    let parked = || {
        let mut state = shop();
        state.accept(ORDERS, old());
        state.reserve(ORDERS);
        state.intent(ORDERS, "succeeded", 500);
        state.end(ORDERS, OrderStatus::Pending, Some("needs_operator"));
        state.orders.values_mut().for_each(|order| order.parked_alert = true);
        state
    };
    no_alarm(&parked, |_| {}).await;
    no_alarm(&parked, |state| {
        state.confirm(ORDERS);
        state.end(ORDERS, OrderStatus::Pending, Some("needs_operator"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_order_that_comes_and_ends_while_it_is_audited_raises_no_alarm() {
    no_alarm(&shop, |state| {
        state.accept(ORDERS, start());
        state.reserve(ORDERS);
        state.confirm(ORDERS);
    })
    .await;
}

async fn no_alarm(state: &dyn Fn() -> State, event: Event) {
    let (_, reads) = audited(state()).await;
    for at in 0..reads + 8 {
        let (report, _) = audited(State { event: Some((at, event)), ..state() }).await;
        assert_eq!(examples(&report), Vec::<String>::new(), "before read {at} of {reads}");
    }
}

/// Drops, changes and doubles each of the rows of two orders, one declined and one confirmed.
#[tokio::test(start_paused = true)]
async fn any_one_row_that_was_tampered_with_is_named_with_its_order() {
    let tamper: [fn(&mut Rows, &str); 5] = [
        |rows, key| drop(rows.remove(key)),
        |rows, key| drop(rows.insert(key.replace("/0", "/1"), rows[key].clone())),
        |rows, key| drop(rows.insert(format!("copy of {key}"), rows[key].clone())),
        |rows, key| drop(rows.insert(key.to_owned(), json!({"unreadable": "{"}))),
        |rows, key| {
            let changed = rows[key]
                .to_string()
                .replace("\"quantity\":2", "\"quantity\":3")
                .replace("\"points\":5", "\"points\":6");
            rows.insert(key.to_owned(), serde_json::from_str(&changed).unwrap());
        },
    ];
    for order in ["00000000", "00000029"] {
        let keys =
            shop().ledgers.into_iter().flat_map(|(service, rows)| rows.into_keys().map(move |key| (service, key)));
        for (service, key) in keys.filter(|(_, key)| key.starts_with(order)) {
            for (number, tamper) in tamper.iter().enumerate() {
                let mut state = shop();
                tamper(state.ledgers.get_mut(&service).unwrap(), &key);
                let (report, _) = audited(state).await;
                let named = examples(&report).iter().any(|text| text.starts_with(&format!("order {order}: ")));
                assert!(!report.ok && named, "{key} by {number}: {:?}", examples(&report));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn books_that_do_not_add_up_are_violations() {
    let changes: [(Event, &str); 3] = [
        (|state| state.on_hand += 1, "sku mug: on_hand is 961, the ledger says 960"),
        (|state| state.reserved += 1, "sku mug: reserved is 1, the ledger says 0"),
        (|state| state.balance -= 1, "customer ada: balance is 99, the ledger says 100"),
    ];
    for (change, expected) in changes {
        let mut state = shop();
        change(&mut state);
        assert_eq!(examples(&audited(state).await.0), [expected]);
    }
}

#[tokio::test(start_paused = true)]
async fn intents_of_other_shops_are_ignored_and_a_second_one_for_an_order_is_not() {
    let mut state = shop();
    state.intent(9_999, "requires_capture", 0);
    assert!(audited(state).await.0.ok);
    let mut state = shop();
    let mut second = state.intents["pi-1"].clone();
    second["id"] = "pi-x".into();
    state.intents.insert("pi-x".into(), second);
    let expected = "order 00000001: CONFIRMED, but the provider has 2 succeeded intents";
    assert_eq!(examples(&audited(state).await.0), [expected]);
}

#[tokio::test(start_paused = true)]
async fn an_order_long_past_its_deadline_is_named_and_a_young_one_is_only_counted() {
    let mut state = shop();
    state.accept(ORDERS, Timestamp::from_millis(800_000));
    state.accept(ORDERS + 1, start());
    let (report, _) = audited(state).await;
    assert_eq!(report.orders.pending, 2);
    assert_eq!(examples(&report), ["order 00000030: still in progress, its deadline was 1970-01-01T00:14:20.000Z"]);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_read_is_named_and_the_rest_is_audited() {
    let mut state = shop();
    state.broken.insert("00000001".into());
    let expected = "order 00000001: it cannot be read (ordering.db, space `orders`, key `00000001`): no JSON";
    assert_eq!(examples(&audited(state).await.0), [expected]);

    let mut state = shop();
    state.intents.insert("pi-0".into(), json!({"id": "pi-0", "order_id": null, "status": "unreadable", "amount": 0, "currency": "", "amount_received": 0, "amount_refunded": 0}));
    let expected = [
        "intent pi-0: it cannot be read (psp.db, space `intents`, key `pi-0`)",
        "order 00000000: REJECTED payment_declined, but the provider has no intent that it declined",
    ];
    assert_eq!(examples(&audited(state).await.0), expected);
}

#[tokio::test(start_paused = true)]
async fn a_shipment_that_is_dropped_or_of_no_order_is_named() {
    let mut state = shop();
    state.shipments.remove("00000001");
    assert_eq!(examples(&audited(state).await.0), ["order 00000001: CONFIRMED, but shipping has no shipment for it"]);
    for stray in ["0", "00000001x", "zz"] {
        let mut state = shop();
        let record = state.shipments["00000001"].clone();
        state.shipments.insert(stray.into(), record);
        let expected = format!("order {stray}: shipping's shipment `{stray}` is of no order of this shop");
        assert_eq!(examples(&audited(state).await.0), [expected]);
    }
}
