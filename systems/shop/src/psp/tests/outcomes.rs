//! Each payment method's outcome, and what is refused.

use super::{World, params, text};
use serde_json::{Value, json};

#[tokio::test(start_paused = true)]
async fn an_ok_payment_is_authorized_then_captured_whole() {
    let world = World::new().await;
    let id = world.approved("k", "pm_ok", "o").await;
    assert_eq!(world.statuses("o").await, ["requires_capture"]);
    let captured = world.act("k", &id, "capture").await.unwrap().json::<Value>().unwrap();
    assert_eq!((&captured["status"], &captured["amount_received"]), (&json!("succeeded"), &json!(1250)));
    let read: Value = world.client.get(&format!("/psp/v1/payment_intents/{id}")).send().await.unwrap().json().unwrap();
    assert_eq!(read, captured);
    assert_eq!(read["metadata"], json!({"order_id": "o"}));
    assert_eq!(read["amount_refunded"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_declined_payment_keeps_its_intent_and_names_it_in_the_error() {
    let world = World::new().await;
    let reply = world.create("k", "pm_declined", "o").await.unwrap();
    assert_eq!((reply.status.as_u16(), text(&reply, "/error/code")), (402, "card_declined".to_owned()));
    assert_eq!(text(&reply, "/error/payment_intent/status"), "requires_payment_method");
    assert_eq!(world.statuses("o").await, ["requires_payment_method"]);
    let again = world.create("k", "pm_declined", "o").await.unwrap();
    assert!(super::replayed(&again) && again.body == reply.body);
    assert_eq!(world.list("o").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_declined_capture_leaves_the_hold_which_can_be_canceled() {
    let world = World::new().await;
    let id = world.approved("k", "pm_capture_declined", "o").await;
    let declined = world.act("k", &id, "capture").await.unwrap();
    assert_eq!((declined.status.as_u16(), text(&declined, "/error/type")), (402, "card_error".to_owned()));
    assert_eq!(world.statuses("o").await, ["requires_capture"]);
    assert_eq!(world.act("k/undo", &id, "cancel").await.unwrap().status, 200);
    assert_eq!(world.statuses("o").await, ["canceled"]);
}

#[tokio::test(start_paused = true)]
async fn the_first_two_flaky_requests_of_each_kind_fail_without_effect_also_over_a_restart() {
    let mut world = World::new().await;
    assert_eq!(world.create("k", "pm_flaky", "o").await.unwrap().status, 503);
    world = world.restart().await;
    assert_eq!(world.create("k", "pm_flaky", "o").await.unwrap().status, 503);
    assert!(world.list("o").await.is_empty());
    let id = world.approved("k", "pm_flaky", "o").await;
    assert_eq!(world.act("k", &id, "capture").await.unwrap().status, 503);
    assert_eq!(world.act("k", &id, "capture").await.unwrap().status, 503);
    assert_eq!(world.statuses("o").await, ["requires_capture"]);
    assert_eq!(world.act("k", &id, "capture").await.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn an_undo_that_fails_never_works_and_a_flaky_one_works_the_third_time() {
    let world = World::new().await;
    let id = world.approved("a", "pm_undo_fails", "o").await;
    assert_eq!(world.act("a", &id, "capture").await.unwrap().status, 402);
    for _ in 0..4 {
        assert_eq!(world.act("a/undo", &id, "cancel").await.unwrap().status, 503);
    }
    assert_eq!(world.statuses("o").await, ["requires_capture"]);
    let id = world.approved("b", "pm_undo_flaky", "p").await;
    for expected in [503, 503, 200] {
        assert_eq!(world.act("b/undo", &id, "cancel").await.unwrap().status, expected);
    }
    assert_eq!(world.statuses("p").await, ["canceled"]);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_the_state_is_refused_and_leaves_the_key_unused() {
    let world = World::new().await;
    let id = world.approved("k", "pm_ok", "o").await;
    assert_eq!(world.act("c", &id, "cancel").await.unwrap().status, 200);
    for operation in ["capture", "cancel"] {
        let reply = world.act("other", &id, operation).await.unwrap();
        assert_eq!(
            (reply.status.as_u16(), text(&reply, "/error/code").as_str()),
            (400, "payment_intent_unexpected_state")
        );
    }
    let unknown = world.act("k", "pi_none", "capture").await.unwrap();
    assert_eq!((unknown.status.as_u16(), text(&unknown, "/error/code").as_str()), (404, "resource_missing"));
}

#[tokio::test(start_paused = true)]
async fn wrong_parameters_are_named() {
    let world = World::new().await;
    let cases = [
        ("amount", json!(0), "parameter_invalid"),
        ("amount", json!(2.0), "parameter_invalid"),
        ("amount", json!("2"), "parameter_invalid"),
        ("amount", Value::Null, "parameter_missing"),
        ("currency", json!("usd"), "parameter_invalid"),
        ("payment_method", json!("pm_unknown"), "parameter_invalid"),
        ("capture_method", json!("automatic"), "parameter_invalid"),
        ("confirm", json!(false), "parameter_invalid"),
        ("metadata", json!({"order_id": 7}), "parameter_invalid"),
        ("amuont", json!(1), "parameter_unknown"),
    ];
    for (name, value, code) in cases {
        let mut body = params("pm_ok", "o");
        body[name] = value;
        let reply = world.client.post("/psp/v1/payment_intents").key("k").json(&body).send().await.unwrap();
        assert_eq!((reply.status.as_u16(), text(&reply, "/error/code").as_str()), (400, code), "{body}");
        assert!(text(&reply, "/error/message").contains(name));
    }
    assert!(world.list("o").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn unknown_routes_and_methods_answer_in_the_same_form() {
    let world = World::new().await;
    for (reply, status) in [
        (world.client.get("/psp/v1/nothing").send().await.unwrap(), 404),
        (world.client.get("/psp/v1/payment_intents/pi_1/capture").send().await.unwrap(), 405),
        (world.client.get("/psp/v1/payment_intents").send().await.unwrap(), 400),
        (world.client.get("/psp/v1/payment_intents/pi_1").send().await.unwrap(), 404),
    ] {
        assert_eq!(reply.status, status);
        assert_eq!(text(&reply, "/error/type"), "invalid_request_error");
        assert_eq!(reply.headers.contains_key("allow"), status == 405);
    }
}

#[tokio::test(start_paused = true)]
async fn the_currency_is_taken_in_any_case_and_a_cancel_may_have_a_body() {
    let world = World::new().await;
    let mut body = params("pm_ok", "o");
    body["currency"] = json!("EUR");
    let reply = world.client.post("/psp/v1/payment_intents").json(&body).send().await.unwrap();
    assert_eq!(text(&reply, "/currency"), "eur");
    let path = format!("/psp/v1/payment_intents/{}/cancel", text(&reply, "/id"));
    let reason = json!({"cancellation_reason": "abandoned"});
    assert_eq!(world.client.post(&path).json(&reason).send().await.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn an_order_lists_its_own_intents_oldest_first_and_the_audit_pages_through_all() {
    let world = World::new().await;
    let mut ids = vec![];
    for n in 0..300 {
        ids.push(world.approved(&format!("k{n}"), "pm_ok", "o").await);
    }
    world.approved("other", "pm_ok", "p").await;
    let listed: Vec<String> =
        world.list("o").await.iter().map(|intent| intent["id"].as_str().unwrap().to_owned()).collect();
    ids.sort_unstable();
    assert_eq!(listed, ids);
    let (mut audited, mut after) = (0, String::new());
    loop {
        let page: Value =
            world.client.get(&format!("/audit/intents?after={after}")).send().await.unwrap().json().unwrap();
        let page = page["intents"].as_array().unwrap().clone();
        let Some(last) = page.last() else { break };
        after = last["id"].as_str().unwrap().to_owned();
        audited += page.len();
    }
    assert_eq!(audited, 301);
}
