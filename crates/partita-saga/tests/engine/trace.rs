//! The same seed twice, the same trace: every commit and every call, in order and in time.

use crate::common::World;
use crate::common::service::Say;
use crate::common::steps::{millis, trip};
use partita_core::{Again, Effect};

async fn trace(seed: u64) -> (String, usize) {
    let mut world = World::new();
    (world.seed, world.settings.max_running) = (seed, 7);
    let later = || Say::Fail(Again::Later, Effect::Possible);
    world.service.script("do", "a", (0..9).map(|n| if n % 2 == 0 { later() } else { Say::LostReply }));
    world.service.script("do", "b", (0..9).map(|n| if n % 3 == 0 { Say::Reject("no") } else { Say::Slow(millis(30)) }));
    world.service.script("do", "p", [Say::Done, Say::Panic, Say::Reject("no"), later()]);
    world.service.script("undo", "a", [later(), Say::Done, later()]);
    let process = world.boot(&[&trip()]);
    for n in 0..30 {
        process.start(&format!("t-{n}")).await;
    }
    world.pass(millis(700)).await;
    let _ = process.engine.cancel("t-29").await;
    let before = process.gate.commits();
    process.crash().await;
    world.seed += 1;
    let process = world.boot(&[&trip()]);
    for n in 0..30 {
        process.rests(&format!("t-{n}")).await;
    }
    let after = process.gate.commits();
    (format!("{before:?}{after:?}{:?}", world.service.calls()), before.len() + after.len())
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_trace_and_another_gives_another() {
    let (first, commits) = trace(1).await;
    assert!(commits > 80, "{commits}");
    let (second, _) = trace(1).await;
    assert!(first == second, "the traces differ");
    assert_ne!(first, trace(2).await.0);
}
