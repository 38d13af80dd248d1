//! Cancelling: up to the pivot's intent, at any moment of a saga's life.

use crate::common::gate::Fault;
use crate::common::service::{Say, Service};
use crate::common::steps::{Trip, act, ask, finish, millis, named, secs, trip, undo};
use crate::common::{Process, World, is_right, story};
use partita_core::{Again, Effect};
use partita_saga::{Cancel, Class, Saga};
use std::time::Duration;

async fn cancel(process: &Process, id: &str) -> Cancel {
    process.engine.cancel(id).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn during_an_attempt_it_is_accepted_at_once_and_the_attempt_is_let_end() {
    let world = World::new();
    world.service.script("do", "b", [Say::Slow(secs(1))]);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    world.pass(millis(500)).await;
    assert_eq!(cancel(&process, "t-1").await, Cancel::Accepted);
    assert_eq!(world.elapsed(), 500);
    assert_eq!(process.facts("t-1").await.last().unwrap(), "cancel", "a record of its own");
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Compensated);
    assert_eq!(detail.row.reason.as_deref(), Some("cancelled"));
    assert_eq!(world.service.heard("t-1"), ["do a", "do b", "undo b", "undo a"]);
    assert!(story(&detail).contains(&"cancel.requested".to_owned()));
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_never_answers_is_settled_first() {
    let world = World::new();
    world.service.script("do", "b", [Say::LostReply]);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    world.pass(millis(500)).await;
    assert_eq!(cancel(&process, "t-1").await, Cancel::Accepted);
    let detail = process.rests("t-1").await;
    assert_eq!(world.service.heard("t-1"), ["do a", "do b", "undo b", "undo a"]);
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn while_it_waits_for_its_next_attempt_it_turns_back_at_once() {
    for patience in [millis(10), secs(20)] {
        let world = World::new();
        world.service.always("do", "b", Say::Fail(Again::Later, Effect::Possible));
        let process = world.boot(&[&trip()]);
        process.start("t-1").await;
        world.pass(patience).await;
        let calls = world.service.heard("t-1").len();
        let before = world.elapsed();
        assert_eq!(cancel(&process, "t-1").await, Cancel::Accepted);
        let detail = process.rests("t-1").await;
        assert_eq!(world.elapsed(), before);
        assert_eq!(world.service.heard("t-1")[calls..], ["undo b", "undo a"]);
        is_right(&world, &detail);
    }
}

/// Waits 30 s in the store after a lost request.
fn patient() -> Saga<Trip, Service> {
    named("patient")
        .step("a", act("a"))
        .undo(undo("a"))
        .attempt(secs(2))
        .probe(ask("a"))
        .window(secs(30))
        .pivot("p", act("p"))
        .build()
}

#[tokio::test(start_paused = true)]
async fn a_saga_that_rests_in_the_store_is_woken_for_it() {
    let world = World::new();
    world.service.script("do", "a", [Say::LostRequest]);
    let process = world.boot(&[&patient()]);
    process.start("t-1").await;
    world.pass(secs(10)).await;
    assert_eq!((process.look("t-1").await.row.class, process.engine.running()), (Class::Waiting, 0));
    assert_eq!(cancel(&process, "t-1").await, Cancel::Accepted);
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.reason.as_deref(), Some("cancelled"));
    assert_eq!(world.elapsed(), 32_000, "it is settled before it is left");
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn a_saga_that_waits_for_a_slot_needs_none_to_be_cancelled() {
    let mut world = World::new();
    world.settings.max_running = 1;
    world.service.script("do", "a", [Say::Slow(secs(1))]);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    world.pass(millis(1)).await;
    process.start("t-2").await;
    world.pass(millis(1)).await;
    assert_eq!(cancel(&process, "t-2").await, Cancel::Accepted);
    let detail = process.rests("t-2").await;
    assert_eq!((detail.row.class, world.elapsed()), (Class::Compensated, 2));
    assert_eq!(world.service.heard("t-2"), Vec::<String>::new());
    assert_eq!(process.rests("t-1").await.row.class, Class::Completed);
}

#[tokio::test(start_paused = true)]
async fn from_the_pivots_intent_on_it_is_refused() {
    let world = World::new();
    world.service.script("do", "p", [Say::Slow(secs(1)), Say::Done]).script("do", "c", [Say::LostRequest]);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    world.pass(millis(500)).await;
    assert_eq!(cancel(&process, "t-1").await, Cancel::Refused);
    world.pass(secs(1)).await;
    assert_eq!(cancel(&process, "t-1").await, Cancel::Refused);
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Completed);
    assert_eq!(cancel(&process, "t-1").await, Cancel::Refused);
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn a_saga_that_unwinds_for_another_reason_keeps_it() {
    let world = World::new();
    world.service.script("do", "p", [Say::Reject("declined")]).script("undo", "b", [Say::Slow(secs(1))]);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    world.pass(millis(500)).await;
    assert_eq!(cancel(&process, "t-1").await, Cancel::Refused);
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.reason.as_deref(), Some("p was refused: declined"));
    assert_eq!(cancel(&process, "t-1").await, Cancel::Refused);
}

#[tokio::test(start_paused = true)]
async fn once_accepted_it_is_accepted_whenever_it_is_asked_again() {
    let world = World::new();
    world.service.script("do", "b", [Say::SlowReject(secs(1))]).script("undo", "a", [Say::Slow(secs(1))]);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    world.pass(millis(500)).await;
    assert_eq!(cancel(&process, "t-1").await, Cancel::Accepted);
    assert_eq!(cancel(&process, "t-1").await, Cancel::Accepted);
    world.pass(secs(1)).await;
    assert_eq!(process.look("t-1").await.row.class, Class::Unwinding);
    assert_eq!(cancel(&process, "t-1").await, Cancel::Accepted);
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.reason.as_deref(), Some("cancelled"), "although the step was refused meanwhile");
    assert_eq!(cancel(&process, "t-1").await, Cancel::Accepted);
    let facts = process.facts("t-1").await.join(", ");
    assert_eq!(facts.matches("cancel").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_was_accepted_stays_so_when_the_saga_is_parked_on_the_way() {
    let world = World::new();
    world.service.script("do", "b", [Say::Slow(secs(1))]);
    world.service.always("undo", "b", Say::Fail(Again::Later, Effect::Possible));
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    world.pass(millis(500)).await;
    assert_eq!(cancel(&process, "t-1").await, Cancel::Accepted);
    assert_eq!(process.rests("t-1").await.row.class, Class::Parked);
    assert_eq!(cancel(&process, "t-1").await, Cancel::Accepted);
}

#[tokio::test(start_paused = true)]
async fn nobody_knows_a_saga_that_was_never_started() {
    let world = World::new();
    let process = world.boot(&[&trip()]);
    assert_eq!(cancel(&process, "t-1").await, Cancel::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_at_once_are_all_answered() {
    let world = World::new();
    world.service.script("do", "a", [Say::Slow(secs(1))]);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    world.pass(millis(100)).await;
    let asked = futures_util::future::join_all((0..100).map(|_| cancel(&process, "t-1"))).await;
    assert!(asked.iter().all(|answer| *answer == Cancel::Accepted));
    process.rests("t-1").await;
    let letters = partita_core::Records::page(&*process.gate, "saga_letters", None, 10).await.unwrap();
    assert_eq!(letters, []);
}

async fn crashes_at_the_decision(world: &World, patience: Duration) -> Process {
    let process = world.boot(&[&patient()]);
    process.start("t-1").await;
    world.pass(patience).await;
    process.gate.fails_at(process.gate.commits().len() + 1, Fault::CrashBefore);
    tokio::select! {
        biased;
        () = process.gate.died() => {}
        _ = cancel(&process, "t-1") => panic!("it was answered"),
    }
    process.crash().await;
    world.boot(&[&patient()])
}

#[tokio::test(start_paused = true)]
async fn a_letter_that_a_crash_left_undecided_is_read_at_the_next_start() {
    let world = World::new();
    world.service.script("do", "a", [Say::Slow(secs(1))]);
    let process = crashes_at_the_decision(&world, millis(500)).await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.reason.as_deref(), Some("cancelled"));
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn a_letter_to_a_saga_at_rest_is_read_at_the_next_start_too() {
    let world = World::new();
    world.service.script("do", "a", [Say::LostRequest]);
    let process = crashes_at_the_decision(&world, secs(10)).await;
    world.pass(millis(1)).await;
    assert_eq!(process.look("t-1").await.row.class, Class::Unwinding);
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.reason.as_deref(), Some("cancelled"));
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_was_accepted_outlives_a_crash() {
    let world = World::new();
    world.service.script("do", "b", [Say::Slow(secs(1))]);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    world.pass(millis(500)).await;
    assert_eq!(cancel(&process, "t-1").await, Cancel::Accepted);
    process.crash().await;
    let process = world.boot(&[&trip()]);
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.reason.as_deref(), Some("cancelled"));
    world.pass(secs(5)).await;
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_stops_does_not_leave_the_caller_hanging() {
    let world = World::new();
    world.service.script("do", "a", [Say::LostRequest]);
    let process = world.boot(&[&patient()]);
    process.start("t-1").await;
    world.pass(secs(10)).await;
    process.engine.stop(secs(1)).await;
    assert!(process.engine.cancel("t-1").await.is_err());
    process.crash().await;
    let process = world.boot(&[&patient()]);
    assert_eq!(process.rests("t-1").await.row.reason.as_deref(), Some("cancelled"), "the next owner decided");
}

#[tokio::test(start_paused = true)]
async fn a_race_of_cancel_and_pivot_has_one_winner() {
    let saga = named("trip").step("a", act("a")).undo(undo("a")).pivot("p", act("p")).step("c", finish("c")).build();
    let (mut accepted, mut refused) = (0, 0);
    for at in 0..60 {
        let world = World::new();
        world.service.always("do", "a", Say::Slow(millis(20))).always("do", "p", Say::Slow(millis(20)));
        let process = world.boot(&[&saga]);
        process.start("t-1").await;
        world.pass(millis(at)).await;
        let answer = cancel(&process, "t-1").await;
        let detail = process.rests("t-1").await;
        is_right(&world, &detail);
        match answer {
            Cancel::Accepted => {
                assert_eq!(detail.row.reason.as_deref(), Some("cancelled"));
                accepted += 1;
            }
            _ => {
                assert_eq!(detail.row.class, Class::Completed);
                refused += 1;
            }
        }
    }
    assert!(accepted > 10 && refused > 10, "{accepted} {refused}");
}
