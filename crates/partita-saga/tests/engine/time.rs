//! Deadlines, waits and tries, also across restarts.

use crate::common::service::{Say, Service};
use crate::common::steps::{Trip, act, ask, finish, millis, named, secs, trip, undo};
use crate::common::{EPOCH, World, goes_back_in_order, is_right};
use partita_core::{Again, Effect};
use partita_saga::{Class, Saga, SagaDetail};

const LATER: Say = Say::Fail(Again::Later, Effect::None);

fn turned_back_at(detail: &SagaDetail) -> u128 {
    let entry = detail.timeline.iter().find(|entry| entry.event == "unwind.started").unwrap();
    entry.at.since(EPOCH).as_millis()
}

#[tokio::test(start_paused = true)]
async fn a_step_that_takes_longer_than_it_may_turns_the_saga_back_to_the_moment() {
    let world = World::new();
    world.service.always("do", "b", LATER);
    let saga = named("trip")
        .step("a", act("a"))
        .undo(undo("a"))
        .step("b", act("b"))
        .undo(undo("b"))
        .within(secs(20))
        .pivot("p", act("p"))
        .build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.reason.as_deref(), Some("b did not answer in time"));
    assert_eq!(turned_back_at(&detail), 20_000);
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn a_step_in_doubt_that_took_too_long_is_settled_first() {
    let world = World::new();
    world.service.always("do", "b", Say::LostReply).script("ask", "b", (0..30).map(|_| Say::Processing));
    let saga = named("trip")
        .step("a", act("a"))
        .undo(undo("a"))
        .step("b", act("b"))
        .undo(undo("b"))
        .attempt(secs(2))
        .within(secs(5))
        .probe(ask("b"))
        .build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(turned_back_at(&detail), 5_000);
    let heard = world.service.heard("t-1");
    assert_eq!(heard[heard.len() - 3..], ["ask b", "undo b", "undo a"]);
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn after_the_pivot_a_step_that_takes_too_long_only_alerts() {
    let world = World::new();
    world.service.script("do", "c", (0..20).map(|_| Say::LostRequest));
    let saga = named("trip")
        .step("a", act("a"))
        .undo(undo("a"))
        .pivot("p", act("p"))
        .step("c", finish("c"))
        .attempt(secs(2))
        .within(secs(10))
        .build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Completed);
    assert_eq!(world.pager.overdue(), ["t-1: c takes longer than 10s"]);
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn time_without_a_process_does_not_count_against_a_step() {
    let world = World::new();
    world.service.always("do", "b", LATER);
    let saga = named("trip").step("b", act("b")).undo(undo("b")).within(secs(20)).pivot("p", act("p")).build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    world.pass(secs(12)).await;
    process.crash().await;
    world.pass(secs(60)).await;
    let process = world.boot(&[&saga]);
    let detail = process.rests("t-1").await;
    let at = turned_back_at(&detail);
    assert!((70_000..=85_000).contains(&at), "what was left of 20 s when it was last heard of: {at}");
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn a_step_that_ends_its_process_each_time_comes_to_its_end() {
    let world = World::new();
    world.service.always("do", "b", Say::LostReply);
    let saga = named("trip")
        .step("b", act("b"))
        .undo(undo("b"))
        .attempt(secs(10))
        .within(secs(25))
        .pivot("p", act("p"))
        .build();
    let mut lives = 0;
    let detail = loop {
        let process = world.boot(&[&saga]);
        if lives == 0 {
            process.start("t-1").await;
        }
        world.pass(secs(9)).await;
        let detail = process.look("t-1").await;
        if detail.row.class == Class::Compensated {
            break detail;
        }
        lives += 1;
        assert!(lives < 8, "it would take its processes down for ever");
        process.crash().await;
        world.pass(secs(6)).await;
    };
    assert!(lives >= 2, "{lives}");
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_no_store_takes_parks() {
    let world = World::new();
    let reason: &'static str = Box::leak("x".repeat(3 << 20).into_boxed_str());
    world.service.script("do", "b", [Say::Reject(reason)]);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Parked);
    assert!(detail.row.reason.unwrap().contains("refused"));
}

#[tokio::test(start_paused = true)]
async fn after_the_deadline_a_step_that_took_too_long_is_no_reason_of_its_own() {
    let world = World::new();
    world.service.always("do", "b", LATER);
    let saga = named("trip")
        .deadline(secs(7))
        .step("b", act("b"))
        .undo(undo("b"))
        .within(secs(7))
        .pivot("p", act("p"))
        .build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!((turned_back_at(&detail), detail.row.reason.as_deref()), (7_000, Some("the deadline passed")));
}

fn with_deadline() -> Saga<Trip, Service> {
    named("trip")
        .deadline(secs(7))
        .step("a", act("a"))
        .undo(undo("a"))
        .attempt(secs(100))
        .step("b", act("b"))
        .undo(undo("b"))
        .pivot("p", act("p"))
        .build()
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_a_wait_between_attempts() {
    let world = World::new();
    world.service.always("do", "b", LATER);
    let process = world.boot(&[&with_deadline()]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.reason.as_deref(), Some("the deadline passed"));
    assert_eq!(turned_back_at(&detail), 7_000);
    goes_back_in_order(&world, &detail);
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_counts_from_the_start_also_over_a_restart() {
    let world = World::new();
    world.service.always("do", "b", LATER);
    let process = world.boot(&[&with_deadline()]);
    process.start("t-1").await;
    world.pass(secs(4)).await;
    process.crash().await;
    world.pass(secs(1)).await;
    let process = world.boot(&[&with_deadline()]);
    assert_eq!(turned_back_at(&process.rests("t-1").await), 7_000);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_reaches_a_saga_that_waits_for_a_slot() {
    let mut world = World::new();
    world.settings.max_running = 1;
    world.service.always("do", "x", Say::Slow(secs(500)));
    let long = named("long").step("x", act("x")).undo(undo("x")).attempt(secs(1_000)).build();
    let mut process = world.boot(&[&with_deadline(), &long]);
    process.registered[1].run("long", &Trip::default()).await.unwrap();
    world.pass(millis(1)).await;
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!((detail.row.class, turned_back_at(&detail)), (Class::Compensated, 7_001));
    assert_eq!(world.service.heard("t-1"), Vec::<String>::new());

    process.start("t-2").await;
    process.crash().await;
    world.pass(secs(2)).await;
    process = world.boot(&[&with_deadline(), &long]);
    let detail = process.rests("t-2").await;
    assert_eq!(turned_back_at(&detail), 14_001, "also after a restart");
}

fn patient() -> Saga<Trip, Service> {
    named("patient").pivot("p", act("p")).attempt(secs(2)).probe(ask("p")).window(secs(30)).build()
}

#[tokio::test(start_paused = true)]
async fn a_wait_in_the_store_goes_on_at_its_time_after_a_crash_not_at_once_and_not_from_zero() {
    let world = World::new();
    world.service.script("do", "p", [Say::LostRequest]);
    let process = world.boot(&[&patient()]);
    process.start("t-1").await;
    world.pass(secs(10)).await;
    process.crash().await;
    let process = world.boot(&[&patient()]);
    world.pass(secs(21)).await;
    let detail = process.look("t-1").await;
    assert_eq!((detail.row.class, detail.row.due), (Class::Waiting, Some(EPOCH.plus(secs(32)))));
    assert_eq!(process.rests("t-1").await.row.class, Class::Completed);
    let asked: Vec<u64> = world.service.calls().iter().filter(|call| call.verb == "ask").map(|call| call.at).collect();
    assert!(asked.len() == 2 && asked[0] <= 2_100 && asked[1] == 32_000, "{asked:?}");
    let facts = process.facts("t-1").await.join(", ");
    assert!(!facts.contains("recovered"), "no attempt was under way: {facts}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_ran_out_while_no_process_lived_goes_on_at_the_next_start() {
    let world = World::new();
    world.service.script("do", "p", [Say::LostRequest]);
    let process = world.boot(&[&patient()]);
    process.start("t-1").await;
    world.pass(secs(10)).await;
    process.crash().await;
    world.pass(secs(90)).await;
    let process = world.boot(&[&patient()]);
    assert_eq!(process.rests("t-1").await.row.class, Class::Completed);
    assert_eq!(world.elapsed(), 100_000);
}

#[tokio::test(start_paused = true)]
async fn tries_are_counted_over_crashes() {
    let world = World::new();
    world.service.always("do", "b", Say::Slow(secs(1)));
    let saga = named("trip").step("b", act("b")).undo(undo("b")).retry(4).build();
    let mut process = world.boot(&[&saga]);
    process.start("t-1").await;
    for _ in 0..4 {
        world.pass(millis(500)).await;
        process.crash().await;
        process = world.boot(&[&saga]);
    }
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.reason.as_deref(), Some("b did not answer in time"));
    let attempts: Vec<u32> =
        world.service.calls().iter().filter(|call| call.verb == "do").map(|call| call.attempt).collect();
    assert_eq!(attempts, [1, 2, 3, 4]);
    world.pass(secs(5)).await;
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_has_its_own_time() {
    let world = World::new();
    world.service.script("do", "a", [Say::LostRequest]);
    let saga = named("trip").step("a", act("a")).undo(undo("a")).attempt(millis(700)).build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    let lost = detail.timeline.iter().find(|entry| entry.event == "step.unknown").unwrap();
    assert_eq!((lost.at, lost.detail.as_deref()), (EPOCH.plus(millis(700)), Some("no answer within 700ms")));
}

#[tokio::test(start_paused = true)]
async fn waits_are_drawn_from_zero_to_a_ceiling_that_doubles() {
    let mut waits: Vec<Vec<u64>> = vec![vec![]; 9];
    for seed in 0..40 {
        let mut world = World::new();
        world.seed = seed;
        world.service.script("do", "a", (0..9).map(|_| LATER));
        let process = world.boot(&[&trip()]);
        process.start("t-1").await;
        process.rests("t-1").await;
        let calls = world.service.calls();
        for (n, pair) in calls[..10].windows(2).enumerate() {
            waits[n].push(pair[1].at - pair[0].at);
        }
    }
    for (waits, ceiling) in waits.iter().zip([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]) {
        // Timers have a resolution of a millisecond.
        assert!(waits.iter().all(|wait| *wait <= ceiling + 1), "{waits:?} over {ceiling}");
        assert!(waits.iter().any(|wait| *wait < ceiling / 4) && waits.iter().any(|wait| *wait > ceiling * 3 / 4));
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_behind_after_a_restart_hides_no_attempt() {
    let mut world = World::new();
    world.service.script("do", "b", [Say::LostReply]);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    world.pass(millis(100)).await;
    process.crash().await;
    let behind = EPOCH.as_millis() - 25_000;
    world.clock = partita_time::TokioClock::anchored(partita_time::Timestamp::from_millis(behind));
    let process = world.boot(&[&trip()]);
    let detail = process.rests("t-1").await;
    assert!(detail.timeline.iter().any(|entry| entry.event == "saga.recovered"));
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_by_an_hour_makes_nobody_wait_an_hour() {
    for passed in [1, 100, 3_000] {
        let mut world = World::new();
        world.service.script("do", "b", [Say::LostReply].into_iter().chain((0..7).map(|_| LATER)));
        let process = world.boot(&[&trip()]);
        process.start("t-1").await;
        world.pass(millis(passed)).await;
        process.crash().await;
        let behind = EPOCH.as_millis() - 3_600_000;
        world.clock = partita_time::TokioClock::anchored(partita_time::Timestamp::from_millis(behind));
        let process = world.boot(&[&trip()]);
        let detail = process.rests("t-1").await;
        assert!(world.elapsed() < 30_000, "after {passed} ms it took {} ms", world.elapsed());
        is_right(&world, &detail);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_during_a_long_outage_makes_nobody_wait_until_it_has_caught_up() {
    let mut world = World::new();
    world.service.script("do", "p", [Say::Reject("declined")]);
    world.service.always("undo", "b", LATER);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    world.pass(secs(120)).await;
    process.crash().await;
    world.service.mended("undo", "b");
    let behind = EPOCH.as_millis() + 30_000;
    world.clock = partita_time::TokioClock::anchored(partita_time::Timestamp::from_millis(behind));
    let process = world.boot(&[&trip()]);
    let detail = process.rests("t-1").await;
    assert!(world.elapsed() < 20_000, "it took {} ms", world.elapsed());
    is_right(&world, &detail);
}

#[tokio::test(start_paused = true)]
async fn a_clock_set_back_shuts_no_window_of_a_probe_and_moves_no_deadline() {
    let saga = named("trip")
        .deadline(secs(30))
        .step("a", act("a"))
        .undo(undo("a"))
        .attempt(secs(2))
        .probe(ask("a"))
        .window(secs(3))
        .pivot("p", act("p"))
        .build();
    for (passed, mended) in [(300, true), (2_500, true), (2_500, false)] {
        let mut world = World::new();
        world.service.script("do", "a", [Say::LostRequest]);
        if !mended {
            world.service.always("do", "a", Say::LostRequest);
        }
        let process = world.boot(&[&saga]);
        process.start("t-1").await;
        world.pass(millis(passed)).await;
        process.crash().await;
        world.clock =
            partita_time::TokioClock::anchored(partita_time::Timestamp::from_millis(EPOCH.as_millis() - 3_600_000));
        let process = world.boot(&[&saga]);
        let detail = process.rests("t-1").await;
        let elapsed = world.elapsed();
        assert!(elapsed < if mended { 10_000 } else { 40_000 }, "after {passed} ms it took {elapsed} ms");
        assert_eq!(detail.row.class, if mended { Class::Completed } else { Class::Compensated });
        is_right(&world, &detail);
    }
}
