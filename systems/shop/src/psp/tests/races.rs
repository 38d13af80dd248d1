//! Requests at the same time.

use super::{World, params, replayed, text};
use partita::core::Result;
use partita::http::Reply;
use partita::time::BoxFuture;

fn create(world: &World, key: &str, method: &str) -> BoxFuture<'static, Result<Reply>> {
    let call = world.client.post("/psp/v1/payment_intents").key(key).json(&params(method, "o"));
    Box::pin(async move { call.send().await })
}

fn act(world: &World, key: &str, id: &str, operation: &str) -> BoxFuture<'static, Result<Reply>> {
    let call = world.client.post(&format!("/psp/v1/payment_intents/{id}/{operation}")).key(key);
    Box::pin(async move { call.send().await })
}

#[tokio::test(start_paused = true)]
async fn fifty_creates_with_one_key_have_one_effect_and_one_answer() {
    let world = World::new().await;
    let replies = world.together((0..50).map(|_| create(&world, "k", "pm_ok")).collect()).await;
    assert_eq!(world.list("o").await.len(), 1);
    assert_eq!(replies.iter().filter(|reply| !replayed(reply)).count(), 1);
    assert!(replies.iter().all(|reply| reply.status == 200 && reply.body == replies[0].body));
}

#[tokio::test(start_paused = true)]
async fn fifty_captures_with_one_key_all_get_the_captured_intent() {
    let world = World::new().await;
    let id = world.approved("k", "pm_ok", "o").await;
    let replies = world.together((0..50).map(|_| act(&world, "k", &id, "capture")).collect()).await;
    assert_eq!(replies.iter().filter(|reply| !replayed(reply)).count(), 1);
    assert!(replies.iter().all(|reply| reply.status == 200 && text(reply, "/status") == "succeeded"));
}

#[tokio::test(start_paused = true)]
async fn fifty_slow_creates_with_one_key_make_one_intent() {
    let world = World::new().await;
    let replies = world.together((0..50).map(|_| create(&world, "k", "pm_slow")).collect()).await;
    let of = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
    assert_eq!((of(200), of(409)), (1, 49));
    assert_eq!(world.statuses("o").await, ["requires_capture"]);
}

#[tokio::test(start_paused = true)]
async fn of_flaky_creates_at_once_exactly_two_fail() {
    let world = World::new().await;
    let replies = world.together((0..20).map(|_| create(&world, "k", "pm_flaky")).collect()).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 503).count(), 2);
    assert_eq!(world.list("o").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn capture_and_cancel_at_once_have_one_winner() {
    let world = World::new().await;
    for round in 0..40 {
        let id = world.approved(&format!("k{round}"), "pm_ok", &format!("o{round}")).await;
        let mut calls = vec![act(&world, "c", &id, "capture"), act(&world, "u", &id, "cancel")];
        if round % 2 == 1 {
            calls.reverse();
        }
        let replies = world.together(calls).await;
        let winners: Vec<String> = replies.iter().filter(|r| r.status == 200).map(|r| text(r, "/status")).collect();
        assert_eq!(winners, world.statuses(&format!("o{round}")).await);
        assert!(replies.iter().any(|reply| text(reply, "/error/code") == "payment_intent_unexpected_state"));
    }
}
