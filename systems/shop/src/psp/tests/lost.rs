//! Replies that never come.

use super::{World, params, replayed};
use partita::core::{Effect, ErrorKind};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_lost_reply_has_taken_effect_and_the_same_key_gets_it_at_once() {
    let world = World::new().await;
    let error = world.create("k", "pm_lost_reply", "o").await.unwrap_err();
    assert_eq!((error.kind(), error.possible_effect()), (ErrorKind::Unavailable, Effect::Possible));
    assert_eq!(world.elapsed(), 30, "held, then hung up");
    assert_eq!(world.statuses("o").await, ["requires_capture"]);
    let again = world.create("k", "pm_lost_reply", "o").await.unwrap();
    assert!(replayed(&again));
    let id = super::text(&again, "/id");
    assert!(world.act("k", &id, "capture").await.is_err());
    assert_eq!(world.statuses("o").await, ["succeeded"]);
    assert!(replayed(&world.act("k", &id, "capture").await.unwrap()));
    assert_eq!(world.elapsed(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_withheld_request_is_not_still_running() {
    let world = World::new().await;
    let impatient = world.client.post("/psp/v1/payment_intents").key("k").json(&params("pm_lost_reply", "o"));
    let error = impatient.timeout(Duration::from_secs(2)).send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(replayed(&world.create("k", "pm_lost_reply", "o").await.unwrap()));
    assert_eq!(world.elapsed(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_has_no_effect_and_the_same_key_is_a_new_request_also_after_a_restart() {
    let world = World::new().await;
    assert!(world.create("k", "pm_lost_request", "o").await.is_err());
    assert_eq!(world.elapsed(), 30);
    let world = world.restart().await;
    assert!(world.list("o").await.is_empty());
    let made = world.create("k", "pm_lost_request", "o").await.unwrap();
    assert!(!replayed(&made) && made.status == 200);
    let id = super::text(&made, "/id");
    assert!(world.act("k", &id, "capture").await.is_err());
    assert_eq!(world.statuses("o").await, ["requires_capture"]);
    assert_eq!(world.act("k", &id, "capture").await.unwrap().status, 200);
    assert_eq!(world.statuses("o").await, ["succeeded"]);
}

#[tokio::test(start_paused = true)]
async fn attempts_are_counted_by_order_and_without_one_by_key() {
    let world = World::new().await;
    assert!(world.create("a", "pm_lost_request", "o").await.is_err());
    assert_eq!(world.create("b", "pm_lost_request", "o").await.unwrap().status, 200, "the order's second attempt");
    assert!(world.create("c", "pm_lost_request", "p").await.is_err(), "another order's first");
    let mut orderless = params("pm_lost_request", "o");
    orderless.as_object_mut().unwrap().remove("metadata");
    let call = |key| world.client.post("/psp/v1/payment_intents").key(key).json(&orderless);
    assert!(call("d").send().await.is_err());
    assert!(call("e").send().await.is_err());
    assert_eq!(call("d").send().await.unwrap().status, 200);
}
