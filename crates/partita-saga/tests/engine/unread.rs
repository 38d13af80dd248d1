//! Lines in the store that cannot be read: each is told of once, and keeps no other saga waiting.

use crate::common::service::Say;
use crate::common::steps::{act, named, secs, trip, undo};
use crate::common::{EPOCH, Process, World};
use partita_core::{Commit, Expect, Part, Put, Store};
use partita_saga::Class;

/// So many lines of sagas that began before all others, and whose JSON is cut off.
async fn breaks(process: &Process, lines: usize) {
    let puts = (0..lines).map(|n| {
        let put = Put::value("sagas", format!("broken-{n:03}"), Expect::Absent, "{\"number\":".to_owned());
        put.field("class", "running").field("started", EPOCH)
    });
    process.gate.commit(Commit::of(puts.fold(Part::new(), Part::put))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_line_that_cannot_be_read_does_not_keep_the_only_slot() {
    let mut world = World::new();
    world.settings.max_running = 1;
    let process = world.open(&[&trip()]);
    breaks(&process, 1).await;
    world.pass(secs(1)).await;
    process.start("good").await;
    process.crash().await;
    let process = world.boot(&[&trip()]);
    for _ in 0..10_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(process.engine.class("good").await.unwrap().unwrap(), Class::Completed);
    for n in 0..3 {
        process.start(&format!("later-{n}")).await;
        process.rests(&format!("later-{n}")).await;
    }
    let alerts = world.pager.heard();
    assert!(alerts[0].saga == "broken-000" && alerts[0].why.starts_with("it cannot be read"), "{alerts:?}");
    assert_eq!(alerts.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn pages_of_lines_that_cannot_be_read_hide_no_saga_behind_them() {
    for lines in [256, 700] {
        let world = World::new();
        let process = world.open(&[&trip()]);
        breaks(&process, lines).await;
        world.pass(secs(1)).await;
        for id in ["good-1", "good-2"] {
            process.start(id).await;
        }
        process.crash().await;
        let process = world.boot(&[&trip()]);
        world.pass(secs(1)).await;
        for id in ["good-1", "good-2"] {
            assert_eq!(process.engine.class(id).await.unwrap().unwrap(), Class::Completed, "behind {lines}");
        }
        assert_eq!(world.pager.heard().len(), lines);
    }
}

#[tokio::test(start_paused = true)]
async fn the_slot_of_a_line_that_cannot_be_read_goes_to_the_next_saga_at_once() {
    let mut world = World::new();
    world.settings.max_running = 2;
    world.service.script("do", "a", [Say::Slow(secs(20))]);
    let saga = named("trip").step("a", act("a")).undo(undo("a")).build();
    let process = world.open(&[&saga]);
    breaks(&process, 1).await;
    for id in ["busy", "good"] {
        world.pass(secs(1)).await;
        process.start(id).await;
    }
    process.crash().await;
    let process = world.boot(&[&saga]);
    world.pass(secs(1)).await;
    assert_eq!(process.engine.class("good").await.unwrap().unwrap(), Class::Completed);
    assert_eq!(process.engine.class("busy").await.unwrap().unwrap(), Class::Running);
}
