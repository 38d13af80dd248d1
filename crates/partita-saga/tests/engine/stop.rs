//! Shutdown is a crash with manners; a store that cannot write, and a store that another process took.

use crate::common::gate::Fault;
use crate::common::service::Say;
use crate::common::steps::{Trip, act, ask, millis, named, secs, trip, undo};
use crate::common::{World, is_right};
use partita_core::{Commit, ErrorKind, JournalAppend, Store};
use partita_saga::{Class, SagaDetail};

#[tokio::test(start_paused = true)]
async fn stopping_lets_the_running_attempt_end_and_writes_it_down() {
    let world = World::new();
    world.service.script("do", "b", [Say::Slow(secs(1))]);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    world.pass(millis(500)).await;
    assert_eq!(process.engine.stop(secs(5)).await, 0);
    assert_eq!(world.elapsed(), 1_000, "no longer than it takes");
    assert_eq!(process.facts("t-1").await[2], "done 1, open 2 d1");
    assert_eq!(world.service.heard("t-1"), ["do a", "do b"], "nothing new is begun");
    world.pass(secs(60)).await;
    assert_eq!(world.service.heard("t-1"), ["do a", "do b"]);
    let error = process.try_start("t-2").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    process.crash().await;
    let process = world.boot(&[&trip()]);
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Completed);
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn what_takes_longer_than_the_grace_is_left_as_it_is() {
    let world = World::new();
    world.service.script("do", "b", [Say::LostReply]);
    let saga =
        named("trip").step("a", act("a")).undo(undo("a")).step("b", act("b")).undo(undo("b")).attempt(secs(60)).build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    world.pass(millis(500)).await;
    assert_eq!(process.engine.stop(secs(5)).await, 1);
    assert_eq!(world.elapsed(), 5_500);
    process.crash().await;
    let process = world.boot(&[&saga]);
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Completed);
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn stopping_never_unwinds_not_even_past_a_deadline() {
    let world = World::new();
    world.service.script("do", "b", [Say::Slow(secs(9))]);
    let saga = named("trip")
        .deadline(secs(10))
        .step("a", act("a"))
        .undo(undo("a"))
        .step("b", act("b"))
        .undo(undo("b"))
        .pivot("p", act("p"))
        .build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    world.pass(secs(1)).await;
    process.engine.stop(secs(60)).await;
    world.pass(secs(60)).await;
    let facts = process.facts("t-1").await.join(", ");
    assert!(!facts.contains("unwind"), "{facts}");
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_makes_sagas_wait_and_they_go_on_by_themselves() {
    let world = World::new();
    for step in ["a", "b", "p", "c"] {
        world.service.always("do", step, Say::Slow(millis(20)));
    }
    let process = world.boot(&[&trip()]);
    for n in 0..20 {
        process.start(&format!("t-{n}")).await;
    }
    world.pass(millis(30)).await;
    process.gate.is_full(true);
    assert_eq!(process.try_start("t-x").await.unwrap_err().kind(), ErrorKind::StorageFull);
    let calls = world.service.calls().len();
    world.pass(secs(60)).await;
    let more = world.service.calls().len() - calls;
    assert!(more <= 20, "only what was durably intended: {more}");
    process.gate.is_full(false);
    for n in 0..20 {
        let detail = process.rests(&format!("t-{n}")).await;
        assert_eq!(detail.row.class, Class::Completed);
        is_right(&world, &detail);
    }
    assert_eq!(world.service.calls().len(), 80, "no attempt was made in vain");
}

#[tokio::test(start_paused = true)]
async fn when_another_process_takes_over_the_first_stops_and_nothing_takes_effect_twice() {
    let world = World::new();
    for step in ["a", "b", "p", "c"] {
        world.service.always("do", step, Say::Slow(millis(300)));
    }
    let first = world.boot(&[&trip()]);
    for n in 0..20 {
        first.start(&format!("t-{n}")).await;
    }
    world.pass(millis(450)).await;
    let second = world.boot(&[&trip()]);
    for n in 0..20 {
        let detail = second.rests(&format!("t-{n}")).await;
        assert_eq!(detail.row.class, Class::Completed);
        is_right(&world, &detail);
    }
    assert_eq!(first.engine.running(), 0);
    assert_eq!(world.pager.heard().len(), 0);
    assert!(first.try_start("t-x").await.is_err());
    world.pass(secs(60)).await;
    let by_both = world.service.calls().len();
    assert!(by_both <= 20 * 4 + 20, "the first made at most the attempts that it had begun: {by_both}");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_taken_over_does_not_act_on_the_records_of_its_heir() {
    let world = World::new();
    world.service.script("do", "p", [Say::LostRequest, Say::LostRequest]);
    let saga = named("patient").pivot("p", act("p")).attempt(secs(2)).probe(ask("p")).window(secs(30)).build();
    let first = world.boot(&[&saga]);
    first.start("t-1").await;
    world.pass(secs(10)).await;
    let second = world.boot(&[&saga]);
    let detail = second.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Completed);
    is_right(&world, &detail);
    let tries: Vec<u32> =
        world.service.calls().iter().filter(|call| call.verb == "do").map(|call| call.attempt).collect();
    assert_eq!(tries, [1, 2, 3]);
    assert_eq!(first.registered[0].run("t-2", &Trip::default()).await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_saga_whose_record_is_refused_for_no_known_reason_is_taken_over_anew() {
    let world = World::new();
    world.service.script("do", "a", [Say::Slow(secs(1))]);
    let process = world.boot(&[&trip()]);
    process.gate.fails_at(1, Fault::Odd);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!((detail.row.class, world.elapsed()), (Class::Completed, 31_000));
    assert_eq!(process.facts("t-1").await[1], "recovered, unknown 0 d1, open 0 d2");
    is_right(&world, &detail);
}

/// A pivot in doubt, with a record of about 1 MiB put behind its journal.
async fn patient(facts: &str) -> SagaDetail {
    let world = World::new();
    world.service.script("do", "p", [Say::LostRequest]);
    let saga = named("patient").pivot("p", act("p")).attempt(secs(2)).probe(ask("p")).window(secs(30)).build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    world.pass(millis(2_001)).await;
    let length = u32::try_from(process.facts("t-1").await.len()).unwrap();
    let padding = "x".repeat((1 << 20) - 60 - facts.len());
    let record = format!("\u{1}{{\"at\":1795248000000,\"e\":1,\"f\":{facts},\"padding\":\"{padding}\"}}").into_bytes();
    let journals = vec![JournalAppend { saga: process.number("t-1").await, expect: length, records: vec![record] }];
    process.gate.commit(Commit { journals, ..Commit::default() }).await.unwrap();
    process.rests("t-1").await
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_grows_past_its_limit_parks() {
    let detail = patient("[]").await;
    assert_eq!(detail.row.class, Class::Parked);
    assert!(detail.row.reason.unwrap().contains("the journal of a saga takes 1 MiB at most"));
    assert_eq!(detail.steps[0].state, "parked");
}

#[tokio::test(start_paused = true)]
async fn tries_without_an_answer_do_not_count_against_the_limit_of_a_journal() {
    let unknown = r#"{"unknown":{"l":0,"v":"s","n":1,"error":"no answer yet","doubt":true}}"#;
    let open = r#"{"open":{"l":0,"v":"s","n":2}}"#;
    assert_eq!(patient(&format!("[{unknown},{open}]")).await.row.class, Class::Completed);
}
