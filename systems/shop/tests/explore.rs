//! Every fault at every point of the shop's shorter stories, in virtual time; and the defects that this must catch. The
//! `explore` stage of the test run does the same with all stories.

use explore::{BUGS, SCENARIOS, caught, faults, heading, json, row, totals};
use partita_testkit::explore::{Double, Explorer, Fault, Schedule};
use serde_json::Value;
use std::time::Duration;

#[path = "../examples/explore/mod.rs"]
mod explore;

const SHORT: [&str; 3] = ["confirmed", "out-of-stock", "cancelled-early"];

#[test]
fn every_order_ends_right_whatever_fault_strikes_the_shop_and_wherever() {
    println!("{}", heading());
    let mut all = vec![];
    let explorer = Explorer { double: Double::Sample(20), ..Explorer::default() };
    for scenario in SCENARIOS.iter().filter(|scenario| SHORT.contains(&scenario.name)) {
        let explored = scenario.explore(&explorer);
        println!("{}", row(scenario, &explored));
        assert!(explored.is_good(), "{}{}", json(scenario, &explored), faults(&explored));
        all.push(explored);
    }
    println!("{}", totals(&all, Duration::ZERO));
}

#[test]
fn each_planted_defect_is_caught_and_by_the_fault_that_must_catch_it_alone() {
    for bug in BUGS.iter().filter(|bug| bug.scenario != "confirmed") {
        let (text, is_caught) = caught(bug, &Explorer::default());
        println!("{text}");
        assert!(is_caught && !text.contains("a run without faults"), "{text}");
    }
}

#[test]
fn the_same_schedule_twice_gives_the_same_trace() {
    let explorer = Explorer::default();
    for scenario in &SCENARIOS {
        for (at, fault) in (2..14).step_by(2).zip(Fault::ALL) {
            let schedule = Schedule::one(at, fault);
            let runs = [(); 2].map(|()| explorer.run(scenario.world(None), &schedule));
            assert_eq!(runs[0].trace.lines(), runs[1].trace.lines(), "{} {schedule:?}", scenario.name);
            assert_eq!(runs[0].trace.hash(), runs[1].trace.hash(), "{} {schedule:?}", scenario.name);
        }
    }
}

#[test]
fn another_seed_gives_another_trace_and_the_same_end() {
    for scenario in &SCENARIOS {
        let runs = [1, 2].map(|seed| {
            let explorer = Explorer { seed, ..Explorer::default() };
            explorer.run(scenario.world(None), &Schedule::one(3, Fault::After))
        });
        assert_ne!(runs[0].trace.hash(), runs[1].trace.hash());
        assert!(runs.iter().all(|run| run.violations.is_empty()), "{:?}", runs.map(|run| run.violations));
    }
}

#[test]
fn a_line_for_scripts_has_the_promised_members() {
    let scenario = &SCENARIOS[1];
    let explorer = Explorer { faults: vec![Fault::Before, Fault::Late], ..Explorer::default() };
    let line: Value = serde_json::from_str(&json(scenario, &scenario.explore(&explorer))).unwrap();
    for figure in ["commits", "calls", "points", "explored", "violations"] {
        assert!(line[figure].is_u64(), "{figure} in {line}");
    }
    assert_eq!((line["scenario"].as_str(), &line["points"]), (Some("out-of-stock"), &line["explored"]));
    assert!(line["sometimes"]["crashes"].as_u64() > Some(0));
    assert_eq!(line["by_fault"]["delay"], line["late"]);
    assert!(line["double"]["possible"].as_u64() > Some(0) && line["double"]["points"] == 0);
}
