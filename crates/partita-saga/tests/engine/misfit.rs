//! Sagas that the definitions at hand cannot run: they are parked, the others go on.

use crate::common::service::{Say, Service};
use crate::common::steps::{Trip, act, finish, millis, named, secs, trip, undo};
use crate::common::{World, is_right};
use partita_core::{Commit, ErrorKind, JournalAppend, Store};
use partita_saga::{Class, Saga};

/// The same name and version as `trip`, with another step.
fn other() -> Saga<Trip, Service> {
    named("trip").step("z", act("z")).undo(undo("z")).pivot("p", act("p")).build()
}

fn second() -> Saga<Trip, Service> {
    named("trip").version(2).step("z", act("z")).undo(undo("z")).pivot("p", act("p")).build()
}

#[tokio::test(start_paused = true)]
async fn another_fingerprint_parks_with_both_and_others_go_on() {
    let world = World::new();
    world.service.always("do", "b", Say::Slow(secs(5)));
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    world.pass(secs(1)).await;
    process.crash().await;
    let process = world.boot(&[&other()]);
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Parked);
    let why = detail.row.reason.unwrap();
    let fingerprints = why.split(' ').filter(|word| word.trim_end_matches(';').len() == 16).count();
    assert_eq!(fingerprints, 2, "{why}");
    assert_eq!(world.pager.heard().len(), 1);
    assert_eq!(process.registered[0].run("t-2", &Trip::default()).await.unwrap(), partita_saga::Started::New);
    assert_eq!(process.rests("t-2").await.row.class, Class::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_not_registered_parks() {
    let world = World::new();
    world.service.always("do", "b", Say::Slow(secs(5)));
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    world.pass(secs(1)).await;
    process.crash().await;
    let process = world.boot(&[&second()]);
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Parked);
    let why = detail.row.reason.unwrap();
    assert!(why.contains("trip v1 with fingerprint") && why.contains("not registered"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn versions_run_side_by_side() {
    let world = World::new();
    world.service.script("do", "b", [Say::Slow(secs(5))]);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    world.pass(secs(1)).await;
    process.crash().await;
    let process = world.boot(&[&trip(), &second()]);
    process.registered[1].run("t-2", &Trip::default()).await.unwrap();
    for (id, version) in [("t-1", 1), ("t-2", 2)] {
        let detail = process.rests(id).await;
        assert_eq!((detail.row.class, detail.row.version), (Class::Completed, version));
        is_right(&world, &detail);
    }
}

#[tokio::test(start_paused = true)]
async fn times_and_policies_may_change_under_a_running_saga() {
    let world = World::new();
    world.service.script("do", "b", [Say::Slow(secs(5))]);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    world.pass(secs(1)).await;
    process.crash().await;
    let retimed = named("trip")
        .deadline(secs(100))
        .step("a", act("a"))
        .undo(undo("a"))
        .retry(7)
        .step("b", act("b"))
        .undo(undo("b"))
        .within(secs(60))
        .attempt(secs(9))
        .pivot("p", act("p"))
        .step("c", finish("c"))
        .build();
    let process = world.boot(&[&retimed]);
    assert_eq!(process.rests("t-1").await.row.class, Class::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_cannot_be_read_parks_its_saga_and_no_other() {
    let newer = (vec![9, b'{'], "unknown format");
    let torn = (b"\x01{\"at\":".to_vec(), "not the JSON");
    for (record, says) in [newer, torn] {
        let world = World::new();
        world.service.always("do", "b", Say::Slow(millis(1_500)));
        let process = world.boot(&[&trip()]);
        process.start("t-1").await;
        process.start("t-2").await;
        world.pass(secs(1)).await;
        let number = process.number("t-1").await;
        process.crash().await;
        let process = world.open(&[&trip()]);
        let journals = vec![JournalAppend { saga: number, expect: 2, records: vec![record] }];
        process.gate.commit(Commit { journals, ..Commit::default() }).await.unwrap();
        process.engine.begin();
        let detail = process.rests("t-1").await;
        let why = detail.row.reason.clone().unwrap();
        assert!(why.contains("cannot be read") && why.contains(says) && why.contains("record: 2"), "{why}");
        assert_eq!(detail.timeline.last().unwrap().event, "saga.parked", "what can be read is shown");
        assert_eq!(world.pager.heard()[0].name, "trip");
        assert_eq!(process.rests("t-2").await.row.class, Class::Completed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_definition_that_would_mix_keys_up_is_not_registered() {
    let world = World::new();
    let process = world.open(&[&trip()]);
    let twice = named("twice").step("a", act("a")).undo(undo("a")).pivot("a", act("a")).build();
    let error = process.engine.register(&twice, world.service.clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let error = process.engine.register(&other(), world.service.clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    process.engine.begin();
    process.start("t-1").await;
    assert_eq!(process.rests("t-1").await.row.class, Class::Completed, "the first one stands");
}
