//! At most so many sagas at work at once; the rest wait in the store.

use crate::common::service::Say;
use crate::common::steps::{act, ask, millis, named, secs, trip, undo};
use crate::common::{EPOCH, World, is_right};
use partita_core::{Again, Effect};
use partita_saga::Class;
use partita_time::{Timestamp, TokioClock};

#[tokio::test(start_paused = true)]
async fn ten_slots_carry_two_hundred_sagas_to_their_end() {
    let mut world = World::new();
    world.settings.max_running = 10;
    for step in ["a", "b", "p", "c"] {
        world.service.always("do", step, Say::Slow(millis(50)));
    }
    let process = world.boot(&[&trip()]);
    for n in 0..200 {
        process.start(&format!("t-{n}")).await;
    }
    world.pass(millis(10)).await;
    assert!(process.engine.running() <= 10, "{} in memory", process.engine.running());
    for n in 0..200 {
        let detail = process.rests(&format!("t-{n}")).await;
        assert_eq!(detail.row.class, Class::Completed);
        is_right(&world, &detail);
    }
    assert_eq!(world.service.most(), 10);
    assert_eq!(world.service.calls().len(), 800, "no attempt was made in vain");
    assert!(world.elapsed() < 200 / 10 * 200 * 3 / 2, "{} ms", world.elapsed());
}

#[tokio::test(start_paused = true)]
async fn they_go_on_after_a_crash_too() {
    let mut world = World::new();
    world.settings.max_running = 10;
    world.service.always("do", "a", Say::Slow(millis(50)));
    let process = world.boot(&[&trip()]);
    for n in 0..100 {
        process.start(&format!("t-{n}")).await;
    }
    world.pass(millis(120)).await;
    process.crash().await;
    let process = world.boot(&[&trip()]);
    for n in 0..100 {
        let detail = process.rests(&format!("t-{n}")).await;
        assert_eq!(detail.row.class, Class::Completed);
        is_right(&world, &detail);
    }
    assert!(world.service.most() <= 10);
}

#[tokio::test(start_paused = true)]
async fn a_saga_that_rests_gives_its_slot_away() {
    let mut world = World::new();
    world.settings.max_running = 1;
    world.service.script("do", "p", [Say::LostRequest]);
    let saga = named("trip").pivot("p", act("p")).attempt(secs(2)).probe(ask("p")).window(secs(30)).build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    world.pass(secs(1)).await;
    process.start("t-2").await;
    process.rests("t-2").await;
    assert!(world.elapsed() <= 2_100, "after the attempt of the first and a short wait");
    process.rests("t-1").await;
    assert_eq!(world.elapsed(), 32_000);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_slot_is_not_overtaken_for_ever_by_newcomers() {
    let mut world = World::new();
    world.settings.max_running = 4;
    world.service.always("do", "a", Say::Slow(millis(100)));
    let saga = named("trip").step("a", act("a")).undo(undo("a")).build();
    let process = world.boot(&[&saga]);
    for n in 0..20 {
        process.start(&format!("first-{n:02}")).await;
    }
    // As many newcomers as there are slots for.
    for n in 0..200 {
        process.start(&format!("later-{n}")).await;
        world.pass(millis(25)).await;
    }
    for n in 0..20 {
        assert_eq!(process.look(&format!("first-{n:02}")).await.row.class, Class::Completed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_saga_that_fails_again_and_again_does_not_keep_others_waiting() {
    let mut world = World::new();
    world.settings.max_running = 2;
    world.service.always("do", "b", Say::Fail(Again::Later, Effect::None));
    let process = world.boot(&[&trip()]);
    for n in 0..6 {
        process.start(&format!("stuck-{n}")).await;
    }
    world.pass(secs(60)).await;
    world.service.mended("do", "b");
    for n in 0..6 {
        assert_eq!(process.rests(&format!("stuck-{n}")).await.row.class, Class::Completed);
    }
    assert!(world.elapsed() < 70_000);
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_before_the_engine_begins() {
    let world = World::new();
    let process = world.open(&[&trip()]);
    process.start("t-1").await;
    world.pass(secs(10)).await;
    assert_eq!(world.service.calls(), []);
    process.engine.begin();
    assert_eq!(process.rests("t-1").await.row.class, Class::Completed);
}

#[tokio::test(start_paused = true)]
async fn many_are_taken_up_in_the_order_of_their_starts() {
    let mut world = World::new();
    world.settings.max_running = 1;
    let saga = named("trip").step("a", act("a")).undo(undo("a")).build();
    let process = world.open(&[&saga]);
    // Their ids tell nothing of their order.
    let id = |n: u64| format!("t-{:03}", n * 7 % 600);
    for n in 0..600 {
        process.start(&id(n)).await;
        world.pass(millis(1)).await;
    }
    process.engine.begin();
    process.rests(&id(599)).await;
    let sagas: Vec<String> = world.service.calls().into_iter().map(|call| call.saga).collect();
    assert_eq!(sagas, (0..600).map(id).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_slot_turns_back_at_its_deadline_though_the_clock_was_set_back() {
    let mut world = World::new();
    world.settings.max_running = 1;
    world.service.always("do", "a", Say::Slow(secs(1_000)));
    let saga = named("trip")
        .deadline(secs(30))
        .step("a", act("a"))
        .undo(undo("a"))
        .attempt(secs(2_000))
        .pivot("p", act("p"))
        .build();
    let process = world.boot(&[&saga]);
    for id in ["t-1", "t-2"] {
        process.start(id).await;
    }
    world.pass(secs(10)).await;
    process.crash().await;
    let behind = EPOCH.as_millis() - 3_600_000;
    world.clock = TokioClock::anchored(Timestamp::from_millis(behind));
    let process = world.boot(&[&saga]);
    world.pass(secs(29)).await;
    assert_eq!(process.look("t-2").await.row.class, Class::Running);
    world.pass(secs(2)).await;
    let row = process.look("t-2").await.row;
    assert_eq!((row.class, row.reason.as_deref()), (Class::Unwinding, Some("the deadline passed")));
}
