//! Each built-in defect does harm that the checks of this suite see.

use crate::common::NOTES;
use crate::common::World;
use crate::common::gate::Fault;
use crate::common::service::Say;
use crate::common::steps::{act, named, secs, trip, undo};
use partita_core::{Expect, Part, Put};
use partita_saga::{Class, Sabotage, Sagas};

fn sabotaged(how: Sabotage) -> World {
    let mut world = World::new();
    world.settings.sabotage = Some(how);
    world
}

#[tokio::test(start_paused = true)]
async fn without_the_undo_of_a_step_in_doubt_its_effect_is_left_behind() {
    let world = sabotaged(Sabotage::SkipUndoInDoubt);
    world.service.script("do", "b", [Say::LostReply]);
    let saga = named("trip")
        .step("a", act("a"))
        .undo(undo("a"))
        .step("b", act("b"))
        .undo(undo("b"))
        .attempt(secs(2))
        .retry(1)
        .build();
    let process = world.boot(&[&saga]);
    process.start("t-1").await;
    assert_eq!(process.rests("t-1").await.row.class, Class::Compensated);
    assert_eq!(world.service.left_behind("t-1"), [("b".to_owned(), 1)]);
}

#[tokio::test(start_paused = true)]
async fn with_a_new_key_for_each_attempt_a_lost_reply_doubles_the_effect() {
    let world = sabotaged(Sabotage::NewKeyPerAttempt);
    world.service.script("do", "a", [Say::LostReply]);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    assert_eq!(process.rests("t-1").await.row.class, Class::Completed);
    assert_eq!(world.service.net("t-1", "a"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_before_its_intent_is_durable_is_forgotten_by_a_crash() {
    let world = sabotaged(Sabotage::CallBeforeIntent);
    let process = world.boot(&[&trip()]);
    process.gate.fails_at(1, Fault::CrashBefore);
    process.start("t-1").await;
    process.gate.died().await;
    process.crash().await;
    let process = world.open(&[&trip()]);
    assert_eq!(process.facts("t-1").await, ["start, open 0 d1"]);
    assert_eq!(world.service.net("t-1", "b"), 1, "and nobody knows");
    process.engine.begin();
    let cancelled = process.engine.cancel("t-1").await.unwrap();
    assert_eq!(cancelled, partita_saga::Cancel::Accepted);
    assert_eq!(process.rests("t-1").await.row.class, Class::Compensated);
    assert_eq!(world.service.left_behind("t-1"), [("b".to_owned(), 1)]);
}

#[tokio::test(start_paused = true)]
async fn an_end_apart_from_its_last_part_can_be_without_it() {
    let world = sabotaged(Sabotage::EndApart);
    let saga = named("noting")
        .step("a", act("a"))
        .undo(undo("a"))
        .at_end(|_, _| Ok(Part::new().put(Put::value(NOTES, "end", Expect::Absent, "1".to_owned()))))
        .build();
    let process = world.boot(&[&saga]);
    process.gate.fails_at(2, Fault::CrashBefore);
    process.start("t-1").await;
    process.gate.died().await;
    process.crash().await;
    let process = world.boot(&[&saga]);
    let detail = process.engine.detail("t-1").await.unwrap().unwrap();
    assert_eq!((detail.row.class, process.note("end").await), (Class::Completed, None));
}
