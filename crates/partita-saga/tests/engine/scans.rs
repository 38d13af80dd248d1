//! What a look for sagas that wait for a slot costs: nothing that grows with those at rest.

use crate::common::service::Say;
use crate::common::steps::{act, millis, named, secs, undo};
use crate::common::{EPOCH, Process, World};
use partita_core::{Commit, Expect, Part, Put, Records, Store};
use partita_saga::Class;
use partita_time::Timestamp;

/// Lines of sagas that turned back and wait a day for the next try of an undo.
async fn rest(process: &Process, lines: usize, due: Option<Timestamp>) {
    for page in 0..lines.div_ceil(100) {
        let line = |n: usize| {
            let value = serde_json::json!({
                "number": 1_000_000 + n, "name": "trip", "version": 1, "class": "unwinding", "started": EPOCH,
                "changed": EPOCH, "rests": EPOCH, "input": "",
            });
            let put = Put::value("sagas", format!("rests-{n:05}"), Expect::Absent, value.to_string());
            put.field("class", "unwinding").field("started", EPOCH).due(due)
        };
        let puts = (page * 100..(page + 1) * 100).map(line);
        process.gate.commit(Commit::of(puts.fold(Part::new(), Part::put))).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_look_for_who_waits_for_a_slot_reads_no_saga_that_rests() {
    let mut world = World::new();
    world.settings.max_running = 4;
    world.service.always("do", "a", Say::Slow(millis(100)));
    let saga = named("trip").step("a", act("a")).undo(undo("a")).build();
    let process = world.open(&[&saga]);
    rest(&process, 20_000, Some(EPOCH.plus(secs(86_400)))).await;
    process.engine.begin();
    world.pass(secs(1)).await;
    let at_start = process.gate.lines();
    for n in 0..100 {
        process.start(&format!("t-{n:02}")).await;
    }
    for n in 0..100 {
        assert_eq!(process.rests(&format!("t-{n:02}")).await.row.class, Class::Completed);
    }
    // Each look reads the line of every saga that waits for a slot, a hundred at most.
    let read = process.gate.lines() - at_start;
    assert!(read < 100 * 100, "{read} lines, {at_start} at the start");
}

#[tokio::test(start_paused = true)]
async fn a_saga_that_turns_back_without_a_slot_is_found_by_its_time() {
    let world = World::new();
    world.service.script("do", "b", [Say::Reject("no")]);
    world.service.always("undo", "a", Say::Slow(secs(1)));
    let saga = named("trip").step("a", act("a")).undo(undo("a")).step("b", act("b")).undo(undo("b")).build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    world.pass(millis(500)).await;
    let line = process.gate.get("sagas", "t-1").await.unwrap().unwrap();
    assert_eq!((process.look("t-1").await.row.class, line.due), (Class::Unwinding, Some(EPOCH)));
    process.crash().await;
    let process = world.boot(&[&saga]);
    assert_eq!(process.rests("t-1").await.row.class, Class::Compensated);
}

#[tokio::test(start_paused = true)]
async fn sagas_that_an_older_version_turned_back_are_found_until_the_last_of_them() {
    let mut world = World::new();
    world.service.always("do", "b", Say::Reject("no"));
    world.service.always("undo", "a", Say::Slow(secs(1)));
    let saga = named("trip").step("a", act("a")).undo(undo("a")).step("b", act("b")).undo(undo("b")).build();
    let process = world.boot(&[&saga]);
    for n in 0..20 {
        process.start(&format!("t-{n:02}")).await;
    }
    world.pass(millis(500)).await;
    for n in 0..20 {
        let id = format!("t-{n:02}");
        let line = process.gate.get("sagas", &id).await.unwrap().unwrap();
        let put = Put::value("sagas", id, Expect::Exactly(line.revision), line.value);
        let put = put.field("class", "unwinding").field("started", EPOCH);
        process.gate.commit(Commit::of(Part::new().put(put))).await.unwrap();
    }
    process.crash().await;
    world.settings.max_running = 1;
    let process = world.boot(&[&saga]);
    for n in 0..20 {
        assert_eq!(process.rests(&format!("t-{n:02}")).await.row.class, Class::Compensated);
    }
}
