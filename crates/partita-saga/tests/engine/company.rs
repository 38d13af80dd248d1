//! Branches that end soon after one another share a record, as far as nothing is lost by that.

use crate::common::service::{Say, Service};
use crate::common::steps::{Trip, act, finish, millis, named, secs, undo};
use crate::common::{World, is_right};
use futures_util::TryFutureExt;
use partita_saga::{Class, Saga, Step, StepResult};
use partita_time::BoxFuture;

/// `x` and `y` at once, `x` with one try.
fn one_try(behind_pivot: bool) -> Saga<Trip, Service> {
    if behind_pivot {
        let last = |step: &'static str| move |trip, cx| finish(step)(trip, cx).map_ok(drop);
        let group = named("company").pivot("p", act("p")).together("last").branch("x", last("x")).retry(1);
        group.branch("y", last("y")).join(|trip: Trip, ((), ())| trip).build()
    } else {
        let first = |step: &'static str| move |trip, cx| act(step)(trip, cx).map_ok(drop);
        let group = named("company").together("first").branch("x", first("x")).undo(undo("x")).retry(1);
        group.branch("y", first("y")).undo(undo("y")).join(|trip: Trip, ((), ())| trip).build()
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_branchs_last_try_waits_for_no_other() {
    for behind_pivot in [true, false] {
        let world = World::new();
        world.service.script("do", "y", [Say::Slow(secs(1))]);
        let saga = one_try(behind_pivot);
        let process = world.boot(&[&saga]);
        process.start("t-1").await;
        world.pass(millis(50)).await;
        process.crash().await;
        let process = world.boot(&[&saga]);
        let detail = process.rests("t-1").await;
        assert_eq!(detail.row.class, Class::Completed, "{:?}", detail.row.reason);
        is_right(&world, &detail);
    }
}

/// A branch whose output takes so many bytes.
fn output(step: &'static str, bytes: usize) -> impl Fn(Trip, Step<Service>) -> BoxFuture<'static, StepResult<String>> {
    move |trip, cx| Box::pin(async move { act(step)(trip, cx).await.map(|_| "o".repeat(bytes)) })
}

#[tokio::test(start_paused = true)]
async fn of_branches_with_too_long_an_output_the_ends_are_told() {
    let long = 65 << 10;
    for sizes in [[2, long, 2], [long, 2, 2], [long, 2, long]] {
        let world = World::new();
        world.service.script("do", "y", [Say::Slow(millis(30))]).script("do", "z", [Say::Slow(millis(60))]);
        let saga = named("long")
            .together("outputs")
            .branch("x", output("x", sizes[0]))
            .undo(undo("x"))
            .branch("y", output("y", sizes[1]))
            .undo(undo("y"))
            .branch("z", output("z", sizes[2]))
            .undo(undo("z"))
            .join(|trip: Trip, (_, _, _): (String, String, String)| trip)
            .build();
        let process = world.boot(&[&saga]);
        process.start("t-1").await;
        let detail = process.rests("t-1").await;
        world.pass(secs(1)).await;
        assert!(detail.row.reason.unwrap().contains("64 KiB"));
        let done: Vec<usize> = process.journal("t-1").await.iter().flat_map(done).collect();
        assert_eq!(done, [0, 1, 2], "{sizes:?}");
        assert_eq!(process.engine.running(), 0);
        assert_eq!(world.pager.heard().len(), 1);
    }
}

/// Branches that a record says to be done.
fn done(record: &serde_json::Value) -> Vec<usize> {
    let facts = record["f"].as_array().into_iter().flatten();
    facts.filter_map(|fact| usize::try_from(fact["done"]["l"].as_u64()?).ok()).collect()
}
