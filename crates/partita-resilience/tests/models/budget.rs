//! Deposits, and withdrawals that take a whole attempt or nothing.

#[allow(dead_code, reason = "a model needs a part of it")]
#[path = "../../src/budget/credit.rs"]
mod credit;

use super::bound::check;
use crate::stripe::Striped;
use credit::{Deposits, Floor, WHOLE};
use loom::sync::Arc;
use loom::thread;

/// The bucket of the models' moment.
const TICK: u32 = 20;

/// So many thousandths in each of some stripes.
fn deposits<const N: usize>(held: [(usize, u32, u32); N]) -> Arc<Deposits> {
    let deposits = Deposits::new(Striped::new(1, 1));
    held.into_iter().for_each(|(stripe, tick, amount)| deposits.put(stripe, tick, amount));
    Arc::new(deposits)
}

#[test]
fn of_two_that_want_one_attempt_at_most_one_gets_it_and_nothing_is_lost() {
    check(|| {
        let held = deposits([(0, TICK, 600), (1, TICK, 900)]);
        let other = Arc::clone(&held);
        let thread = thread::spawn(move || u32::from(other.take_whole(TICK).is_some()));
        let taken = u32::from(held.take_whole(TICK).is_some()) + thread.join().unwrap();
        assert!(taken <= 1, "{taken} attempts for 1.5");
        assert_eq!(held.sum(TICK), u64::from(1_500 - taken * WHOLE));
    });
}

#[test]
fn a_deposit_beside_a_withdrawal_is_there_afterwards() {
    for alone in [true, false] {
        check(move || {
            let held = deposits([(0, TICK - 3, 400), (1, TICK, 700)]);
            let other = Arc::clone(&held);
            let thread = thread::spawn(move || other.put(usize::from(!alone), TICK, 100));
            let taken = u32::from(held.take_whole(TICK).is_some());
            thread.join().unwrap();
            assert_eq!((taken, held.sum(TICK)), (1, 200));
        });
    }
}

#[test]
fn a_deposit_taken_back_beside_a_withdrawal_is_taken_once() {
    check(|| {
        let held = deposits([(0, TICK, 1_000), (1, TICK, 100)]);
        let other = Arc::clone(&held);
        let thread = thread::spawn(move || other.take_back(TICK + 1, TICK, 100));
        let whole = u32::from(held.take_whole(TICK).is_some()) * WHOLE;
        let taken = whole + thread.join().unwrap();
        assert_eq!(u64::from(taken) + held.sum(TICK), 1_100);
    });
}

#[test]
fn what_is_given_back_beside_a_withdrawal_is_there_once() {
    check(|| {
        let held = deposits([(0, TICK - 3, 600), (1, TICK, 900)]);
        let other = Arc::clone(&held);
        let thread = thread::spawn(move || {
            other.take_whole(TICK).into_iter().for_each(|taken| other.give_back(taken));
        });
        let taken = u32::from(held.take_whole(TICK).is_some());
        thread.join().unwrap();
        assert_eq!(held.sum(TICK), u64::from(1_500 - taken * WHOLE));
        assert_eq!(held.sum(TICK + 9), if taken == 1 { 500 } else { 900 }, "the oldest go first, and come back as old");
    });
}

#[test]
fn the_floor_gives_its_burst_and_what_was_given_back_once() {
    check(|| {
        let floor = Arc::new(Floor::new(2.0).unwrap());
        let other = Arc::clone(&floor);
        let thread = thread::spawn(move || {
            let took = u32::from(other.take(0));
            if took == 1 {
                other.give_back();
            }
            u32::from(other.take(0))
        });
        let mine = u32::from(floor.take(0)) + u32::from(floor.take(0));
        let taken = mine + thread.join().unwrap();
        assert!(taken <= 2 && taken + floor.available(0) == 2, "{taken} of 2");
    });
}
