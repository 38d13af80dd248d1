//! Sagas that turn back.

use crate::common::service::Say;
use crate::common::steps::trip;
use crate::common::{World, story};
use partita_saga::Class;

#[tokio::test(start_paused = true)]
async fn a_refusal_undoes_what_was_done_last_first() {
    let world = World::new();
    world.service.script("do", "p", [Say::Reject("declined")]);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    let detail = process.rests("t-1").await;
    assert_eq!(detail.row.class, Class::Compensated);
    assert_eq!(detail.row.reason.as_deref(), Some("p was refused: declined"));
    assert_eq!(world.service.heard("t-1"), ["do a", "do b", "do p", "undo b", "undo a"]);
    assert_eq!(world.service.left_behind("t-1"), []);
    assert_eq!(
        process.facts("t-1").await[3..],
        ["rejected 2, unwind, open 1 u1", "undone 1, open 0 u1", "undone 0, end"]
    );
    assert_eq!(
        story(&detail)[6..],
        ["step.rejected p", "unwind.started", "step.undone b", "step.undone a", "saga.ended"]
    );
}
