//! A crash, or an answer that never came, at each commit of each way that a saga can go.

use crate::common::gate::Fault;
use crate::common::service::Say;
use crate::common::service::Service;
use crate::common::steps::{Trip, act, ask, finish, named, secs, trip, undo};
use crate::common::{World, goes_back_in_order, is_right};
use partita_saga::{Class, Saga, SagaDetail};

struct Scenario {
    name: &'static str,
    saga: fn() -> Saga<Trip, Service>,
    script: fn(&Service),
    ends: Class,
}

fn asked() -> Saga<Trip, Service> {
    named("asked")
        .step("a", act("a"))
        .undo(undo("a"))
        .attempt(secs(2))
        .probe(ask("a"))
        .step("b", act("b"))
        .undo(undo("b"))
        .attempt(secs(2))
        .probe(ask("b"))
        .within(secs(20))
        .pivot("p", act("p"))
        .attempt(secs(2))
        .probe(ask("p"))
        .step("c", finish("c"))
        .attempt(secs(2))
        .build()
}

const SCENARIOS: [Scenario; 8] = [
    Scenario { name: "through", saga: trip, script: |_| {}, ends: Class::Completed },
    Scenario {
        name: "first refused",
        saga: trip,
        script: |service| {
            service.always("do", "a", Say::Reject("no"));
        },
        ends: Class::Compensated,
    },
    Scenario {
        name: "pivot refused",
        saga: trip,
        script: |service| {
            service.always("do", "p", Say::Reject("no"));
        },
        ends: Class::Compensated,
    },
    Scenario {
        name: "lost replies",
        saga: trip,
        script: |service| {
            service.script("do", "a", [Say::LostReply]).script("do", "p", [Say::LostReply]).script(
                "do",
                "c",
                [Say::LostRequest],
            );
        },
        ends: Class::Completed,
    },
    Scenario {
        name: "lost replies, asked",
        saga: asked,
        script: |service| {
            service.script("do", "a", [Say::LostReply]).script("do", "p", [Say::LostRequest]);
        },
        ends: Class::Completed,
    },
    Scenario {
        name: "lost, then refused",
        saga: asked,
        script: |service| {
            service.script("do", "b", [Say::LostReply]).always("do", "p", Say::Reject("no"));
        },
        ends: Class::Compensated,
    },
    Scenario {
        name: "undo fails twice",
        saga: trip,
        script: |service| {
            let fails = || Say::Fail(partita_core::Again::Later, partita_core::Effect::None);
            service.script("undo", "b", [fails(), fails()]).always("do", "p", Say::Reject("no"));
        },
        ends: Class::Compensated,
    },
    Scenario {
        name: "undo never works",
        saga: trip,
        script: |service| {
            let fails = Say::Fail(partita_core::Again::Later, partita_core::Effect::None);
            service.always("undo", "b", fails).always("do", "p", Say::Reject("no"));
        },
        ends: Class::Parked,
    },
];

/// Runs a scenario, with a fault at a commit; the number of commits, and how it ended.
async fn run(scenario: &Scenario, faults: &[(usize, Fault)]) -> (usize, SagaDetail, World) {
    let world = World::new();
    (scenario.script)(&world.service);
    let saga = (scenario.saga)();
    let mut commits = 0;
    for fault in faults.iter().map(Some).chain([None]) {
        let process = world.boot(&[&saga]);
        if let Some((at, fault)) = fault {
            process.gate.fails_at(*at, *fault);
        }
        let rests = async {
            while process.try_start("t-1").await.is_err() {}
            process.rests("t-1").await
        };
        let detail = tokio::select! {
            biased;
            () = process.gate.died() => None,
            detail = rests => Some(detail),
        };
        commits = commits.max(process.gate.commits().len());
        process.crash().await;
        if let Some(detail) = detail {
            return (commits, detail, world);
        }
    }
    panic!("the last process has no fault");
}

fn check(scenario: &Scenario, detail: &SagaDetail, world: &World, what: &str) {
    assert_eq!(detail.row.class, scenario.ends, "{}, {what}: {:#?}", scenario.name, detail.timeline);
    is_right(world, detail);
    goes_back_in_order(world, detail);
    if scenario.ends == Class::Parked {
        assert_eq!(world.service.left_behind("t-1"), [("b".to_owned(), 1)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_at_any_commit_changes_no_end() {
    let mut points = 0;
    for scenario in &SCENARIOS {
        let (commits, detail, world) = run(scenario, &[]).await;
        check(scenario, &detail, &world, "no fault");
        for at in 0..commits {
            for fault in [Fault::CrashBefore, Fault::CrashAfter, Fault::LostAnswer, Fault::LostCommit, Fault::Full] {
                let (_, detail, world) = run(scenario, &[(at, fault)]).await;
                check(scenario, &detail, &world, &format!("{fault:?} at commit {at}"));
                points += 1;
            }
        }
    }
    assert!(points > 200, "{points} points");
}

#[tokio::test(start_paused = true)]
async fn a_second_crash_during_the_recovery_changes_no_end() {
    for scenario in &SCENARIOS[1..7] {
        let (commits, ..) = run(scenario, &[]).await;
        for at in 0..commits {
            for second in 0..3 {
                for fault in [Fault::CrashBefore, Fault::CrashAfter] {
                    let (_, detail, world) = run(scenario, &[(at, fault), (second, fault)]).await;
                    check(scenario, &detail, &world, &format!("{fault:?} at commits {at} and {second}"));
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_under_way_in_a_crash_has_no_answer_and_counts() {
    let world = World::new();
    world.service.script("do", "b", [Say::Slow(secs(1))]);
    let process = world.boot(&[&trip()]);
    process.start("t-1").await;
    world.pass(secs(1) / 2).await;
    assert_eq!(process.facts("t-1").await, ["start, open 0 d1", "done 0, open 1 d1"]);
    process.crash().await;
    let process = world.boot(&[&trip()]);
    let detail = process.rests("t-1").await;
    assert_eq!(process.facts("t-1").await[2], "recovered, unknown 1 d1, open 1 d2");
    assert!(detail.timeline.iter().any(|entry| entry.event == "saga.recovered"));
    assert_eq!(detail.row.class, Class::Completed);
    assert_eq!(detail.steps[1].attempts, 2);
    is_right(&world, &detail);
}
