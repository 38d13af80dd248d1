//! What the guide says of the overload picture.

#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "../examples/overload/callers.rs"]
mod callers;
#[path = "../examples/overload/panel.rs"]
#[allow(dead_code, reason = "the table is the example's")]
mod panel;
#[path = "../examples/overload/picture.rs"]
mod picture;
#[path = "../examples/overload/world.rs"]
mod world;

use callers::WAYS;
use panel::Panel;

fn panel(title: &str) -> Panel {
    let (title, caller) = WAYS.into_iter().find(|(name, _)| name.starts_with(title)).unwrap();
    Panel { title, outcome: world::run(42, caller).unwrap() }
}

#[test]
fn the_same_seed_draws_the_same_picture() {
    let svg = || picture::svg(&[panel("Nothing"), panel("Bulkhead")], 42);
    assert!(svg() == svg());
}

#[test]
fn each_way_is_drawn_with_its_goodput_latency_and_amplification() {
    let svg = picture::svg(&[panel("Nothing"), panel("Bulkhead")], 42);
    let (_, rows) = svg.split_once(">Nothing<").unwrap();
    for line in ["goodput", "usual thin", "late", "calls"] {
        let drawn = rows.matches(&format!("class=\"line {line}\"")).count();
        assert_eq!(drawn, 2, "{line}");
    }
    for unit in ["answers a second", "latency of answers, ms", "calls a request", "time, s"] {
        assert!(svg.to_lowercase().contains(unit), "{unit}");
    }
}

#[test]
fn retries_by_hand_never_recover_and_a_budget_keeps_calls_near_requests() {
    let by_hand = panel("Retry by hand");
    assert_eq!(by_hand.recovery(), None);
    assert!(by_hand.amplification() > 2.0);
    let budget = panel("Retry with its budget");
    assert!(budget.recovery().is_some());
    assert!(budget.amplification() < 1.11, "{}", budget.amplification());
}

#[test]
fn a_bulkhead_answers_more_than_nothing_and_recovers_at_once() {
    let (nothing, bulkhead) = (panel("Nothing"), panel("Bulkhead"));
    assert!(bulkhead.good() > nothing.good() + 10.0, "{} and {}", bulkhead.good(), nothing.good());
    assert_eq!(bulkhead.recovery(), Some(0));
    assert!(nothing.recovery() > Some(5));
}

#[test]
fn the_stack_does_no_worse_than_its_bulkhead() {
    let (bulkhead, stack) = (panel("Bulkhead"), panel("Stack"));
    assert!(stack.good() >= bulkhead.good() - 1.0, "{} and {}", stack.good(), bulkhead.good());
    assert_eq!(stack.recovery(), Some(0));
}

#[test]
fn an_adaptive_limit_does_as_well_as_a_bulkhead_whose_number_fits() {
    let (bulkhead, adaptive) = (panel("Bulkhead"), panel("Adaptive"));
    assert!(adaptive.good() > bulkhead.good() - 2.0, "{} and {}", adaptive.good(), bulkhead.good());
    assert_eq!(adaptive.recovery(), Some(0));
}

#[test]
fn a_hedge_adds_no_more_than_its_budget_and_coalescing_takes_calls_away() {
    let hedge = panel("Hedge").amplification();
    assert!(hedge > 1.0 && hedge < 1.04, "{hedge}");
    let coalesce = panel("Coalesce");
    assert!(coalesce.amplification() < 0.8 && coalesce.good() > 99.0);
}
