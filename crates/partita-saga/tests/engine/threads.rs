//! The engine on several threads in real time: wake-ups that cross must not be lost.

use crate::common::service::Say;
use crate::common::steps::{millis, trip};
use crate::common::{World, is_right};
use partita_saga::Cancel;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_sagas_few_slots_and_cancels_from_all_sides_all_end() {
    let mut world = World::new();
    world.settings.max_running = 10;
    for step in ["a", "b", "p", "c"] {
        world.service.always("do", step, Say::Slow(millis(1)));
    }
    let process = Arc::new(world.boot(&[&trip()]));
    let answers = (0..150).map(|n| {
        let (process, (answer, answered)) = (process.clone(), tokio::sync::oneshot::channel());
        let host = process.host.clone();
        host.spawner.spawn(Box::pin(async move {
            let id = format!("t-{n}");
            process.start(&id).await;
            let cancel = if n % 3 == 0 { Some(process.engine.cancel(&id).await.unwrap()) } else { None };
            let _ = answer.send((process.rests(&id).await, cancel));
        }));
        answered
    });
    for answered in answers.collect::<Vec<_>>() {
        let (detail, cancel) = answered.await.unwrap();
        is_right(&world, &detail);
        let is_cancelled = detail.row.reason.as_deref() == Some("cancelled");
        assert_eq!(is_cancelled, cancel == Some(Cancel::Accepted), "{detail:#?}");
    }
    assert!(world.service.most() <= 10);
}
