//! Parallel groups.

use crate::common::gate::Fault;
use crate::common::service::{Say, Service};
use crate::common::steps::{Trip, act, finish, millis, named, secs, undo};
use crate::common::{NOTES, World, is_right};
use futures_util::TryFutureExt;
use partita_core::{Again, Effect, Expect, Part, Put};
use partita_saga::{Cancel, Class, Probe, Saga, Step, StepResult};
use partita_time::BoxFuture;

/// A branch that hands back how many steps were done before it.
pub(crate) fn branch(step: &'static str) -> impl Fn(Trip, Step<Service>) -> BoxFuture<'static, StepResult<usize>> {
    move |trip, cx| Box::pin(async move { Ok(cx.env().act(step, trip, &cx).await?.done.len()) })
}

fn grouped() -> Saga<Trip, Service> {
    named("grouped")
        .step("a", act("a"))
        .undo(undo("a"))
        .together("holds")
        .branch("x", branch("x"))
        .undo(undo("x"))
        .attempt(secs(2))
        .branch("y", branch("y"))
        .undo(undo("y"))
        .attempt(secs(2))
        .retry(3)
        .join(|mut trip: Trip, (x, y)| {
            trip.done.push(format!("x{x} y{y}"));
            trip
        })
        .pivot("p", act("p"))
        .step("c", finish("c"))
        .build()
}

#[tokio::test(start_paused = true)]
async fn branches_run_at_once_and_their_outputs_are_joined() {
    let world = World::new();
    world.service.always("do", "x", Say::Slow(secs(1))).always("do", "y", Say::Slow(secs(1)));
    let process = world.boot(&[&grouped()]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!((detail.row.class, world.elapsed()), (Class::Completed, 1_000));
    assert_eq!(detail.state, r#"{"done":["a","x2 y2","p","c"]}"#, "each saw the state before the group");
    assert_eq!(process.facts("t-1").await[1..3], ["done 0, open 1 d1, open 2 d1", "done 1, done 2, open 3 d1"]);
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_is_done_waits_for_the_others_a_tenth_of_a_second() {
    for (slower, records) in [(99, 1), (101, 2)] {
        let world = World::new();
        world.service.script("do", "y", [Say::Slow(millis(slower))]);
        let process = world.boot(&[&grouped()]);
        process.start("t-1").await;
        let detail = process.rests("t-1").await;
        let facts = process.facts("t-1").await;
        let of_branches = facts.iter().filter(|facts| facts.starts_with("done 1") || facts.starts_with("done 2"));
        assert_eq!(of_branches.count(), records, "{facts:?}");
        is_right(&world, &detail);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_branch_stages_is_written_at_once_and_by_itself() {
    let world = World::new();
    world.service.script("do", "y", [Say::Slow(millis(50))]);
    let saga = named("staged")
        .together("both")
        .branch("x", |trip: Trip, cx: Step<Service>| async move {
            cx.also(Part::new().put(Put::value(NOTES, cx.saga(), Expect::Absent, "1".to_owned())));
            StepResult::Ok(trip.done.len())
        })
        .undo(undo("x"))
        .branch("y", branch("y"))
        .undo(undo("y"))
        .join(|trip: Trip, (_, _): (usize, usize)| trip)
        .build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    process.rests("t-1").await;
    assert_eq!(process.facts("t-1").await[1..], ["done 0", "done 1, end"]);
    let noted = process.gate.commits().iter().position(|commit| commit.part.puts.iter().any(|put| put.space == NOTES));
    assert_eq!(noted, Some(1));
}

#[tokio::test(start_paused = true)]
async fn behind_the_pivot_branches_run_at_once_and_go_on_until_all_are_done() {
    for at in 0..6 {
        for fault in [Fault::CrashBefore, Fault::CrashAfter] {
            let world = World::new();
            world.service.script("do", "x", [Say::LostReply]);
            world.service.script("do", "y", [Say::Fail(Again::Later, Effect::Possible)]);
            let mut process = world.boot(&[&forward()]);
            process.gate.fails_at(at, fault);
            tokio::select! {
                biased;
                () = process.gate.died() => {
                    process.crash().await;
                    process = world.boot(&[&forward()]);
                    process.start("t-1").await;
                }
                () = async {
                    while process.try_start("t-1").await.is_err() {}
                    process.rests("t-1").await;
                } => {}
            }
            let detail = process.rests("t-1").await;
            assert_eq!(detail.row.class, Class::Completed, "{fault:?} at {at}");
            assert_eq!(detail.state, r#"{"done":["p","joined","c"]}"#);
            is_right(&world, &detail);
        }
    }
}

/// A pivot, then branches that hand back nothing.
fn forward() -> Saga<Trip, Service> {
    let last = |step: &'static str| move |trip, cx| finish(step)(trip, cx).map_ok(drop);
    named("forward")
        .pivot("p", act("p"))
        .together("last")
        .branch("x", last("x"))
        .attempt(secs(2))
        .branch("y", last("y"))
        .join(|mut trip: Trip, ((), ())| {
            trip.done.push("joined".to_owned());
            trip
        })
        .step("c", finish("c"))
        .build()
}

#[tokio::test(start_paused = true)]
async fn a_branch_is_refused_while_another_runs_is_done_or_is_in_doubt() {
    let cases: [(&str, Vec<Say>, &[&str]); 4] = [
        ("runs", vec![Say::Slow(secs(1))], &["undo y", "undo a"]),
        ("is done", vec![Say::Slow(millis(100))], &["undo y", "undo a"]),
        ("never answers", vec![Say::LostReply], &["undo y", "undo a"]),
        ("was refused too", vec![Say::SlowReject(secs(1))], &["undo a"]),
    ];
    for (what, script, undone) in cases {
        let world = World::new();
        world.service.script("do", "x", [Say::SlowReject(millis(500))]).script("do", "y", script);
        let process = world.boot(&[&grouped()]);
        process.start("t-1").await;
        let detail = process.rests("t-1").await;
        assert_eq!(detail.row.reason.as_deref(), Some("x was refused: refused after a while"), "{what}");
        assert_eq!(world.service.heard("t-1")[3..], *undone, "{what}");
        is_right(&world, &detail);
    }
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_waits_for_its_next_try_is_not_tried_again_once_another_is_refused() {
    let world = World::new();
    world.service.script("do", "x", [Say::SlowReject(millis(500))]);
    world.service.always("do", "y", Say::Fail(Again::Later, Effect::Possible));
    let process = world.boot(&[&grouped()]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Compensated);
    crate::common::goes_back_in_order(&world, &detail);
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_uses_up_its_tries_turns_the_saga_back_and_the_running_one_is_undone() {
    let world = World::new();
    world.service.script("do", "x", [Say::Slow(millis(1_900))]);
    world.service.always("do", "y", Say::Fail(Again::Later, Effect::None));
    let process = world.boot(&[&grouped()]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.reason.as_deref(), Some("y did not answer in time"));
    assert_eq!(world.service.heard("t-1").iter().filter(|call| *call == "do y").count(), 3);
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_waits_for_every_branch_and_starts_none_anew() {
    let world = World::new();
    world.service.script("do", "x", [Say::Slow(millis(1_900))]);
    world.service.always("do", "y", Say::Fail(Again::Later, Effect::None));
    let process = world.boot(&[&grouped()]);
    process.start("t-1").await;
    world.pass(millis(2)).await;
    let tried = world.service.heard("t-1").iter().filter(|call| *call == "do y").count();
    assert_eq!(process.engine.cancel("t-1").await.unwrap(), Cancel::Accepted);
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.reason.as_deref(), Some("cancelled"));
    assert_eq!(world.service.heard("t-1").iter().filter(|call| *call == "do y").count(), tried);
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn undos_of_a_group_run_at_once() {
    let world = World::new();
    world.service.script("do", "p", [Say::Reject("no")]);
    world.service.always("undo", "x", Say::Slow(secs(1))).always("undo", "y", Say::Slow(secs(1)));
    let process = world.boot(&[&grouped()]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(world.elapsed(), 1_000);
    assert_eq!(world.service.heard("t-1").last().unwrap(), "undo a", "the step before the group comes after all of it");
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn a_crash_in_the_middle_of_a_group_keeps_what_was_done() {
    let world = World::new();
    world.service.script("do", "y", [Say::Slow(secs(1))]);
    let process = world.boot(&[&grouped()]);
    process.start("t-1").await;
    world.pass(millis(500)).await;
    process.crash().await;
    let process = world.boot(&[&grouped()]);
    let detail = process.rests("t-1").await;
    assert_eq!(detail.state, r#"{"done":["a","x2 y2","p","c"]}"#);
    assert_eq!(world.service.heard("t-1"), ["do a", "do x", "do y", "do y", "do p", "do c"]);
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn a_fault_at_any_commit_of_a_group_changes_no_end() {
    for (pivot, ends) in [(Say::Done, Class::Completed), (Say::Reject("no"), Class::Compensated)] {
        for at in 0..9 {
            for fault in [Fault::CrashBefore, Fault::CrashAfter, Fault::LostAnswer, Fault::Full] {
                let world = World::new();
                world.service.always("do", "p", pivot.clone());
                let mut process = world.boot(&[&grouped()]);
                process.gate.fails_at(at, fault);
                let died = tokio::select! {
                    biased;
                    () = process.gate.died() => true,
                    () = async {
                        while process.try_start("t-1").await.is_err() {}
                        process.rests("t-1").await;
                    } => false,
                };
                if died {
                    process.crash().await;
                    process = world.boot(&[&grouped()]);
                    process.start("t-1").await;
                }
                let detail = process.rests("t-1").await;
                assert_eq!(detail.row.class, ends, "{fault:?} at {at}");
                is_right(&world, &detail);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_branch_says_how_it_is_settled() {
    let world = World::new();
    world.service.script("do", "x", [Say::LostReply]).script("do", "y", [Say::LostReply]);
    let saga = named("settled")
        .together("both")
        .branch("x", branch("x"))
        .undo(undo("x"))
        .attempt(secs(2))
        .probe(|trip: Trip, cx: Step<Service>| async move {
            Ok(match cx.env().ask("x", trip, &cx)? {
                Probe::Done(trip) => Probe::Done(trip.done.len()),
                Probe::NotDone => Probe::NotDone,
                Probe::StillUnknown => Probe::StillUnknown,
            })
        })
        .window(secs(3))
        .branch("y", branch("y"))
        .undo(undo("y"))
        .attempt(secs(2))
        .within(secs(1))
        .insist(secs(60))
        .join(|trip: Trip, (_, _): (usize, usize)| trip)
        .build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.reason.as_deref(), Some("y did not answer in time"));
    let mut heard = world.service.heard("t-1");
    heard.sort();
    assert_eq!(heard, ["ask x", "do x", "do y", "do y", "undo x", "undo y"]);
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn a_join_that_panics_parks_its_saga() {
    let world = World::new();
    let saga = named("joined")
        .together("one")
        .branch("x", branch("x"))
        .undo(undo("x"))
        .join(|_: Trip, _: (usize,)| panic!("scripted"))
        .build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.reason.as_deref(), Some("the outputs of a group cannot be joined: `join` panicked"));
}
