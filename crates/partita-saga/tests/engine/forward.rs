//! Sagas that go through.

use crate::common::service::Say;
use crate::common::steps::trip;
use crate::common::{World, story};
use partita_saga::{Class, Started};

#[tokio::test(start_paused = true)]
async fn a_saga_without_trouble_takes_one_record_a_step() {
    let world = World::new();
    let process = world.boot(&[&trip()]);
    assert_eq!(process.start("t-1").await, Started::New);
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Completed);
    assert_eq!(
        process.facts("t-1").await,
        ["start, open 0 d1", "done 0, open 1 d1", "done 1, open 2 d1", "done 2, open 3 d1", "done 3, end"]
    );
    assert_eq!(
        story(&detail),
        [
            "saga.started",
            "step.started a",
            "step.done a",
            "step.started b",
            "step.done b",
            "step.started p",
            "step.done p",
            "step.started c",
            "step.done c",
            "saga.ended",
        ]
    );
    assert_eq!(world.service.heard("t-1"), ["do a", "do b", "do p", "do c"]);
    assert_eq!(detail.state, r#"{"done":["a","b","p","c"]}"#);
    assert!(world.service.calls().iter().all(|call| call.key == format!("t-1/{}/0", call.step)));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_without_an_answer_is_made_again_with_the_same_key() {
    let world = World::new();
    world.service.script("do", "a", [Say::LostReply, Say::LostRequest]);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    assert_eq!(process.rests("t-1").await.row.class, Class::Completed);
    let calls = world.service.calls();
    assert_eq!(calls.iter().map(|call| call.attempt).collect::<Vec<_>>(), [1, 2, 3, 1, 1, 1]);
    assert!(calls[..3].iter().all(|call| call.key == "t-1/a/0"));
    assert!(calls[1].at >= 2_000 && calls[1].at <= 2_100, "{calls:?}");
    assert!(calls[2].at >= 4_000 && calls[2].at <= 4_300, "{calls:?}");
    assert_eq!(world.service.net("t-1", "a"), 1);
}
