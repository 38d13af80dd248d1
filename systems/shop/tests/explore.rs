//! Every crash of every story, in virtual time; and the defects that this must catch.

use explore::{BUGS, SCENARIOS, ShopWorld, faults, heading, json, row, totals};
use partita_testkit::explore::{Explorer, Fault, Schedule};
use serde_json::Value;
use std::time::Duration;

#[path = "../examples/explore/mod.rs"]
mod explore;

#[test]
fn every_order_ends_right_wherever_the_shop_crashes() {
    println!("{}", heading());
    let mut all = vec![];
    for scenario in &SCENARIOS {
        let explored = scenario.explore(&Explorer::default());
        println!("{}", row(scenario, &explored));
        assert!(explored.is_good(), "{}{}", json(scenario, &explored), faults(&explored));
        all.push(explored);
    }
    println!("{}", totals(&all, Duration::ZERO));
}

#[test]
fn each_planted_defect_is_caught_and_only_because_something_goes_wrong() {
    for bug in &BUGS {
        let (_, failure) = bug.run(&Explorer::default()).unwrap_or_else(|| panic!("{} is missed", bug.name));
        println!("{}: {failure}", bug.name);
        assert_ne!(failure.schedule, "a run without faults", "{}", bug.name);
    }
}

#[test]
fn the_same_schedule_twice_gives_the_same_trace() {
    let explorer = Explorer::default();
    for scenario in &SCENARIOS {
        for at in (1..12).step_by(3) {
            for fault in [Fault::Before, Fault::After, Fault::Late] {
                let schedule = Schedule::one(at, fault);
                let runs = [(); 2].map(|()| explorer.run(ShopWorld::new(scenario, None), &schedule));
                assert_eq!(runs[0].trace.lines(), runs[1].trace.lines(), "{} {schedule:?}", scenario.name);
                assert_eq!(runs[0].trace.hash(), runs[1].trace.hash(), "{} {schedule:?}", scenario.name);
            }
        }
    }
}

#[test]
fn another_seed_gives_another_trace_and_the_same_end() {
    for scenario in &SCENARIOS {
        let runs = [1, 2].map(|seed| {
            let explorer = Explorer { seed, ..Explorer::default() };
            explorer.run(ShopWorld::new(scenario, None), &Schedule::one(3, Fault::After))
        });
        assert_ne!(runs[0].trace.hash(), runs[1].trace.hash());
        assert!(runs.iter().all(|run| run.violations.is_empty()), "{:?}", runs.map(|run| run.violations));
    }
}

#[test]
fn a_line_for_scripts_has_the_promised_members() {
    let scenario = &SCENARIOS[1];
    let line: Value = serde_json::from_str(&json(scenario, &scenario.explore(&Explorer::default()))).unwrap();
    for figure in ["commits", "calls", "points", "explored", "violations"] {
        assert!(line[figure].is_u64(), "{figure} in {line}");
    }
    assert_eq!((line["scenario"].as_str(), &line["points"]), (Some("out-of-stock"), &line["explored"]));
    assert!(line["sometimes"]["crashes"].as_u64() > Some(0));
}
