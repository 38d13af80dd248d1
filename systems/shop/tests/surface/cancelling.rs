//! Cancelling: a promise, or a refusal, never both.

use crate::common::{end, events, fresh, shared, until};

pub(crate) fn a_cancel_before_the_pivot_is_kept_and_may_be_said_again() {
    let shop = shared();
    let customer = fresh("c");
    let before = shop.stock("fountain-pen").0;
    let id = shop.place(&customer, "fountain-pen", 2, "pm_slow");
    shop.paying(&id);
    let watch = crate::common::Watch::start();
    for _ in 0..2 {
        let answer = shop.cancel(&id);
        let body = answer.json();
        assert_eq!((answer.status, body["order_id"].as_str()), (202, Some(id.as_str())), "{body}");
        assert_eq!(body["status"], "PENDING");
    }
    assert!(watch.secs() < 2.0, "it waited for the running attempt");
    let order = shop.settled(&id);
    assert_eq!(end(&order), ("CANCELLED", Some("cancelled_by_customer")));
    for event in ["cancel.requested", "unwind.started", "step.undone", "saga.ended"] {
        assert!(events(&order).contains(&event), "{event} in {order:#}");
    }
    let again = shop.cancel(&id);
    assert_eq!((again.status, again.json()["status"].as_str()), (202, Some("CANCELLED")));
    assert_eq!((shop.points(&customer), shop.order(&id)["status"].as_str()), ((0, 0), Some("CANCELLED")));
    let intents = shop.intents(&id);
    assert!(intents.len() <= 1 && intents.iter().all(|intent| intent["status"] == "canceled"), "{intents:?}");
    until(10.0, "the stock is restored", || (shop.stock("fountain-pen").0 <= before).then_some(()));
}

#[test]
fn an_ended_order_cannot_be_cancelled_and_keeps_its_end() {
    let shop = shared();
    for (method, status) in [("pm_ok", "CONFIRMED"), ("pm_declined", "REJECTED")] {
        let id = shop.place("late", "espresso-cup", 1, method);
        let ended = shop.settled(&id);
        assert_eq!(ended["status"], status);
        for _ in 0..2 {
            shop.cancel(&id).problem(409, "cannot-cancel");
        }
        assert_eq!(shop.order(&id), ended);
    }
}

#[test]
fn there_must_be_something_to_cancel() {
    let shop = shared();
    for id in ["nope", "%FF", "0199ffff-0000-7000-8000-000000000000"] {
        shop.post(&format!("/orders/{id}/cancel")).send().problem(404, "not-found");
    }
}

pub(crate) fn a_cancel_needs_neither_body_nor_key_and_minds_neither() {
    let shop = shared();
    let id = shop.place("any", "espresso-cup", 1, "pm_slow");
    shop.paying(&id);
    assert_eq!(shop.post(&format!("/orders/{id}/cancel")).key("k").text("{").send().status, 202);
    assert_eq!(shop.settled(&id)["status"], "CANCELLED");
}
