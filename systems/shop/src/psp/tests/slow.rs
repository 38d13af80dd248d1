//! Slow intents: answered at their due time, whoever still listens.

use super::super::api::serve;
use super::super::model::{Method, NewIntent};
use super::super::provider::{Action, KeyUse, Provider, Request};
use super::{World, params, replayed, text};
use partita::core::ErrorKind;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

async fn begun(world: &World, key: &str) {
    let call = world.client.post("/psp/v1/payment_intents").key(key).json(&params("pm_slow", "o"));
    let error = call.timeout(Duration::from_secs(1)).send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn a_slow_create_answers_after_five_seconds() {
    let world = World::new().await;
    let reply = world.create("k", "pm_slow", "o").await.unwrap();
    assert_eq!((world.elapsed(), text(&reply, "/status").as_str(), replayed(&reply)), (5, "requires_capture", false));
    let again = world.create("k", "pm_slow", "o").await.unwrap();
    assert!(replayed(&again) && again.body == reply.body);
    assert_eq!(world.list("o").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn meanwhile_it_is_processing_its_key_is_in_use_and_nothing_changes_it() {
    let world = World::new().await;
    begun(&world, "k").await;
    assert_eq!(world.statuses("o").await, ["processing"]);
    let same = world.create("k", "pm_slow", "o").await.unwrap();
    assert_eq!((same.status.as_u16(), text(&same, "/error/code").as_str()), (409, "idempotency_key_in_use"));
    assert_eq!(world.create("k", "pm_slow", "other").await.unwrap().status, 400, "other parameters");
    let id = world.list("o").await[0]["id"].as_str().unwrap().to_owned();
    for operation in ["capture", "cancel"] {
        let reply = world.act("k", &id, operation).await.unwrap();
        assert_eq!(text(&reply, "/error/code"), "payment_intent_unexpected_state");
    }
    assert_eq!(world.elapsed(), 1);
    begun(&world, "new").await;
    assert_eq!(world.statuses("o").await, ["processing", "processing"]);
    world.sleep(4).await;
    assert!(replayed(&world.create("k", "pm_slow", "o").await.unwrap()));
    assert_eq!(world.act("u", &id, "cancel").await.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn one_that_nobody_knows_to_be_begun_ends_too() {
    let world = World::new().await;
    world.store.loses.store(true, Ordering::Relaxed);
    assert_eq!(world.create("k", "pm_slow", "o").await.unwrap().status, 500);
    assert_eq!(world.statuses("o").await, ["processing"]);
    world.sleep(6).await;
    assert_eq!(world.statuses("o").await, ["requires_capture"]);
    assert!(replayed(&world.create("k", "pm_slow", "o").await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_it_goes_on_at_its_due_time() {
    let world = World::new().await;
    begun(&world, "k").await;
    let world = world.restart().await;
    world.sleep(3).await;
    assert_eq!(world.statuses("o").await, ["processing"], "not at once");
    assert_eq!(world.create("k", "pm_slow", "o").await.unwrap().status, 409);
    world.sleep(2).await;
    let reply = world.create("k", "pm_slow", "o").await.unwrap();
    assert_eq!(
        (reply.status.as_u16(), replayed(&reply)),
        (200, true),
        "at its due time, not five seconds from the start"
    );
    assert_eq!(world.statuses("o").await, ["requires_capture"]);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_down_at_the_due_time_ends_it_at_its_start() {
    let world = World::new().await;
    begun(&world, "k").await;
    world.group.end().await;
    world.sleep(3_600).await;
    let world = world.restart().await;
    world.sleep(1).await;
    assert_eq!(world.statuses("o").await, ["requires_capture"]);
}

/// Lets a future go on for some turns, then drops it.
async fn given_up(work: impl Future, turns: usize) {
    let mut work = Box::pin(work);
    for _ in 0..turns {
        std::future::poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx).is_ready())).await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_hangs_up_at_any_moment_leaves_nothing_half_done() {
    let world = World::new().await;
    for turns in 1..30 {
        let order_id = Some(format!("o{turns}"));
        let new = NewIntent {
            amount: 1,
            currency: "eur".to_owned(),
            method: Method::Slow,
            order_id,
            metadata: BTreeMap::new(),
        };
        let key = KeyUse { given: "k".to_owned(), name: format!("k{turns}"), fingerprint: String::new() };
        let request = Request { action: Action::Create(new), key: Some(key) };
        given_up(serve(Provider::new(&world.env), request), turns).await;
        world.sleep(4).await;
        assert_eq!(world.statuses(&format!("o{turns}")).await, ["processing"]);
        world.sleep(2).await;
        assert_eq!(world.statuses(&format!("o{turns}")).await, ["requires_capture"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_by_an_hour_makes_it_wait_no_longer_than_a_new_one() {
    let world = World::new().await;
    begun(&world, "k").await;
    let behind = partita::time::Timestamp::from_millis(1_800_000_000_000 - 3_600_000);
    let world = world.restart_at(behind).await;
    world.sleep(6).await;
    assert_eq!(world.statuses("o").await, ["requires_capture"]);
}
