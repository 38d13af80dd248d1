//! What a saga costs: held by counting, so that no later convenience makes it dearer unseen.

use crate::common::World;
use crate::common::service::Service;
use crate::common::steps::{Trip, named};
use partita_core::{Log, Part};
use partita_saga::{Class, Retriable, Saga, Step, StepResult};

fn four_steps() -> Saga<Trip, Service> {
    let nothing = |trip: Trip, _: Step<Service>| async { StepResult::Ok(trip) };
    let at_last = |trip: Trip, _: Step<Service>| async { Retriable::Ok(trip) };
    let back = |_: Trip, _: Step<Service>| async { Retriable::Ok(()) };
    named("four steps")
        .step("first", nothing)
        .undo(back)
        .step("second", nothing)
        .undo(back)
        .pivot("third", nothing)
        .step("fourth", at_last)
        .build()
}

#[tokio::test(start_paused = true)]
async fn four_steps_cost_five_commits_five_records_two_lines_and_two_events() {
    let world = World::new();
    let process = world.boot(&[&four_steps()]);
    process.start("order-0194f2c8-7a3e-7b44-9d3f-1c2b3a4d5e6f").await;
    let detail = process.rests("order-0194f2c8-7a3e-7b44-9d3f-1c2b3a4d5e6f").await;
    assert_eq!(detail.row.class, Class::Completed);
    let commits = process.gate.commits();
    assert_eq!(commits.len(), 5);
    let records: Vec<_> =
        commits.iter().flat_map(|commit| &commit.journals).flat_map(|append| &append.records).collect();
    assert_eq!(records.len(), 5);
    let sizes: Vec<usize> = records.iter().map(|record| record.len()).collect();
    assert!(sizes.iter().all(|size| *size <= 300), "{sizes:?}");
    assert!(sizes[1..].iter().all(|size| *size <= 120), "{sizes:?}");
    let puts: Vec<Vec<&str>> =
        commits.iter().map(|commit| commit.part.puts.iter().map(|put| put.space).collect()).collect();
    assert_eq!(puts, [vec!["sagas"], vec![], vec![], vec![], vec!["sagas"]], "its line at start and end, no task");
    let adds: Vec<usize> = commits.iter().map(|commit| commit.part.adds.len()).collect();
    assert_eq!(adds, [1, 0, 0, 0, 2]);
    assert_eq!(process.gate.head().await.unwrap().position, 2, "started and ended");
    assert!(commits.iter().all(|commit| commit.fence.is_some() && commit.prunes.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_state_is_not_written_again() {
    let world = World::new();
    let process = world.boot(&[&four_steps()]);
    process.registered[0].run("t-1", &Trip { done: vec!["x".repeat(10_000)] }).await.unwrap();
    process.rests("t-1").await;
    let commits = process.gate.commits();
    let sizes = commits[1..].iter().map(|commit| commit.journals[0].records[0].len());
    assert!(sizes.max().unwrap() < 120);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_starts_a_saga_in_its_own_commit_pays_no_further_one() {
    let world = World::new();
    let process = world.boot(&[&four_steps()]);
    let start = process.registered[0].start("t-1", &Trip::default()).unwrap();
    process.registered[0].launch(start, Part::new().add(crate::common::NOTES, "orders", 1)).await.unwrap();
    process.rests("t-1").await;
    assert_eq!(process.gate.commits().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_short_wait_costs_no_line_and_a_long_one_costs_one() {
    use crate::common::service::Say;
    use crate::common::steps::{act, ask, secs};
    for (window, lines) in [(1, 2), (30, 4)] {
        let world = World::new();
        world.service.script("do", "p", [Say::LostRequest]);
        let saga = named("trip").pivot("p", act("p")).attempt(secs(2)).probe(ask("p")).window(secs(window)).build();
        let process = world.boot(&[&saga]);
        process.start("t-1").await;
        process.rests("t-1").await;
        let commits = process.gate.commits();
        let written = commits.iter().flat_map(|commit| &commit.part.puts).filter(|put| put.space == "sagas").count();
        assert_eq!(written, lines, "with a wait of up to {window} s");
    }
}
