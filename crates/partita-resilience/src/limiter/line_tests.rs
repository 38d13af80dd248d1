//! Who leaves the line, and who hears of it.

use super::line::{Asked, Bounds, Meter};
use super::quota::{Algorithm, Quota};
use super::rule::Rule;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

const KEPT: [Algorithm; 2] = [Algorithm::SlidingLog, Algorithm::FixedWindow];
const MS: u64 = 1_000_000;

/// Two calls each 100 ms, both made at 0.
fn spent(algorithm: Algorithm) -> (Rule, Meter) {
    let rule = Rule::new(&Quota::new(2, Duration::from_millis(100)).algorithm(algorithm));
    let meter = Meter::new(&rule);
    assert!((0..2).all(|_| rule.check(&meter.cell, 0, 1).allowed()));
    (rule, meter)
}

fn wait(rule: &Rule, meter: &Meter, millis: u64) -> u64 {
    match meter.ask(rule, millis * MS, 1, Bounds { wait: u64::MAX, waiters: 100 }) {
        Asked::Later(ticket) => ticket,
        other => panic!("{other:?}"),
    }
}

#[derive(Default)]
struct Woken(AtomicU32);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn who_leaves_with_an_older_clock_than_a_checks_takes_back_nothing_that_came() {
    for algorithm in KEPT {
        let (rule, meter) = spent(algorithm);
        let line = [(); 3].map(|()| wait(&rule, &meter, 0));
        assert!(!rule.check(&meter.cell, 120 * MS, 1).allowed());
        meter.leave(&rule, 90 * MS, line[0]);
        assert_eq!(meter.left(&rule, 120 * MS, line[1]), 0, "{algorithm:?}: its moment came");
        assert!(!rule.check(&meter.cell, 130 * MS, 1).allowed(), "{algorithm:?}: nor is there one to give");
        meter.leave(&rule, 90 * MS, line[2]);
        assert_eq!(meter.left(&rule, 120 * MS, line[1]), 0, "{algorithm:?}");
        assert!(!rule.check(&meter.cell, 199 * MS, 1).allowed(), "{algorithm:?}");
        assert!((0..2).all(|_| rule.check(&meter.cell, 200 * MS, 1).allowed()), "{algorithm:?}");
    }
    let (rule, meter) = spent(Algorithm::SlidingLog);
    let first = wait(&rule, &meter, 0);
    assert!(rule.check(&meter.cell, 120 * MS, 1).allowed());
    meter.leave(&rule, 90 * MS, first);
    assert!(!rule.check(&meter.cell, 130 * MS, 1).allowed(), "the check was uncharged");
}

#[test]
fn only_who_moves_up_is_woken() {
    for algorithm in KEPT {
        let (rule, meter) = spent(algorithm);
        let line = [(); 5].map(|()| wait(&rule, &meter, 0));
        let alarms = [(); 5].map(|()| Arc::new(Woken::default()));
        for (ticket, alarm) in line.iter().zip(&alarms) {
            assert!(meter.poll(&rule, 0, *ticket, &Waker::from(Arc::clone(alarm))) > 0);
        }
        let woken = || alarms.each_ref().map(|alarm| alarm.0.load(Ordering::Relaxed));
        meter.leave(&rule, 0, line[3]);
        assert_eq!((woken(), meter.left(&rule, 0, line[4])), ([0, 0, 0, 0, 1], 200 * MS), "{algorithm:?}");
        assert_eq!(meter.left(&rule, 0, line[2]), 200 * MS, "{algorithm:?}");
        meter.leave(&rule, 0, line[4]);
        assert_eq!(woken(), [0, 0, 0, 0, 1], "{algorithm:?}: nobody is behind the last one");
    }
}

/// One call each 10 ms and no two at once; one is charged at 0, and the next one waits for 10 ms.
fn paced() -> (Rule, Meter, u64) {
    let rule = Rule::new(&Quota::new(1, Duration::from_millis(10)));
    let meter = Meter::new(&rule);
    assert!(rule.check(&meter.cell, 0, 1).allowed());
    let first = wait(&rule, &meter, 0);
    assert_eq!(meter.left(&rule, 0, first), 10 * MS);
    (rule, meter, first)
}

#[test]
fn who_leaves_with_an_older_clock_gives_no_virtual_time_back_that_had_passed_to_another() {
    for passed in [20, 25] {
        let (rule, meter, first) = paced();
        assert!(rule.check(&meter.cell, passed * MS, 1).allowed(), "its moment came, and 10 ms more");
        meter.leave(&rule, 5 * MS, first);
        assert!(!rule.check(&meter.cell, (passed + 10) * MS - 1, 1).allowed(), "two at {passed} ms");
        assert!(rule.check(&meter.cell, (passed + 10) * MS, 1).allowed());
    }
    let (rule, meter, first) = paced();
    let behind = wait(&rule, &meter, 15);
    meter.leave(&rule, 5 * MS, first);
    assert_eq!(meter.left(&rule, 15 * MS, behind), 5 * MS, "to who came at 15 ms the moment had come");
    assert!(!rule.check(&meter.cell, 30 * MS - 1, 1).allowed());
}

#[test]
fn who_leaves_before_one_who_came_behind_a_check_gives_nothing_back() {
    let (rule, meter, first) = paced();
    assert!(rule.check(&meter.cell, 25 * MS, 1).allowed());
    let behind = wait(&rule, &meter, 9);
    assert_eq!(meter.left(&rule, 0, behind), 35 * MS);
    meter.leave(&rule, 5 * MS, first);
    assert_eq!(meter.left(&rule, 0, behind), 35 * MS, "at 25 ms the check was");
    assert!(!rule.check(&meter.cell, 45 * MS - 1, 1).allowed());
}

#[test]
fn who_leaves_while_the_moment_is_ahead_of_every_clock_gives_back_all_of_it() {
    let (rule, meter, first) = paced();
    let behind = [wait(&rule, &meter, 9), wait(&rule, &meter, 3)];
    meter.leave(&rule, 5 * MS, first);
    assert_eq!(behind.map(|ticket| meter.left(&rule, 0, ticket)), [10 * MS, 20 * MS]);
    meter.leave(&rule, 5 * MS, behind[1]);
    meter.leave(&rule, 5 * MS, behind[0]);
    assert!(rule.check(&meter.cell, 10 * MS, 1).allowed(), "as if nobody had waited");
    assert!(!rule.check(&meter.cell, 20 * MS - 1, 1).allowed());
}
