//! Any definition, any answers, any crashes: every saga reaches exactly one end, and leaves behind what that end says.

use crate::common::World;
use crate::common::gate::Fault;
use crate::common::service::{Say, Service};
use crate::common::steps::{Trip, act, ask, finish, millis, named, secs, undo};
use partita_core::{Again, Effect};
use partita_saga::{Class, Draft, Saga, SagaDetail, place};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_oneof, proptest};
use std::time::Duration;

const NAMES: [&str; 5] = ["s0", "s1", "s2", "s3", "s4"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Tombstone,
    Insist,
    Probe,
    NothingToUndo,
}

#[derive(Clone, Debug)]
struct Plan {
    /// Of each step before the pivot; the pivot, if there is one, is settled like the first that can be.
    before: Vec<How>,
    pivot: bool,
    after: usize,
    within: Option<u64>,
    retry: Option<u32>,
    deadline: Option<u64>,
    cancel_at: Option<u64>,
    does: Vec<Vec<Say>>,
    undoes: Vec<Vec<Say>>,
    asks: Vec<Vec<Say>>,
    /// A step that can never be undone.
    stuck: Option<usize>,
    faults: Vec<(usize, Fault)>,
}

impl Plan {
    fn steps(&self) -> usize {
        self.before.len() + usize::from(self.pivot) + if self.pivot { self.after } else { 0 }
    }

    fn saga(&self) -> Saga<Trip, Service> {
        let mut start = named("any");
        if let Some(limit) = self.deadline {
            start = start.deadline(secs(limit));
        }
        let mut draft = self.told(0, start.step(NAMES[0], act(NAMES[0])));
        for (n, name) in NAMES.iter().enumerate().take(self.before.len()).skip(1) {
            draft = self.told(n, draft.step(name, act(name)));
        }
        if !self.pivot {
            return draft.build();
        }
        let n = self.before.len();
        let mut draft = draft.pivot(NAMES[n], act(NAMES[n])).attempt(secs(2));
        draft = match self.before[0] {
            How::Probe => draft.probe(ask(NAMES[n])),
            _ => draft.insist(secs(36_000)),
        };
        for step in &NAMES[n + 1..self.steps()] {
            draft = draft.step(step, finish(step)).attempt(secs(2));
        }
        draft.build()
    }

    fn told(&self, n: usize, draft: Draft<Trip, Service, place::Undecided>) -> Draft<Trip, Service, place::Open> {
        let mut draft = match self.before[n] {
            How::Tombstone => draft.undo(undo(NAMES[n])),
            How::Insist => draft.undo(undo(NAMES[n])).insist(secs(36_000)),
            How::Probe => draft.undo(undo(NAMES[n])).probe(ask(NAMES[n])),
            How::NothingToUndo => draft.nothing_to_undo("by chance"),
        };
        if let Some(limit) = self.within {
            draft = draft.within(secs(limit));
        }
        if let Some(most) = self.retry {
            draft = draft.retry(most);
        }
        draft.attempt(secs(2))
    }

    fn script(&self, service: &Service) {
        for (n, name) in NAMES.iter().enumerate().take(self.steps()) {
            let may_refuse = n < self.before.len() + usize::from(self.pivot);
            let remembers = n < self.before.len() && matches!(self.before[n], How::Tombstone | How::Probe);
            let mut under_way = false;
            let says = self.does[n].iter().filter(|say| {
                let refuses = matches!(say, Say::Reject(_));
                under_way |= matches!(say, Say::Late(_) | Say::Slow(_));
                // Under one key a third party does not refuse what it is already about to do.
                !refuses || (may_refuse && (remembers || !under_way))
            });
            service.script("do", name, says.cloned());
            service.script("undo", name, self.undoes[n].iter().cloned());
            service.script("ask", name, self.asks[n].iter().cloned());
        }
        if let Some(stuck) = self.stuck {
            service.always("undo", NAMES[stuck], Say::Fail(Again::Later, Effect::Possible));
        }
    }
}

fn millis_upto(most: u64) -> impl Strategy<Value = Duration> {
    (0..most).prop_map(millis)
}

fn does() -> impl Strategy<Value = Say> {
    prop_oneof![
        4 => Just(Say::Done),
        2 => Just(Say::Reject("no")),
        2 => Just(Say::LostReply),
        2 => Just(Say::LostRequest),
        // Inside the window of a probe, which is 5 s unless told.
        2 => millis_upto(4_900).prop_map(Say::Late),
        1 => millis_upto(1_900).prop_map(Say::Slow),
        1 => Just(Say::Fail(Again::Later, Effect::None)),
        1 => Just(Say::Fail(Again::Later, Effect::Possible)),
        1 => Just(Say::Panic),
    ]
}

fn undoes() -> impl Strategy<Value = Say> {
    prop_oneof![
        3 => Just(Say::Done),
        1 => Just(Say::LostReply),
        1 => Just(Say::LostRequest),
        1 => Just(Say::Fail(Again::Later, Effect::Possible)),
        1 => Just(Say::Panic),
    ]
}

fn asks() -> impl Strategy<Value = Say> {
    prop_oneof![Just(Say::Done), Just(Say::Processing), Just(Say::Fail(Again::Later, Effect::None))]
}

fn faults() -> impl Strategy<Value = (usize, Fault)> {
    let fault = prop_oneof![
        2 => Just(Fault::CrashBefore),
        2 => Just(Fault::CrashAfter),
        1 => Just(Fault::LostAnswer),
        1 => Just(Fault::LostCommit),
        1 => Just(Fault::Full),
    ];
    (0_usize..12, fault)
}

fn plans() -> impl Strategy<Value = Plan> {
    let how = prop_oneof![3 => Just(How::Tombstone), 2 => Just(How::Insist), 2 => Just(How::Probe), 1 => Just(How::NothingToUndo)];
    let shape = (vec(how, 1..=3), any::<bool>(), 0_usize..=1);
    let limits = (option::of(1_u64..20), option::of(1_u32..4), option::of(1_u64..30), option::of(0_u64..9_000));
    let scripts = (vec(vec(does(), 0..4), 5), vec(vec(undoes(), 0..3), 5), vec(vec(asks(), 0..4), 5));
    let trouble = (option::weighted(0.1, 0_usize..3), vec(faults(), 0..4));
    (shape, limits, scripts, trouble).prop_map(|(shape, limits, scripts, trouble)| {
        let (before, pivot, after) = shape;
        let (within, retry, deadline, cancel_at) = limits;
        let (does, undoes, asks) = scripts;
        let (stuck, faults) = trouble;
        Plan { before, pivot, after, within, retry, deadline, cancel_at, does, undoes, asks, stuck, faults }
    })
}

/// Runs a plan to its end, through all its faults; the facts of its journal.
async fn run(plan: &Plan, world: World) -> (World, SagaDetail, Vec<String>) {
    plan.script(&world.service);
    let saga = plan.saga();
    for fault in plan.faults.iter().map(Some).chain([None]) {
        let process = world.boot(&[&saga]);
        if let Some((at, fault)) = fault {
            process.gate.fails_at(*at, *fault);
        }
        let ends = async {
            while process.try_start("t-1").await.is_err() {}
            process.rests("t-1").await
        };
        let cancels = async {
            if let Some(at) = plan.cancel_at {
                world.pass(millis(at.saturating_sub(world.elapsed()))).await;
                let _ = process.engine.cancel("t-1").await;
            }
            std::future::pending::<()>().await;
        };
        let ended = tokio::select! {
            biased;
            () = process.gate.died() => None,
            detail = ends => Some(detail),
            () = cancels => None,
        };
        if let Some(detail) = ended {
            world.pass(secs(60)).await;
            let facts = process.facts("t-1").await;
            return (world, detail, facts.iter().flat_map(|record| record.split(", ").map(str::to_owned)).collect());
        }
        process.crash().await;
    }
    panic!("the last process has no fault");
}

fn check(plan: &Plan, world: &World, detail: &SagaDetail, facts: &[String]) {
    let ends = facts.iter().filter(|fact| *fact == "end" || *fact == "parked").count();
    assert_eq!(ends, 1, "{facts:?}");
    let left: Vec<(String, i32)> = world.service.left_behind("t-1");
    let undoable = |step: &str| {
        let n = NAMES.iter().position(|name| *name == step).unwrap();
        plan.before.get(n) != Some(&How::NothingToUndo)
    };
    match detail.row.class {
        Class::Completed => {
            assert_eq!(left.len(), plan.steps(), "{left:?}");
            assert!(left.iter().all(|(_, net)| *net == 1), "{left:?}");
        }
        Class::Compensated => assert!(left.iter().all(|(step, _)| !undoable(step)), "{left:?}\n{facts:?}"),
        Class::Parked => {
            let stuck = plan.stuck.map(|n| NAMES[n]);
            assert_eq!(detail.row.reason, stuck.map(|step| format!("cannot undo {step}")));
            assert!(left.iter().all(|(step, _)| !undoable(step) || Some(&**step) == stuck), "{left:?}\n{facts:?}");
        }
        Class::Running | Class::Waiting | Class::Unwinding => panic!("{detail:#?}"),
    }
    let turned = facts.iter().position(|fact| fact == "unwind").unwrap_or(facts.len());
    let back = &facts[turned..];
    assert!(back.iter().all(|fact| !(fact.starts_with("open") && fact.contains(" d"))), "{facts:?}");
    let undos: Vec<&String> = back.iter().filter(|fact| fact.starts_with("open") && fact.ends_with(" u1")).collect();
    assert!(undos.is_sorted_by(|a, b| a > b), "{facts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_saga_reaches_one_end_and_leaves_behind_what_it_says(plan in plans()) {
        in_virtual_time(&plan, |_| {});
    }
}

fn in_virtual_time(plan: &Plan, prepare: impl FnOnce(&mut World)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut world = World::new();
        prepare(&mut world);
        let (world, detail, facts) = run(plan, world).await;
        check(plan, &world, &detail, &facts);
    });
}

#[cfg(feature = "sabotage")]
#[test]
fn the_search_finds_defects_that_leave_something_behind() {
    use partita_saga::Sabotage;
    use proptest::test_runner::{Config, TestRunner};
    for defect in [Sabotage::SkipUndoInDoubt, Sabotage::NewKeyPerAttempt, Sabotage::CallBeforeIntent] {
        let config = Config { cases: 2_000, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
        let found = TestRunner::new(config).run(&plans(), |plan| {
            in_virtual_time(&plan, |world| world.settings.sabotage = Some(defect));
            Ok(())
        });
        assert!(found.is_err(), "{defect:?} was not found");
    }
}
