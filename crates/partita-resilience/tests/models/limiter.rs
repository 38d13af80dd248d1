//! A quota with calls, reservations and one that is given back.

#[allow(dead_code, reason = "a model needs a part of it")]
#[path = "../../src/limiter/decision.rs"]
mod decision;
#[allow(dead_code, reason = "a model needs a part of it")]
#[path = "../../src/limiter/gcra.rs"]
mod gcra;
#[allow(dead_code, reason = "a model needs a part of it")]
#[path = "../../src/limiter/line.rs"]
mod line;
#[allow(dead_code, reason = "a model needs a part of it")]
#[path = "../../src/limiter/log.rs"]
mod log;
#[allow(dead_code, reason = "a model needs a part of it")]
#[path = "../../src/limiter/quota.rs"]
mod quota;
#[allow(dead_code, reason = "a model needs a part of it")]
#[path = "../../src/limiter/rule.rs"]
mod rule;
#[allow(dead_code, reason = "a model needs a part of it")]
#[path = "../../src/limiter/share.rs"]
mod share;
#[allow(dead_code, reason = "a model needs a part of it")]
#[path = "../../src/limiter/window.rs"]
mod window;

use super::bound::check;
use crate::stripe::Striped;
use line::{Asked, Bounds, Meter};
use loom::sync::Arc;
use quota::{Algorithm, Quota};
use rule::Rule;
use share::Shares;
use std::time::Duration;

const BOUNDS: Bounds = Bounds { wait: 1_000, waiters: 9 };

fn meter(algorithm: Algorithm) -> (Rule, Arc<Meter>) {
    let rule = Rule::new(&Quota::new(2, Duration::from_nanos(200)).burst(2).algorithm(algorithm));
    let meter = Arc::new(Meter::new(&rule));
    (rule, meter)
}

#[test]
fn two_threads_never_take_more_than_the_quota() {
    for algorithm in [Algorithm::Gcra, Algorithm::SlidingLog, Algorithm::FixedWindow] {
        check(move || {
            let (rule, meter) = meter(algorithm);
            let other = Arc::clone(&meter);
            let thread =
                loom::thread::spawn(move || (0..2).filter(|_| rule.decide(&other.cell, 0, 1).allowed()).count());
            let mine = (0..2).filter(|_| rule.decide(&meter.cell, 0, 1).allowed()).count();
            assert_eq!(mine + thread.join().unwrap(), 2);
        });
    }
}

#[test]
fn a_moment_given_back_is_given_once_and_to_one() {
    for algorithm in [Algorithm::Gcra, Algorithm::SlidingLog] {
        check(move || {
            let (rule, meter) = meter(algorithm);
            assert!(rule.check(&meter.cell, 0, 2).allowed());
            let Asked::Later(first) = meter.ask(&rule, 1, 1, BOUNDS) else { panic!("no moment") };
            let other = Arc::clone(&meter);
            let thread = loom::thread::spawn(move || other.ask(&rule, 1, 1, BOUNDS));
            meter.leave(&rule, 1, first);
            let Asked::Later(second) = thread.join().unwrap() else { panic!("no moment") };
            let alone = if algorithm == Algorithm::Gcra { 99 } else { 199 };
            assert_eq!(meter.left(&rule, 1, second), alone, "it did not move up");
            assert_eq!(meter.waiting(), 1);
        });
    }
}

#[test]
fn what_one_who_leaves_gives_back_goes_to_those_behind_and_to_no_newcomer() {
    for algorithm in [Algorithm::Gcra, Algorithm::SlidingLog, Algorithm::FixedWindow] {
        check(move || {
            let (rule, meter) = meter(algorithm);
            assert!(rule.check(&meter.cell, 0, 1).allowed());
            let Asked::Later(large) = meter.ask(&rule, 1, 2, BOUNDS) else { panic!("no moment") };
            let Asked::Later(small) = meter.ask(&rule, 1, 1, BOUNDS) else { panic!("no moment") };
            let other = Arc::clone(&meter);
            let newcomer = loom::thread::spawn(move || rule.check(&other.cell, 1, 1).allowed());
            meter.leave(&rule, 1, large);
            assert!(!newcomer.join().unwrap(), "it overtook");
            assert_eq!(meter.left(&rule, 1, small), 0, "it did not move up");
        });
    }
}

#[test]
fn threads_with_shares_never_take_more_than_the_quota() {
    let rate = gcra::Rate::new(65_536, 65_536, 65_536);
    for (costs, later) in [([32_000, 1], 0), ([60, 5_000], 50), ([30_000, 35_000], 600)] {
        check(move || {
            let shares = Arc::new(Shares::new(Striped::new(2, 1)));
            let other = Arc::clone(&shares);
            let passes = move |shares: &Shares, thread, now| {
                costs.into_iter().filter(|cost| shares.check(&rate, now, *cost, thread).allowed).sum::<u64>()
            };
            let mine = passes(&shares, 0, 0);
            let thread = loom::thread::spawn(move || passes(&other, 1, later));
            let all = mine + passes(&shares, 0, later) + thread.join().unwrap();
            assert!(all <= 65_536 + later, "{all} passed");
        });
    }
}
