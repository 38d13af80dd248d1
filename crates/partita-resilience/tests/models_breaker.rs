//! Models of the breaker's lock-free parts: every order of a few steps of a few threads, by loom.
//!
//! The sources are those of the crate, compiled against loom's atomics.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
}

#[allow(dead_code, reason = "a model needs a part of it")]
#[path = "../src/stripe/cells.rs"]
mod cells;

mod stripe {
    pub(crate) use super::cells::Padded;
}

#[allow(dead_code, unreachable_pub, reason = "a model uses a part of what the crate exports")]
#[path = "../src/breaker/packed/mod.rs"]
mod packed;

#[path = "models/bound.rs"]
mod bound;

use bound::check;
use loom::sync::Arc;
use loom::thread;
use packed::calls::Calls;
use packed::machine::{Cause, Lease, Machine, Rules};
use packed::ring::{Cell, Ring};
use packed::word::{Mode, State, Word};
use packed::words::Words;

const RULES: Rules = Rules { successes: 1, lease: 100, half_open_max: 300, ramp: 50 };

fn machine(leases: usize, rules: Rules) -> Arc<Machine> {
    Arc::new(Machine::new(leases, rules.into(), 0))
}

/// A machine that has just become half-open, at 10.
fn half_open(leases: usize, rules: Rules) -> (Arc<Machine>, Word) {
    let machine = machine(leases, rules);
    machine.open(machine.word(), 0, Cause::FailureRate, |_| 10).unwrap();
    assert_eq!(machine.settle(10, |_| 10).unwrap().to.state(), State::HalfOpen);
    let word = machine.word();
    (machine, word)
}

#[test]
fn of_two_threads_that_trip_one_wins() {
    check(|| {
        let machine = machine(1, RULES);
        let word = machine.word();
        let other = Arc::clone(&machine);
        let trip = move || other.open(word, 5, Cause::FailureRate, |_| 10).is_some();
        let theirs = thread::spawn(trip);
        let ours = machine.open(word, 5, Cause::SlowRate, |_| 10).is_some();
        assert!(ours ^ theirs.join().unwrap());
        assert_eq!(machine.word().generation(), 1);
        assert_eq!(machine.since(machine.word()), Some(5));
    });
}

#[test]
fn what_is_due_happens_once_whoever_looks() {
    check(|| {
        let machine = machine(1, RULES);
        machine.open(machine.word(), 0, Cause::FailureRate, |_| 10).unwrap();
        let other = Arc::clone(&machine);
        let theirs = thread::spawn(move || other.settle(10, |_| 10).is_some());
        let ours = machine.settle(10, |_| 10).is_some();
        assert!(ours ^ theirs.join().unwrap());
        assert_eq!(machine.since(machine.word()), Some(10));
    });
}

#[test]
fn one_place_is_leased_once_and_again_when_it_is_given_back() {
    check(|| {
        let (machine, word) = half_open(1, RULES);
        let other = Arc::clone(&machine);
        let theirs = thread::spawn(move || other.lease(word, 20));
        let ours = machine.lease(word, 20);
        let theirs = theirs.join().unwrap();
        let granted: Vec<_> = [ours, theirs].into_iter().filter(|lease| matches!(lease, Lease::Granted(..))).collect();
        let [Lease::Granted(slot, value)] = granted[..] else { panic!("{ours:?} {theirs:?}") };
        assert_eq!(machine.word().deadline(), 320, "half-open's own time began");
        assert!(machine.release(slot, word.generation(), value));
        assert!(!machine.release(slot, word.generation(), value), "a place is given back once");
        assert!(matches!(machine.lease(machine.word(), 30), Lease::Granted(..)));
    });
}

#[test]
fn a_success_and_a_failure_of_two_probes_never_both_decide() {
    check(|| {
        let (machine, word) = half_open(2, RULES);
        let generation = word.generation();
        let other = Arc::clone(&machine);
        let closed = thread::spawn(move || other.succeed(generation, 30).is_some());
        let opened = machine.reopen(generation, 30, Cause::ProbeFailed, |_| 10).is_some();
        assert!(opened ^ closed.join().unwrap());
        let state = machine.word().state();
        assert_eq!(state, if opened { State::Open } else { State::Ramp });
    });
}

#[test]
fn successes_of_two_probes_are_both_counted_and_close_once() {
    check(|| {
        let (machine, word) = half_open(2, Rules { successes: 2, ..RULES });
        let generation = word.generation();
        let other = Arc::clone(&machine);
        let theirs = thread::spawn(move || other.succeed(generation, 30).is_some());
        let ours = machine.succeed(generation, 30).is_some();
        assert!(ours ^ theirs.join().unwrap());
        assert_eq!(machine.word().state(), State::Ramp);
    });
}

#[test]
fn a_verdict_of_an_older_half_open_never_counts_for_the_next_one() {
    check(|| {
        let (machine, word) = half_open(1, Rules { successes: 2, ..RULES });
        let old = word.generation();
        let late = Arc::clone(&machine);
        let late = thread::spawn(move || late.succeed(old, 30).is_some());
        machine.reopen(old, 20, Cause::ProbeFailed, |_| 10).unwrap();
        machine.settle(40, |_| 10).unwrap();
        let closed_by_one = machine.succeed(machine.word().generation(), 41).is_some();
        assert!(!late.join().unwrap() && !closed_by_one);
        assert_eq!(machine.word().state(), State::HalfOpen);
        assert!(machine.succeed(machine.word().generation(), 42).is_some(), "the second of this one closes");
    });
}

#[test]
fn a_probe_that_expires_and_ends_at_once_reopens_or_closes() {
    check(|| {
        let (machine, word) = half_open(1, RULES);
        let Lease::Granted(slot, lease) = machine.lease(word, 20) else { panic!() };
        let other = Arc::clone(&machine);
        let expiry = thread::spawn(move || other.settle(120, |_| 10).is_some());
        machine.release(slot, word.generation(), lease);
        let closed = machine.succeed(word.generation(), 119).is_some();
        let expired = expiry.join().unwrap();
        assert!(closed || expired, "nobody decided");
        assert!(matches!(machine.word().state(), State::Open | State::Ramp));
    });
}

#[test]
fn the_first_call_of_a_ramp_goes_in_once() {
    check(|| {
        let (machine, word) = half_open(1, Rules { ramp: 1_000_000, ..RULES });
        machine.succeed(word.generation(), 30).unwrap();
        let word = machine.word();
        let other = Arc::clone(&machine);
        let theirs = thread::spawn(move || other.ramps_in(word, 30));
        let ours = machine.ramps_in(word, 30);
        assert!(ours ^ theirs.join().unwrap());
    });
}

#[test]
fn an_open_time_ends_no_earlier_than_the_dependency_said_meanwhile() {
    check(|| {
        let machine = machine(1, RULES);
        let word = machine.word();
        let other = Arc::clone(&machine);
        let late = thread::spawn(move || other.not_before(500));
        machine.open(word, 0, Cause::FailureRate, |_| 10).unwrap();
        late.join().unwrap();
        assert_eq!(machine.word().deadline(), 500);
        assert!(machine.settle(499, |_| 10).is_none());
    });
}

#[test]
fn an_open_time_that_ends_while_it_is_made_longer_ends_once_or_later() {
    check(|| {
        let machine = machine(1, RULES);
        machine.open(machine.word(), 0, Cause::FailureRate, |_| 10).unwrap();
        let other = Arc::clone(&machine);
        let late = thread::spawn(move || other.not_before(500));
        let over = machine.settle(10, |_| 10).is_some();
        late.join().unwrap();
        let (word, state) = (machine.word(), if over { State::HalfOpen } else { State::Open });
        assert_eq!((word.state(), word.deadline()), (state, if over { 0 } else { 500 }));
        let end = machine.reopen(word.generation(), 20, Cause::ProbeFailed, |_| 10).map(|change| change.to.deadline());
        assert_eq!(end, over.then_some(500), "the next open time heeds it too");
    });
}

#[test]
fn an_operator_lifts_what_the_dependency_said_before() {
    check(|| {
        let machine = machine(1, RULES);
        machine.not_before(500);
        let word = machine.word();
        let other = Arc::clone(&machine);
        let trip = thread::spawn(move || other.open(word, 0, Cause::FailureRate, |_| 10).is_some());
        machine.set(Mode::Automatic, 5);
        trip.join().unwrap();
        let word = machine.word();
        assert_eq!(word.state(), State::Closed);
        machine.open(word, 6, Cause::FailureRate, |_| 10).unwrap();
        assert_eq!(machine.word().deadline(), 16);
    });
}

#[test]
fn an_operator_wins_over_whatever_goes_on() {
    check(|| {
        let (machine, word) = half_open(1, RULES);
        let other = Arc::clone(&machine);
        let probe = thread::spawn(move || {
            if let Lease::Granted(slot, lease) = other.lease(word, 20) {
                other.release(slot, word.generation(), lease);
                other.succeed(word.generation(), 30);
            }
        });
        machine.set(Mode::ForcedOpen, 25);
        probe.join().unwrap();
        assert_eq!((machine.word().mode(), machine.word().state()), (Mode::ForcedOpen, State::Open));
    });
}

#[test]
fn threads_that_share_a_stripe_lose_nothing_within_a_bucket() {
    check(|| {
        let ring = Ring::new(10, 2, false);
        let all = Arc::new((Words::new(0, 1, ring.words()), ring));
        let seat = all.0.seat(0);
        let other = Arc::clone(&all);
        let theirs = thread::spawn(move || other.1.add(&other.0, seat, (1, other.1.tick(3)), Cell::Total));
        all.1.add(&all.0, seat, (1, all.1.tick(5)), Cell::Total);
        theirs.join().unwrap();
        assert_eq!(all.1.sum(&all.0, 1, 0, 0)[Cell::Total as usize], 2);
        assert_eq!(all.1.sum(&all.0, 2, 0, 0)[Cell::Total as usize], 0, "another state");
    });
}

#[test]
fn a_stripe_of_ones_own_is_read_whole_by_others() {
    check(|| {
        let ring = Ring::new(10, 2, false);
        let all = Arc::new((Words::new(1, 1, ring.words()), ring));
        let other = Arc::clone(&all);
        let seat = all.0.seat(0);
        let owner = thread::spawn(move || {
            other.1.add(&other.0, seat, (1, 0), Cell::Total);
            other.1.add(&other.0, seat, (1, 2), Cell::Total);
        });
        let seen = all.1.sum(&all.0, 1, 0, 2)[Cell::Total as usize];
        assert!(seen <= 2);
        owner.join().unwrap();
        assert_eq!(all.1.sum(&all.0, 1, 1, 2)[Cell::Total as usize], 1, "the lap before is gone");
    });
}

#[test]
fn a_window_of_calls_holds_what_its_slots_hold() {
    check(|| {
        let calls = Arc::new(Calls::new(1));
        let other = Arc::clone(&calls);
        let theirs = thread::spawn(move || other.push(3, true, false, || true));
        calls.push(3, true, true, || true);
        theirs.join().unwrap();
        let (total, failed, slow) = calls.sums(3);
        assert_eq!((total, failed), (1, 1));
        assert!(slow <= 1);
        calls.push(3, false, false, || true);
        assert_eq!(calls.sums(3), (1, 0, 0));
    });
}
