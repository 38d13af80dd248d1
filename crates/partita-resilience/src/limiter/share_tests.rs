//! Shares against the plain word.

use super::quota::Quota;
use super::rule::{Cell, Rule};
use crate::stripe::Striped;
use proptest::prelude::*;
use std::sync::Barrier;

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
            let (one, other) = (rule.check(&shared, now, cost), rule.check(&plain, now, cost));
            prop_assert_eq!((one.allowed(), one.remaining()), (other.allowed(), other.remaining()));
            prop_assert_eq!((one.reset_at(), one.retry_after()), (other.reset_at(), other.retry_after()));
            prop_assert_eq!(rule.look(&shared, now, 0).remaining(), rule.look(&plain, now, 0).remaining());
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
    rule.reserve(&cell, 0, BURST);
    assert!(!rule.check(&cell, 0, 1).allowed());
}
