//! Many orders and faults of every kind in one seeded run: the small form, and what must be true of every form.

use simulate::{Plan, hunt};
use std::time::Duration;

#[path = "../examples/simulate/mod.rs"]
mod simulate;

const SMALL: Plan = Plan { first: 1, seeds: 24, orders: 20, trace: 0 };

#[test]
fn every_order_of_every_seed_ends_right() {
    // As many as it takes for what is rare to happen, too.
    let report = Plan { seeds: 40, orders: 60, ..SMALL }.all(|_, _| ());
    println!("{}", report.text(Duration::from_secs(1)));
    assert!(report.is_good(), "{}", report.text(Duration::from_secs(1)));
}

#[test]
fn the_same_seed_twice_gives_the_same_trace_and_another_one_another() {
    let runs = [7, 7, 8].map(|seed| SMALL.one(seed));
    assert_eq!(runs[0].trace.lines(), runs[1].trace.lines());
    assert_eq!(runs[0].trace.hash(), runs[1].trace.hash());
    assert_ne!(runs[0].trace.hash(), runs[2].trace.hash());
    assert!(runs.iter().all(|run| run.faults.values().sum::<u64>() > 0));
}

#[test]
fn each_planted_defect_makes_a_seed_fail() {
    // Some need a rare moment: seeds are tried until one has it.
    let plan = Plan { seeds: 200, ..SMALL };
    for (name, caught) in hunt(&plan) {
        println!("{name}: {caught:?}");
        assert!(caught.is_some(), "{name} is missed by {plan:?}");
    }
}

#[test]
fn a_report_says_how_to_see_a_seed_again() {
    let report = Plan { seeds: 1, orders: 2, ..SMALL }.all(|_, _| ());
    assert_eq!(report.again(1), "cargo xtask simulate --seeds 1 --seed 1 --orders 2");
    let line = report.json(Duration::from_secs(1));
    assert_eq!((line["seeds"].as_u64(), line["orders"].as_u64()), (Some(1), Some(2)));
    assert!(line["counters"].is_object() && line["failures"].is_array() && line["hours_per_second"].is_f64());
}
