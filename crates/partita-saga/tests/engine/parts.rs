//! Writes that travel with a saga's records.

use crate::common::gate::Fault;
use crate::common::service::{Say, Service};
use crate::common::steps::{Trip, act, named, secs, undo};
use crate::common::{NOTES, World};
use crate::group::branch;
use partita_core::{Expect, Part, Put};
use partita_saga::{Class, End, Saga, Step, StepResult};

fn note(key: &str, expect: Expect, value: &str) -> Part {
    Part::new().put(Put::value(NOTES, key, expect, value.to_owned()))
}

/// Its step `b` stages a note, and its end another.
fn noting() -> Saga<Trip, Service> {
    named("noting")
        .step("a", act("a"))
        .undo(undo("a"))
        .step("b", |trip, cx: Step<Service>| async move {
            cx.also(note("staged", Expect::Absent, &cx.attempt().to_string()));
            cx.env().act("b", trip, &cx).await
        })
        .undo(undo("b"))
        .attempt(secs(2))
        .pivot("p", act("p"))
        .at_end(|trip, end| {
            let end = if *end == End::Completed { "completed" } else { "compensated" };
            Ok(note("end", Expect::Absent, &format!("{end} {}", trip.done.len())))
        })
        .build()
}

#[tokio::test(start_paused = true)]
async fn what_a_step_stages_is_true_with_its_done_and_only_of_the_attempt_that_was() {
    let world = World::new();
    world.service.script("do", "b", [Say::LostRequest, Say::Panic, Say::Slow(secs(1))]);
    let process = world.boot(&[&noting()]);
    process.start("t-1").await;
    while world.service.heard("t-1").len() < 4 {
        assert_eq!(process.note("staged").await, None);
        world.pass(secs(1) / 10).await;
    }
    assert_eq!(process.rests("t-1").await.row.class, Class::Completed);
    assert_eq!(process.note("staged").await.as_deref(), Some("3"));
}

#[tokio::test(start_paused = true)]
async fn of_a_refused_step_nothing_staged_is_kept() {
    let world = World::new();
    world.service.script("do", "b", [Say::Reject("no")]);
    let process = world.boot(&[&noting()]);
    process.start("t-1").await;
    assert_eq!(process.rests("t-1").await.row.class, Class::Compensated);
    assert_eq!(process.note("staged").await, None);
    assert_eq!(process.note("end").await.as_deref(), Some("compensated 1"));
}

#[tokio::test(start_paused = true)]
async fn what_is_staged_and_conflicts_parks_with_the_conflict() {
    let world = World::new();
    let process = world.boot(&[&noting()]);
    process.registered[0]
        .launch(process.registered[0].start("t-1", &Trip::default()).unwrap(), note("staged", Expect::Absent, "mine"))
        .await
        .unwrap();
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Parked);
    assert!(detail.row.reason.unwrap().starts_with("its writes are refused: Put(0) met revision 1"));
    assert_eq!(process.note("staged").await.as_deref(), Some("mine"));
    assert_eq!(world.pager.heard().len(), 1);
    assert_eq!(detail.steps[1].state, "parked");
    process.crash().await;
    let process = world.boot(&[&noting()]);
    world.pass(secs(10)).await;
    assert_eq!(process.look("t-1").await.row.class, Class::Parked);
}

#[tokio::test(start_paused = true)]
async fn the_last_part_and_the_end_are_one_commit() {
    let world = World::new();
    let process = world.boot(&[&noting()]);
    process.start("t-1").await;
    process.rests("t-1").await;
    assert_eq!(process.note("end").await.as_deref(), Some("completed 3"));
    let commits = process.gate.commits();
    let with_end: Vec<_> =
        commits.iter().filter(|commit| commit.part.puts.iter().any(|put| put.key == "end")).collect();
    assert_eq!(with_end.len(), 1);
    assert_eq!((with_end[0].journals.len(), with_end[0].part.appends.len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn whatever_crashes_end_and_last_part_are_there_together() {
    for at in 0..4 {
        for fault in [Fault::CrashBefore, Fault::CrashAfter] {
            let world = World::new();
            let process = world.boot(&[&noting()]);
            process.gate.fails_at(at, fault);
            tokio::select! {
                biased;
                () = process.gate.died() => {}
                () = async { process.start("t-1").await; process.rests("t-1").await; } => {}
            }
            process.crash().await;
            let process = world.open(&[&noting()]);
            let ended = partita_saga::Sagas::detail(&process.engine, "t-1")
                .await
                .unwrap()
                .is_some_and(|saga| saga.row.class.is_ended());
            assert_eq!(process.note("end").await.is_some(), ended, "{fault:?} at {at}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_cannot_be_written_parks() {
    let world = World::new();
    let failing = named("failing").step("a", act("a")).undo(undo("a")).at_end(|_, _| panic!("scripted")).build();
    let process = world.boot(&[&failing]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Parked);
    assert!(detail.row.reason.unwrap().contains("`at_end` gives nothing to write"));
}

#[tokio::test(start_paused = true)]
async fn what_ended_in_a_turn_that_is_refused_is_told_all_the_same() {
    let group = || named("group").together("both").branch("x", branch("x")).undo(undo("x"));
    let swollen = group()
        .branch("y", branch("y"))
        .undo(undo("y"))
        .join(|_, _: (usize, usize)| Trip { done: vec!["x".repeat(64 << 10)] });
    let endless = group().branch("y", branch("y")).undo(undo("y")).join(|trip: Trip, _: (usize, usize)| trip);
    let endless = endless.at_end(|_, _| panic!("scripted"));
    for saga in [swollen.build(), endless.build()] {
        let world = World::new();
        world.service.script("do", "y", [Say::Slow(secs(1))]);
        let process = world.boot(&[&saga]);
        process.start("t-1").await;
        let detail = process.rests("t-1").await;
        assert_eq!(detail.row.class, Class::Parked);
        assert_eq!(process.facts("t-1").await[1..], ["done 0", "done 1, parked"]);
        assert_eq!(detail.steps.iter().map(|step| step.state).collect::<Vec<_>>(), ["done", "done"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_undo_and_a_refusal_are_told_although_the_end_cannot_be() {
    let failing = |step| named("failing").step("a", act("a")).undo(undo("a")).step(step, act(step)).undo(undo(step));
    let failing = failing("b").at_end(|_, _| panic!("scripted")).build();
    let world = World::new();
    world.service.script("do", "b", [Say::Reject("no")]);
    let process = world.boot(&[&failing]);
    process.start("t-1").await;
    assert_eq!(process.rests("t-1").await.row.class, Class::Parked);
    let facts = process.facts("t-1").await;
    assert_eq!(facts.last().unwrap(), "undone 0, parked", "{facts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_step_that_blows_the_state_up_parks() {
    let world = World::new();
    let saga = named("swollen")
        .step("a", |mut trip: Trip, _| async move {
            trip.done.push("x".repeat(64 << 10));
            StepResult::Ok(trip)
        })
        .undo(undo("a"))
        .build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Parked);
    assert!(detail.row.reason.unwrap().contains("64 KiB"));
    assert_eq!(detail.state, r#"{"done":[]}"#);
}
