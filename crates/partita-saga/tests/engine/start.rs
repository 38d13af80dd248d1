//! Starting: once, whoever asks and however often, in the caller's own commit.

use crate::common::gate::Fault;
use crate::common::steps::{Trip, trip};
use crate::common::{NOTES, World, is_right};
use partita_core::{ErrorKind, Expect, Found, Item, Log, Part, Put, StreamId};
use partita_saga::{Class, Started};

#[tokio::test(start_paused = true)]
async fn the_same_id_with_the_same_input_is_the_same_saga_whatever_became_of_it() {
    let world = World::new();
    let process = world.boot(&[&trip()]);
    assert_eq!(process.start("t-1").await, Started::New);
    assert_eq!(process.start("t-1").await, Started::Already);
    process.rests("t-1").await;
    assert_eq!(process.start("t-1").await, Started::Already);
    process.crash().await;
    let process = world.boot(&[&trip()]);
    assert_eq!(process.start("t-1").await, Started::Already);
    assert_eq!(world.service.calls().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn the_same_id_with_another_input_is_a_conflict() {
    let world = World::new();
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    let other = Trip { done: vec!["something".to_owned()] };
    let error = process.registered[0].run("t-1", &other).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("another input"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn of_many_starts_at_once_one_is_new() {
    let world = World::new();
    let process = world.boot(&[&trip()]);
    let started = futures_util::future::join_all((0..50).map(|_| process.start("t-1"))).await;
    assert_eq!(started.iter().filter(|started| **started == Started::New).count(), 1);
    let detail = process.rests("t-1").await;
    is_right(&world, &detail);
    assert_eq!(world.service.calls().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_part_of_the_caller_is_committed_with_the_start_or_neither_is() {
    let world = World::new();
    let process = world.boot(&[&trip()]);
    let note = |expect| Part::new().put(Put::value(NOTES, "order", expect, "1".to_owned()));
    let start = |id: &str| process.registered[0].start(id, &Trip::default()).unwrap();
    process.registered[0].launch(start("t-1"), note(Expect::Absent)).await.unwrap();
    assert_eq!(process.note("order").await.as_deref(), Some("1"));
    let error = process.registered[0].launch(start("t-2"), note(Expect::Absent)).await.unwrap_err();
    let conflict = error.conflict().unwrap();
    assert_eq!(conflict.item, Item::Put(1), "behind the saga's own line");
    assert!(matches!(&conflict.found, Found::Record(Some(record)) if record.key == "order"));
    assert_eq!(process.engine.cancel("t-2").await.unwrap(), partita_saga::Cancel::Unknown);
    let error = process.registered[0].launch(start("t-1"), Part::new()).await.unwrap_err();
    assert_eq!(error.conflict().unwrap().item, Item::Put(0), "the id is taken");
    process.rests("t-1").await;
}

#[tokio::test(start_paused = true)]
async fn a_saga_runs_though_its_caller_went_away() {
    let world = World::new();
    let process = world.boot(&[&trip()]);
    tokio::select! {
        biased;
        _ = process.start("t-1") => panic!("it was started without a commit"),
        () = std::future::ready(()) => {}
    }
    world.pass(crate::common::steps::secs(1)).await;
    assert_eq!(process.look("t-1").await.row.class, Class::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_start_whose_answer_was_lost_runs_all_the_same() {
    let world = World::new();
    let process = world.boot(&[&trip()]);
    process.gate.fails_at(0, Fault::LostAnswer);
    assert!(process.try_start("t-1").await.is_err());
    assert_eq!(process.rests("t-1").await.row.class, Class::Completed);
}

#[tokio::test(start_paused = true)]
async fn a_state_takes_64_kib() {
    let world = World::new();
    let process = world.boot(&[&trip()]);
    let of = |bytes: usize| Trip { done: vec!["x".repeat(bytes)] };
    assert!(process.registered[0].start("t-1", &of((64 << 10) - 100)).is_ok());
    let error = process.registered[0].start("t-1", &of(64 << 10)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[tokio::test(start_paused = true)]
async fn start_and_end_are_events_for_others() {
    let world = World::new();
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    process.rests("t-1").await;
    let events = process.gate.stream(StreamId::named("saga", "t-1"), 0, 10).await.unwrap();
    let kinds: Vec<&str> = events.iter().map(|event| &*event.event.kind).collect();
    assert_eq!(kinds, ["saga.started", "saga.ended"]);
    assert!(events[1].event.data.get().contains(r#""end":"completed""#));
}
