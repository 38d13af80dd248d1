//! Given an order by itself, when it is judged, then what its record, its deadline and its alert lack is named.

use super::*;

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
