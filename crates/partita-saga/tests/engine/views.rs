//! Looking at sagas from outside.

use crate::common::service::Say;
use crate::common::steps::{Trip, act, ask, millis, named, secs, trip, undo};
use crate::common::{EPOCH, Process, World, is_right};
use partita_core::{Again, Effect};
use partita_saga::{Class, Sagas};

async fn counts(process: &Process) -> Vec<(&'static str, u64)> {
    let counts = process.engine.counts().await.unwrap();
    counts.into_iter().filter(|(_, count)| *count > 0).map(|(class, count)| (class.word(), count)).collect()
}

#[tokio::test(start_paused = true)]
async fn counts_follow_every_saga() {
    let world = World::new();
    world.service.script("do", "p", [Say::Reject("no")]).script("undo", "a", [Say::Slow(secs(1))]);
    let process = world.boot(&[&trip()]);
    assert_eq!(process.engine.counts().await.unwrap().len(), 6, "all classes, also without sagas");
    process.start("back").await;
    world.pass(millis(500)).await;
    assert_eq!(counts(&process).await, [("unwinding", 1)]);
    world.service.script("do", "b", [Say::Slow(secs(1))]);
    process.start("through").await;
    world.pass(millis(10)).await;
    assert_eq!(counts(&process).await, [("running", 1), ("unwinding", 1)]);
    process.rests("through").await;
    process.rests("back").await;
    world.service.script("do", "b", [Say::Fail(Again::Never, Effect::Possible)]);
    process.start("stuck").await;
    process.rests("stuck").await;
    world.service.always("do", "b", Say::Fail(Again::Later, Effect::None));
    process.start("waits").await;
    world.pass(secs(60)).await;
    let expected = [("waiting", 1), ("parked", 1), ("completed", 1), ("compensated", 1)];
    for _ in 0..1_000 {
        if counts(&process).await == expected {
            return;
        }
        world.pass(millis(100)).await;
    }
    assert_eq!(counts(&process).await, expected);
}

#[tokio::test(start_paused = true)]
async fn pages_are_newest_first_and_meet_without_gap() {
    let world = World::new();
    let process = world.boot(&[&trip()]);
    for n in 0..120 {
        process.start(&format!("t-{n:03}")).await;
        if n % 3 == 0 {
            world.pass(millis(1)).await;
        }
    }
    process.rests("t-119").await;
    let (mut seen, mut after) = (vec![], None);
    loop {
        let page = process.engine.page(Some(Class::Completed), after, 50).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 50);
        after = Some((last.started_at, last.id.clone()));
        seen.extend(page.into_iter().map(|row| (row.started_at, row.id)));
    }
    assert_eq!(seen.len(), 120);
    assert!(seen.is_sorted_by(|a, b| a > b), "newest first, then by id");
    assert_eq!(process.engine.page(None, None, 500).await.unwrap().len(), 120);
    assert_eq!(process.engine.page(Some(Class::Parked), None, 50).await.unwrap().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_detail_says_what_is_waited_for_and_how_each_step_stands() {
    let world = World::new();
    world.service.script("do", "p", [Say::LostRequest]);
    let saga = named("patient")
        .deadline(secs(60))
        .step("a", act("a"))
        .undo(undo("a"))
        .pivot("p", act("p"))
        .attempt(secs(2))
        .probe(ask("p"))
        .window(secs(30))
        .build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    world.pass(secs(1)).await;
    let detail = process.look("t-1").await;
    assert_eq!(detail.waiting_for.as_deref(), Some("attempt 1 p is under way, or waits for its turn"));
    assert_eq!(detail.steps[1].state, "running");
    world.pass(secs(9)).await;
    let detail = process.look("t-1").await;
    assert_eq!((detail.row.class, detail.row.due), (Class::Waiting, Some(EPOCH.plus(secs(32)))));
    let waits = detail.waiting_for.unwrap();
    assert_eq!(waits, "attempt 2 to learn what became of p is made at 2026-11-21T08:00:32.000Z");
    assert_eq!(detail.deadline, Some(EPOCH.plus(secs(60))));
    let steps: Vec<_> = detail.steps.iter().map(|step| (&*step.name, step.kind, step.state, step.attempts)).collect();
    assert_eq!(steps, [("a", "compensatable", "done", 1), ("p", "pivot", "in doubt", 1)]);
    assert_eq!(detail.steps[1].note.as_deref(), Some("no trace yet, but the request may still be under way"));
    assert!(process.engine.detail("t-2").await.unwrap().is_none());
    is_right(&world, &process.rests("t-1").await);
}

#[tokio::test(start_paused = true)]
async fn every_change_is_told_from_the_start_on() {
    let world = World::new();
    let process = world.boot(&[&trip()]);
    let (mut changes, mut rests) = (process.engine.changes(), process.engine.rests());
    process.start("t-1").await;
    process.rests("t-1").await;
    let mut told = 0;
    while let Ok(id) = changes.try_recv() {
        assert_eq!(&*id, "t-1");
        told += 1;
    }
    assert_eq!(told, 5, "one for each record");
    assert_eq!(rests.try_recv().as_deref().ok(), Some("t-1"));
    assert!(rests.try_recv().is_err(), "only at its end");
    assert_eq!(process.engine.class("t-1").await.unwrap(), Some(Class::Completed));
    assert_eq!(process.engine.class("t-2").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_saga_can_be_looked_at_without_its_definition() {
    let world = World::new();
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    process.rests("t-1").await;
    process.crash().await;
    let other = named("other").step("a", act("a")).undo(undo("a")).build();
    let process = world.boot(&[&other]);
    let detail = process.look("t-1").await;
    assert_eq!((detail.row.name.as_str(), detail.steps.len(), &*detail.steps[0].name), ("trip", 4, "step 1"));
    let _ = Trip::default();
}

#[tokio::test(start_paused = true)]
async fn a_timeline_told_from_memory_is_the_one_in_the_store() {
    let world = World::new();
    let process = world.boot(&[&trip()]);
    for n in 0..600 {
        if n % 7 == 0 {
            world.service.script("do", "b", [Say::LostReply]).script("do", "p", [Say::Reject("no")]);
        }
        process.start(&format!("t-{n}")).await;
        process.rests(&format!("t-{n}")).await;
    }
    let (before, mut lived) = (process.gate.asked(), vec![]);
    for n in 0..600 {
        lived.push(format!("{:?}", process.engine.timeline(&format!("t-{n}")).await.unwrap()));
    }
    assert_eq!(process.gate.asked() - before, 2 * (600 - 512), "the last 512 are in memory");
    process.crash().await;
    let process = world.boot(&[&trip()]);
    for (n, lived) in lived.into_iter().enumerate() {
        assert_eq!(format!("{:?}", process.engine.timeline(&format!("t-{n}")).await.unwrap()), lived);
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_journal_is_read_from_the_store() {
    for (tries, in_memory) in [(1, true), (200, false)] {
        let world = World::new();
        let process = world.boot(&[&trip()]);
        // The first scan is over: who starts from now on is not fetched by it.
        world.pass(millis(1)).await;
        world.service.script("do", "c", vec![Say::Fail(Again::Later, Effect::Possible); tries]);
        let mut rests = process.engine.rests();
        process.start("t-1").await;
        rests.recv().await.unwrap();
        let asked = process.gate.asked();
        process.engine.timeline("t-1").await.unwrap();
        assert_eq!(process.gate.asked() == asked, in_memory, "after {tries} failures");
    }
}
