//! Sagas that turn back.

use crate::common::service::{Say, Service};
use crate::common::steps::{Trip, act, finish, millis, named, secs, trip, undo};
use crate::common::{Process, World, story};
use partita_core::{Again, Effect, Records};
use partita_saga::{Class, Saga};
use serde_json::Value;

#[tokio::test(start_paused = true)]
async fn a_refusal_undoes_what_was_done_last_first() {
    let world = World::new();
    world.service.script("do", "p", [Say::Reject("declined")]);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Compensated);
    assert_eq!(detail.row.reason.as_deref(), Some("p was refused: declined"));
    assert_eq!(world.service.heard("t-1"), ["do a", "do b", "do p", "undo b", "undo a"]);
    assert_eq!(world.service.left_behind("t-1"), []);
    assert_eq!(
        process.facts("t-1").await[3..],
        ["rejected 2, unwind, open 1 u1", "undone 1, open 0 u1", "undone 0, end"]
    );
    assert_eq!(
        story(&detail)[6..],
        ["step.rejected p", "unwind.started", "step.undone b", "step.undone a", "saga.ended"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_first_step_that_is_refused_ends_the_saga_in_one_record() {
    let world = World::new();
    world.service.script("do", "a", [Say::Reject("sold out")]);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    process.rests("t-1").await;
    assert_eq!(process.facts("t-1").await, ["start, open 0 d1", "rejected 0, unwind, end"]);
}

#[tokio::test(start_paused = true)]
async fn an_undo_is_tried_as_often_as_told_then_given_up_and_the_others_still_run() {
    let world = World::new();
    world.service.script("do", "p", [Say::Reject("declined")]);
    world.service.always("undo", "b", Say::Fail(Again::Later, Effect::Possible));
    let trip = named("trip")
        .step("a", act("a"))
        .undo(undo("a"))
        .step("b", act("b"))
        .undo(undo("b"))
        .undo_retry(8)
        .pivot("p", act("p"))
        .step("c", finish("c"))
        .build();
    let process = world.boot(&[&trip]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!((detail.row.class, detail.row.reason.as_deref()), (Class::Parked, Some("cannot undo b")));
    assert_eq!(detail.waiting_for.as_deref(), Some("waits for an operator: cannot undo b"));
    let heard = world.service.heard("t-1");
    assert_eq!(heard.iter().filter(|call| *call == "undo b").count(), 8);
    assert_eq!(heard.last().unwrap(), "undo a");
    assert_eq!(world.service.left_behind("t-1"), [("b".to_owned(), 1)]);
    assert_eq!((detail.steps[1].state, detail.steps[1].undo_attempts), ("parked", 8));
    assert_eq!(
        (detail.steps[0].state, detail.steps[2].state, detail.steps[3].state),
        ("undone", "rejected", "skipped")
    );
    assert_eq!(story(&detail).iter().filter(|entry| *entry == "undo.failed b").count(), 9, "and given up");
}

/// `b`, whose undo may be tried thrice, pivot `p`, `c`.
fn three_tries() -> Saga<Trip, Service> {
    named("trip").step("b", act("b")).undo(undo("b")).undo_retry(3).pivot("p", act("p")).step("c", finish("c")).build()
}

/// Starts a saga whose undo of `b` may be tried thrice, and crashes so often during it.
async fn crashes_during_its_undo(world: &World, crashes: usize) -> Process {
    world.service.script("do", "p", [Say::Reject("declined")]);
    world.service.always("undo", "b", Say::Slow(secs(1)));
    let trip = three_tries();
    let mut process = world.boot(&[&trip]);
    process.start("t-1").await;
    for _ in 0..crashes {
        world.pass(millis(500)).await;
        process.crash().await;
        process = world.boot(&[&trip]);
    }
    process
}

#[tokio::test(start_paused = true)]
async fn an_undo_is_not_given_up_for_crashes_and_still_has_all_its_tries() {
    let world = World::new();
    let process = crashes_during_its_undo(&world, 5).await;
    world.service.mended("undo", "b");
    world.service.script(
        "undo",
        "b",
        [Say::Fail(Again::Later, Effect::Possible), Say::Fail(Again::Later, Effect::Possible)],
    );
    assert_eq!(process.rests("t-1").await.row.class, Class::Compensated);
    assert_eq!(world.service.left_behind("t-1"), []);
}

#[tokio::test(start_paused = true)]
async fn an_undo_that_ends_each_process_is_given_up() {
    let world = World::new();
    let process = crashes_during_its_undo(&world, 100).await;
    let detail = process.rests("t-1").await;
    assert_eq!((detail.row.class, detail.steps[0].undo_attempts), (Class::Parked, 100));
}

#[tokio::test(start_paused = true)]
async fn a_participant_that_is_down_for_four_minutes_parks_nobody() {
    let world = World::new();
    world.service.script("do", "p", [Say::Reject("declined")]);
    world.service.always("undo", "b", Say::Fail(Again::Later, Effect::Possible));
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    world.pass(secs(180)).await;
    assert_eq!(process.look("t-1").await.row.class, Class::Unwinding);
    world.service.mended("undo", "b");
    assert_eq!(process.rests("t-1").await.row.class, Class::Compensated);
    assert_eq!(world.service.left_behind("t-1"), []);
}

/// A saga whose undo may be tried thrice, and whose participant puts it off.
async fn its_undo_is_put_off(world: &World, wait: u64) -> Process {
    world.service.script("do", "p", [Say::Reject("declined")]);
    world.service.always("undo", "b", Say::PutOff(secs(wait)));
    let process = world.boot(&[&three_tries()]);
    process.start("t-1").await;
    process
}

#[tokio::test(start_paused = true)]
async fn an_undo_that_is_put_off_uses_up_no_try_and_waits_as_it_was_asked_to() {
    let world = World::new();
    let process = its_undo_is_put_off(&world, 7).await;
    world.pass(secs(3_600)).await;
    let detail = process.look("t-1").await;
    assert_eq!(detail.row.class, Class::Unwinding);
    let attempts = detail.steps[0].undo_attempts;
    assert!((280..=370).contains(&attempts), "{attempts}");
    assert_eq!(detail.steps[0].note.as_deref(), Some("scripted"));
    let told: Vec<_> = detail.timeline.iter().filter(|entry| entry.event == "undo.failed").collect();
    let details: Vec<_> = told.iter().map(|entry| (entry.attempt, entry.detail.as_deref().unwrap())).collect();
    let last = (Some(attempts - 1), "put off again, for the same reason");
    assert_eq!(details, [(Some(1), "scripted"), last], "the first and the last are shown");
    let journal = process.journal("t-1").await;
    let said = |record: &Value| record["f"][0]["unknown"]["error"].as_str().map(ToOwned::to_owned);
    let said: Vec<String> = journal.iter().filter_map(said).collect();
    assert_eq!(
        (u32::try_from(said.len()).unwrap(), said.iter().filter(|text| !text.is_empty()).count()),
        (attempts - 1, 1),
        "said once"
    );
    let heard = world.pager.overdue();
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert_eq!(heard[0], "t-1: its undos were put off 100 times in all");
    world.service.mended("undo", "b");
    let fail = Say::Fail(Again::Later, Effect::Possible);
    world.service.script("undo", "b", [fail.clone(), fail]);
    assert_eq!(process.rests("t-1").await.row.class, Class::Compensated, "all its tries are left");
    assert_eq!(world.service.left_behind("t-1"), []);
}

#[tokio::test(start_paused = true)]
async fn an_undo_has_its_own_time_where_it_is_told() {
    for (told, tries) in [(None, 2), (Some(secs(8)), 1)] {
        let world = World::new();
        world.service.script("do", "p", [Say::Reject("declined")]);
        world.service.script("undo", "b", [Say::Slow(secs(5))]);
        let step = named("trip").step("b", act("b")).undo(undo("b")).attempt(secs(2));
        let step = told.into_iter().fold(step, |step, limit| step.undo_attempt(limit));
        let process = world.boot(&[&step.pivot("p", act("p")).step("c", finish("c")).build()]);
        process.start("t-1").await;
        let detail = process.rests("t-1").await;
        assert_eq!((detail.row.class, detail.steps[0].undo_attempts), (Class::Compensated, tries), "{told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_undo_that_is_put_off_for_a_day_is_tried_each_minute() {
    let world = World::new();
    let process = its_undo_is_put_off(&world, 86_400).await;
    world.pass(secs(600)).await;
    let attempts = process.look("t-1").await.steps[0].undo_attempts;
    assert!((10..=11).contains(&attempts), "{attempts}");
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_put_off_uses_up_no_try_and_its_time_still_ends_it() {
    for (left, end) in [(6, Class::Completed), (60, Class::Compensated)] {
        let world = World::new();
        world.service.script("do", "b", vec![Say::PutOff(secs(1)); left]);
        let saga = named("trip")
            .step("a", act("a"))
            .undo(undo("a"))
            .step("b", act("b"))
            .undo(undo("b"))
            .retry(2)
            .within(secs(40))
            .build();
        let process = world.boot(&[&saga]);
        process.start("t-1").await;
        assert_eq!(process.rests("t-1").await.row.class, end);
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_parked_is_reported_once_also_over_a_restart() {
    let world = World::new();
    world.service.script("do", "p", [Say::Reject("declined")]);
    world.service.always("undo", "a", Say::Panic);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    let parked = process.rests("t-1").await;
    let task = process.gate.get("operator_tasks", "t-1").await.unwrap().unwrap();
    assert!(task.value.contains("cannot undo a"), "{}", task.value);
    process.crash().await;
    let process = world.boot(&[&trip()]);
    world.pass(secs(100)).await;
    assert_eq!(process.look("t-1").await.row.changed_at, parked.row.changed_at);
    let heard = world.pager.heard();
    assert_eq!(heard.len(), 1);
    assert_eq!((&*heard[0].saga, &*heard[0].name, &*heard[0].why), ("t-1", "trip", "cannot undo a"));
    assert_eq!(process.engine.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_can_never_work_and_may_have_acted_parks_at_once() {
    for step in ["a", "p", "c"] {
        let world = World::new();
        world.service.script("do", step, [Say::Fail(Again::Never, Effect::Possible)]);
        let process = world.boot(&[&trip()]);
        process.start("t-1").await;
        let detail = process.rests("t-1").await;
        assert_eq!(detail.row.class, Class::Parked);
        assert_eq!(detail.row.reason, Some(format!("{step} cannot go on: scripted")));
        assert_eq!(world.elapsed(), 0);
        assert!(world.service.heard("t-1").iter().all(|call| call.starts_with("do")));
    }
}

#[tokio::test(start_paused = true)]
async fn what_certainly_did_nothing_is_tried_again_even_if_its_request_was_wrong() {
    let world = World::new();
    world.service.script("do", "a", [Say::Fail(Again::Never, Effect::None)]);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    assert_eq!(process.rests("t-1").await.row.class, Class::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_an_attempt_without_an_answer() {
    let world = World::new();
    world.service.script("do", "a", [Say::Panic]).script("do", "c", [Say::Panic]);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Completed);
    assert_eq!(detail.steps[0].attempts, 2);
    assert_eq!(detail.steps[0].note.as_deref(), Some("the step panicked"));
}

#[tokio::test(start_paused = true)]
async fn a_step_after_the_pivot_that_uses_up_its_tries_is_parked() {
    let world = World::new();
    world.service.always("do", "c", Say::Fail(Again::Later, Effect::None));
    let saga =
        named("trip").step("a", act("a")).undo(undo("a")).pivot("p", act("p")).step("c", finish("c")).retry(3).build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.reason.as_deref(), Some("c failed 3 times"));
    assert_eq!(world.service.heard("t-1"), ["do a", "do p", "do c", "do c", "do c"]);
}

#[tokio::test(start_paused = true)]
async fn a_step_before_the_pivot_that_uses_up_its_tries_turns_the_saga_back() {
    let world = World::new();
    world.service.always("do", "b", Say::Fail(Again::Later, Effect::None));
    let saga = named("trip").step("a", act("a")).undo(undo("a")).step("b", act("b")).undo(undo("b")).retry(3).build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.reason.as_deref(), Some("b did not answer in time"));
    assert_eq!(world.service.heard("t-1"), ["do a", "do b", "do b", "do b", "undo a"]);
}
