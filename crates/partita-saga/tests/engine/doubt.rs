//! A step in doubt is settled before it is undone, and never guessed.

use crate::common::service::{Say, Service};
use crate::common::steps::{Trip, act, ask, finish, named, secs, undo};
use crate::common::{World, goes_back_in_order, is_right, story};
use partita_core::{Again, Effect};
use partita_saga::{Class, Draft, Saga, place};
use std::time::Duration;

type Open = Draft<Trip, Service, place::Open>;

/// `a`, `b` as `settle` says, which gives up after one try, pivot `p`.
fn one_try(settle: fn(Open) -> Open) -> Saga<Trip, Service> {
    let b = named("one try")
        .step("a", act("a"))
        .undo(undo("a"))
        .step("b", act("b"))
        .undo(undo("b"))
        .attempt(secs(2))
        .retry(1);
    settle(b).pivot("p", act("p")).build()
}

#[tokio::test(start_paused = true)]
async fn an_own_service_is_told_at_once_and_its_tombstone_refuses_the_late_action() {
    let world = World::new();
    world.service.script("do", "b", [Say::Late(secs(5))]);
    let process = world.boot(&[&one_try(|b| b)]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.reason.as_deref(), Some("b did not answer in time"));
    assert_eq!(world.service.heard("t-1"), ["do a", "do b", "undo b", "undo a"]);
    world.pass(secs(10)).await;
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_does_not_vouch_for_an_earlier_attempt_that_may_still_arrive() {
    let world = World::new();
    world.service.script("do", "b", [Say::Late(secs(30)), Say::Reject("sold out")]);
    let saga =
        named("trip").step("a", act("a")).undo(undo("a")).step("b", act("b")).undo(undo("b")).attempt(secs(2)).build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.reason.as_deref(), Some("b was refused: sold out"));
    assert_eq!(world.service.heard("t-1"), ["do a", "do b", "do b", "undo b", "undo a"]);
    world.pass(secs(60)).await;
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_at_the_first_try_is_not_undone() {
    let world = World::new();
    world.service.script("do", "b", [Say::Fail(Again::Later, Effect::None), Say::Reject("sold out")]);
    let saga = named("trip").step("a", act("a")).undo(undo("a")).step("b", act("b")).undo(undo("b")).build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    process.rests("t-1").await;
    assert_eq!(world.service.heard("t-1"), ["do a", "do b", "do b", "undo a"]);
}

#[tokio::test(start_paused = true)]
async fn a_third_party_is_asked_the_same_until_it_answers_and_then_told_to_undo() {
    let world = World::new();
    world.service.script("do", "b", [Say::LostReply, Say::LostRequest, Say::Fail(Again::Later, Effect::Possible)]);
    let process = world.boot(&[&one_try(|b| b.insist(secs(60)))]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(world.service.heard("t-1"), ["do a", "do b", "do b", "do b", "do b", "undo b", "undo a"]);
    assert!(world.service.calls().iter().filter(|call| call.step == "b").all(|call| call.key == "t-1/b/0"));
    assert_eq!(detail.steps[1].attempts, 1, "settling is not among the attempts");
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn a_third_party_that_refuses_while_it_is_asked_has_nothing_to_undo() {
    let world = World::new();
    world.service.script("do", "b", [Say::LostRequest, Say::Reject("sold out")]);
    let process = world.boot(&[&one_try(|b| b.insist(secs(60)))]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(world.service.heard("t-1"), ["do a", "do b", "do b", "undo a"]);
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn past_the_time_of_its_key_a_third_party_is_not_asked_again_but_an_operator_is() {
    let world = World::new();
    world.service.always("do", "b", Say::LostRequest);
    let process = world.boot(&[&one_try(|b| b.insist(secs(20)))]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Parked);
    assert_eq!(detail.row.reason.as_deref(), Some("cannot undo b"));
    assert_eq!(world.service.left_behind("t-1"), [], "the other undo has run");
    let last = world.service.calls().into_iter().rfind(|call| call.verb == "do").unwrap();
    assert!(last.at < 20_000, "{last:?}");
    assert_eq!(detail.steps[1].state, "parked");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_ran_out_while_no_process_lived_is_not_used_again() {
    let world = World::new();
    world.service.always("do", "b", Say::LostReply);
    world.service.forgets_keys("b");
    let saga = one_try(|b| b.insist(secs(20)).retry(9));
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    world.pass(secs(1)).await;
    process.crash().await;
    world.pass(secs(100)).await;
    let process = world.boot(&[&saga]);
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Parked);
    assert!(detail.row.reason.unwrap().contains("keeps the key no longer"));
    assert_eq!(world.service.net("t-1", "b"), 1, "and not twice");
}

#[tokio::test(start_paused = true)]
async fn a_pivot_is_not_insisted_on_past_the_time_of_its_key() {
    let world = World::new();
    world.service.always("do", "p", Say::LostRequest);
    let saga = named("trip")
        .step("a", act("a"))
        .undo(undo("a"))
        .pivot("p", act("p"))
        .attempt(secs(2))
        .insist(secs(20))
        .build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Parked);
    assert!(!world.service.heard("t-1").contains(&"undo a".to_owned()), "nobody knows whether it went through");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_finds_nothing_inside_the_window_is_no_answer() {
    let world = World::new();
    world.service.forgets_keys("b");
    world.service.script("do", "b", [Say::Late(secs(4))]);
    let process = world.boot(&[&one_try(|b| b.probe(ask("b")).window(secs(5)))]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    let heard = world.service.heard("t-1");
    assert_eq!(heard.last().unwrap(), "undo a");
    assert_eq!(heard.iter().filter(|call| *call == "undo b").count(), 1);
    let asked: Vec<u64> = world.service.calls().iter().filter(|call| call.verb == "ask").map(|call| call.at).collect();
    assert_eq!(asked, [2_000, 7_000], "once at once, once when it is certain");
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_finds_nothing_outside_the_window_means_not_done() {
    let world = World::new();
    world.service.script("do", "b", [Say::LostRequest]);
    let process = world.boot(&[&one_try(|b| b.probe(ask("b")).window(secs(5)))]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(world.service.heard("t-1"), ["do a", "do b", "ask b", "ask b", "undo a"]);
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn going_forward_too_nothing_is_done_again_before_it_is_certain() {
    let world = World::new();
    world.service.forgets_keys("p");
    world.service.script("do", "p", [Say::Late(secs(4))]);
    let saga = named("trip").pivot("p", act("p")).attempt(secs(2)).probe(ask("p")).window(secs(5)).build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Completed);
    is_right(&world, &detail);
    assert_eq!(world.service.heard("t-1").iter().filter(|call| *call == "do p").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_request_is_made_again_once_the_window_has_passed() {
    let world = World::new();
    world.service.script("do", "p", [Say::LostRequest]);
    let saga = named("trip").pivot("p", act("p")).attempt(secs(2)).probe(ask("p")).window(secs(5)).build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    assert_eq!(process.rests("t-1").await.row.class, Class::Completed);
    let done: Vec<(u64, u32)> =
        world.service.calls().iter().filter(|call| call.verb == "do").map(|call| (call.at, call.attempt)).collect();
    assert_eq!(done, [(0, 1), (7_000, 2)]);
}

#[tokio::test(start_paused = true)]
async fn processing_is_no_answer_however_often_it_is_given() {
    let world = World::new();
    world.service.script("do", "b", [Say::LostReply]).script("ask", "b", (0..200).map(|_| Say::Processing));
    let process = world.boot(&[&one_try(|b| b.probe(ask("b")))]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(world.service.heard("t-1").len(), 2 + 201 + 2);
    goes_back_in_order(&world, &detail);
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn a_pivot_in_doubt_is_settled_past_every_deadline_and_nothing_is_undone_meanwhile() {
    for unanswered in [Say::Processing, Say::Fail(Again::Later, Effect::Possible)] {
        let world = World::new();
        world.service.script("do", "p", [Say::LostReply]).script("ask", "p", (0..100).map(|_| unanswered.clone()));
        let saga = named("trip")
            .deadline(secs(10))
            .step("a", act("a"))
            .undo(undo("a"))
            .pivot("p", act("p"))
            .attempt(secs(2))
            .within(secs(20))
            .retry(1)
            .probe(ask("p"))
            .step("c", finish("c"))
            .build();
        let process = world.boot(&[&saga]);
        process.start("t-1").await;
        let detail = process.rests("t-1").await;
        assert_eq!(detail.row.class, Class::Completed);
        assert!(world.service.heard("t-1").iter().all(|call| !call.starts_with("undo")));
        is_right(&world, &detail);
        let overdue = world.pager.overdue();
        assert_eq!(overdue.len(), 2, "once for the deadline, once for `.within`: {overdue:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_with_nothing_to_undo_may_stay_in_doubt() {
    let world = World::new();
    world.service.script("do", "b", [Say::LostRequest]);
    let saga = named("trip")
        .step("a", act("a"))
        .undo(undo("a"))
        .step("b", act("b"))
        .nothing_to_undo("reads only")
        .attempt(secs(2))
        .retry(1)
        .build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Compensated);
    assert_eq!(world.service.heard("t-1"), ["do a", "do b", "undo a"]);
    assert!(story(&detail).contains(&"step.unknown b".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn an_undo_is_given_the_last_state_that_was_committed_going_forward() {
    let world = World::new();
    world.service.always("do", "b", Say::LostReply);
    let seen = std::sync::Arc::new(std::sync::Mutex::new(vec![]));
    let look = |name: &'static str| {
        let seen = seen.clone();
        move |trip: Trip, _| {
            seen.lock().unwrap().push((name, trip.done));
            std::future::ready(Ok(()))
        }
    };
    let saga = named("trip")
        .step("a", act("a"))
        .undo(look("a"))
        .step("b", act("b"))
        .undo(look("b"))
        .attempt(Duration::from_secs(1))
        .retry(1)
        .build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    process.rests("t-1").await;
    assert_eq!(*seen.lock().unwrap(), [("b", vec!["a".to_owned()]), ("a", vec!["a".to_owned()])]);
}
