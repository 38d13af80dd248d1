//! Given intents that do not fit, when an order is judged, then they are named.

use super::*;

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
