//! Idempotency keys.

use super::{World, params, replayed, text};
use serde_json::json;

const HOUR: u64 = 60 * 60;

#[tokio::test(start_paused = true)]
async fn the_same_key_gets_the_same_answer_marked_as_replayed_also_over_a_restart() {
    let world = World::new().await;
    let first = world.create("k", "pm_ok", "o").await.unwrap();
    assert!(!replayed(&first));
    let world = world.restart().await;
    let again = world.create("k", "pm_ok", "o").await.unwrap();
    assert!(replayed(&again));
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(world.list("o").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_same_key_with_other_parameters_is_an_idempotency_error() {
    let world = World::new().await;
    world.approved("k", "pm_ok", "o").await;
    let mut other = params("pm_ok", "o");
    other["amount"] = json!(1);
    let reply = world.client.post("/psp/v1/payment_intents").key("k").json(&other).send().await.unwrap();
    assert_eq!((reply.status.as_u16(), text(&reply, "/error/type").as_str()), (400, "idempotency_error"));
}

#[tokio::test(start_paused = true)]
async fn the_key_is_judged_before_parameters_that_are_wrong_themselves() {
    let world = World::new().await;
    let id = world.approved("k", "pm_ok", "o").await;
    world.act("c", &id, "capture").await.unwrap();
    let (create, capture) = ("/psp/v1/payment_intents".to_owned(), format!("/psp/v1/payment_intents/{id}/capture"));
    for (path, key, changed) in [
        (&create, "k", json!({"coupon": 1})),
        (&create, "k", json!({"amount": "x"})),
        (&create, "k", json!({"payment_method": "pm_none"})),
        (&capture, "c", json!({"amount_to_capture": 5})),
    ] {
        let mut body = if path == &create { params("pm_ok", "o") } else { json!({}) };
        body.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        for (key, expected) in [(key, "idempotency_error"), ("new", "invalid_request_error")] {
            let reply = world.client.post(path).key(key).json(&body).send().await.unwrap();
            assert_eq!((reply.status.as_u16(), &*text(&reply, "/error/type")), (400, expected), "{key} {body}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_belongs_to_its_method_and_path() {
    let world = World::new().await;
    let id = world.approved("k", "pm_ok", "o").await;
    let captured = world.act("k", &id, "capture").await.unwrap();
    assert_eq!((captured.status.as_u16(), replayed(&captured)), (200, false));
    let again = world.act("k", &id, "capture").await.unwrap();
    assert!(replayed(&again) && again.body == captured.body);
}

#[tokio::test(start_paused = true)]
async fn without_a_key_or_with_a_new_one_each_create_makes_an_intent() {
    let world = World::new().await;
    world.approved("a", "pm_ok", "o").await;
    world.approved("b", "pm_ok", "o").await;
    let keyless = world.client.post("/psp/v1/payment_intents").json(&params("pm_ok", "o")).send().await.unwrap();
    assert_eq!(keyless.status, 200);
    assert_eq!(world.list("o").await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_key_holds_for_24_hours_and_is_then_new() {
    let world = World::new().await;
    world.approved("k", "pm_ok", "o").await;
    world.sleep(24 * HOUR - 1).await;
    assert!(replayed(&world.create("k", "pm_ok", "o").await.unwrap()));
    world.sleep(1).await;
    assert!(!replayed(&world.create("k", "pm_ok", "o").await.unwrap()));
    assert_eq!(world.list("o").await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_malformed_key_is_refused() {
    let world = World::new().await;
    for key in ["", "with space", &"k".repeat(256)] {
        let reply = world.create(key, "pm_ok", "o").await.unwrap();
        assert_eq!(reply.status, 400, "{key:?}");
    }
    assert!(world.list("o").await.is_empty());
}
