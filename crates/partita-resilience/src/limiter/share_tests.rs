//! Shares against the plain word.

use super::Limiter;
use super::quota::Quota;
use super::rule::{Cell, Rule};
use crate::Timing;
use crate::stripe::Striped;
use partita_time::ManualClock;
use proptest::prelude::*;
use std::sync::Barrier;
use std::time::Duration;

const BURST: u32 = 70_000;

fn busy() -> (Rule, Cell) {
    let rule = Rule::new(&Quota::per_second(1_000_000).burst(BURST));
    let cell = rule.busy_cell(Striped::default);
    (rule, cell)
}

proptest! {
    #[test]
    fn one_thread_is_answered_as_if_nothing_were_shared(calls in prop::collection::vec((0_u64..40_000_000, 1_u32..9_000), 1..200)) {
        let (rule, shared) = busy();
        let plain = rule.cell();
        let mut now = 0;
        for (step, cost) in calls {
            now += step;
            if cost % 7 == 0 {
                let moment = |cell| rule.reserve(cell, now, cost, 5_000_000).map(|charge| charge.at.max(rule.units(now)));
                prop_assert_eq!(moment(&shared), moment(&plain));
            }
            let (one, other) = (rule.decide(&shared, now, cost), rule.check(&plain, now, cost));
            prop_assert_eq!((one.allowed(), one.remaining()), (other.allowed(), other.remaining()));
            prop_assert_eq!((one.reset_at(), one.retry_after()), (other.reset_at(), other.retry_after()));
            prop_assert_eq!(rule.look(&shared, now).remaining(), rule.look(&plain, now).remaining());
        }
    }
}

#[test]
fn threads_together_take_the_burst_and_no_more() {
    let (rule, cell) = busy();
    let start = Barrier::new(3);
    let passed: usize = std::thread::scope(|scope| {
        let take = || {
            start.wait();
            (0..BURST).filter(|_| rule.check(&cell, 0, 1).allowed()).count()
        };
        let threads = [scope.spawn(take), scope.spawn(take), scope.spawn(take)];
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(passed, BURST as usize);
}

#[test]
fn what_a_thread_keeps_is_void_when_its_time_is_past() {
    let (rule, cell) = busy();
    assert!(rule.check(&cell, 0, 1).allowed());
    let later = 1_000_000_000;
    let passed = (0..2 * BURST).filter(|_| rule.check(&cell, later, 1).allowed()).count();
    assert_eq!(passed, BURST as usize);
}

#[test]
fn nobody_charges_a_share_while_somebody_waits() {
    let (rule, cell) = busy();
    assert!(rule.check(&cell, 0, 1).allowed());
    rule.reserve(&cell, 0, BURST, u64::MAX);
    assert!(!rule.check(&cell, 0, 1).allowed());
}

/// A limiter whose whole burst is used, but for what this thread keeps of it.
fn all_but_mine() -> Limiter {
    let timing = Timing::manual(&ManualClock::new(), 1);
    let limiter = Limiter::builder("l").quota(Quota::per_hour(65_536)).timing(timing).build().unwrap();
    assert!(limiter.check().allowed());
    let rest = || (0..65_536).take_while(|_| limiter.check().allowed()).count();
    std::thread::scope(|scope| scope.spawn(rest).join()).unwrap();
    limiter
}

#[test]
fn a_reservation_waits_no_longer_than_it_was_asked_to() {
    let (limiter, most) = (all_but_mine(), Duration::from_secs(2));
    let reservation = limiter.reserve(100, most).expect("what this thread keeps is charged first");
    assert!(reservation.retry_after() <= most, "{:?}", reservation.retry_after());
    drop(reservation);
    assert!(limiter.reserve(100, Duration::from_secs(6)).is_ok());
}

#[test]
fn who_is_refused_is_not_told_to_come_again_at_once_for_what_others_keep() {
    let limiter = all_but_mine();
    let ask = || limiter.reserve(1, Duration::ZERO).unwrap_err();
    let refused = std::thread::scope(|scope| scope.spawn(ask).join()).unwrap();
    assert!(refused.retry_after.is_some_and(|wait| wait > Duration::ZERO), "{refused}");
}
