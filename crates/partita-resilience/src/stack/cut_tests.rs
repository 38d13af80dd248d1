//! What breaker, bulkhead and adaptive limit are told of attempts that a deadline cuts short.

use super::{Policy, Stack};
use crate::adaptive::Adaptive;
use crate::breaker::{Breaker, State};
use crate::bulkhead::Bulkhead;
use crate::deadline::Context;
use crate::testing::{ms, poll, run, wait};
use crate::{Error, Limit, Outcome, Timing};
use partita_time::ManualClock;

/// A deadline of half a second, and slow calls of a second.
fn stack(clock: &ManualClock) -> (Breaker, Policy) {
    let timing = Timing::manual(clock, 1);
    let breaker = Breaker::builder("b").min_calls(4).timing(timing.clone()).build().unwrap();
    (breaker.clone(), Policy::new("s").deadline(ms(500)).breaker(breaker).timing(timing))
}

/// A call that hangs, within `millis` of its caller.
fn hang(clock: &ManualClock, stack: &Stack, millis: u64) {
    let context = Context::new().within(&Timing::manual(clock, 1), ms(millis));
    let end = run(clock, stack.call_in(context, |_| std::future::pending::<Result<(), ()>>()));
    assert!(matches!(end, Err(Error::TimedOut { which: Limit::Deadline, .. })), "{end:?}");
}

#[test]
fn hangs_that_the_deadline_cuts_short_are_slow_calls_and_open_the_breaker() {
    let clock = ManualClock::new();
    let (breaker, policy) = stack(&clock);
    let stack = policy.build().unwrap();
    (0..4).for_each(|_| hang(&clock, &stack, 60_000));
    assert_eq!((breaker.state(), breaker.snapshot().slow, breaker.snapshot().failed), (State::Open, 4, 0));
}

#[test]
fn a_timeout_inside_changes_nothing_where_the_deadline_is_sooner() {
    let clock = ManualClock::new();
    let (breaker, policy) = stack(&clock);
    let stack = policy.attempt_timeout(ms(500)).build().unwrap();
    (0..4).for_each(|_| hang(&clock, &stack, 490));
    assert_eq!((breaker.state(), breaker.snapshot().slow, breaker.snapshot().failed), (State::Open, 4, 0));
}

#[test]
fn a_callers_short_deadline_says_nothing_about_the_dependency() {
    let clock = ManualClock::new();
    let (breaker, policy) = stack(&clock);
    let stack = policy.build().unwrap();
    (0..20).for_each(|_| hang(&clock, &stack, 50));
    assert_eq!((breaker.state(), breaker.snapshot().slow), (State::Closed, 0));
}

#[test]
fn who_goes_away_before_the_deadline_or_waits_for_a_place_until_then_says_nothing() {
    let clock = ManualClock::new();
    let (breaker, policy) = stack(&clock);
    let bulkhead = Bulkhead::builder("b").max_concurrent(1).max_wait(ms(900)).timing(Timing::manual(&clock, 1));
    let stack = policy.bulkhead(bulkhead.build().unwrap()).build().unwrap();
    for _ in 0..5 {
        let mut call = Box::pin(stack.call(|_| std::future::pending::<Result<(), ()>>()));
        assert!(poll(call.as_mut()).is_pending());
        let mut queued = Box::pin(stack.call(|_| std::future::pending::<Result<(), ()>>()));
        assert!(poll(queued.as_mut()).is_pending());
        run(&clock, wait(&clock, 400));
        drop(call);
        assert!(poll(queued.as_mut()).is_pending(), "it has a place now, and 100 ms");
        let end = run(&clock, queued);
        assert!(matches!(end, Err(Error::TimedOut { which: Limit::Deadline, .. })), "{end:?}");
    }
    assert_eq!((breaker.state(), breaker.snapshot().slow), (State::Closed, 0));
}

#[test]
fn a_bulkhead_counts_them_as_failed_and_whoever_went_away_as_cancelled() {
    let clock = ManualClock::new();
    let timing = Timing::manual(&clock, 1);
    let bulkhead = Bulkhead::builder("b").timing(timing.clone()).build().unwrap();
    let stack = Policy::new("s").deadline(ms(500)).bulkhead(bulkhead.clone()).timing(timing).build().unwrap();
    hang(&clock, &stack, 60_000);
    hang(&clock, &stack, 50);
    let mut call = Box::pin(stack.call(|_| std::future::pending::<Result<(), ()>>()));
    assert!(poll(call.as_mut()).is_pending());
    drop(call);
    let seen = bulkhead.snapshot();
    assert_eq!((seen.failed, seen.cancelled, seen.active), (1, 2, 0));
}

#[test]
fn an_adaptive_limit_learns_that_a_dependency_hangs_and_nothing_from_short_deadlines() {
    let learnt = |millis: u64| {
        let clock = ManualClock::new();
        let timing = Timing::manual(&clock, 1);
        let adaptive = Adaptive::builder("a").timing(timing.clone()).build().unwrap();
        let stack = Policy::new("s").deadline(ms(500)).adaptive_limit(adaptive.clone()).timing(timing).build().unwrap();
        (0..200).for_each(|_| hang(&clock, &stack, millis));
        assert_eq!(adaptive.snapshot().in_flight, 0);
        adaptive.snapshot().latency
    };
    assert!((ms(490)..ms(510)).contains(&learnt(60_000)));
    assert_eq!(learnt(50), ms(0));
}

#[test]
fn a_call_that_ends_and_says_nothing_holds_nothing_until_its_future_goes() {
    let clock = ManualClock::new();
    let (breaker, policy) = stack(&clock);
    let bulkhead = Bulkhead::builder("b").max_concurrent(1).timing(Timing::manual(&clock, 1)).build().unwrap();
    let says_nothing = |_: Result<&(), &()>| Outcome::Cancelled;
    let stack = policy.classify(says_nothing).bulkhead(bulkhead.clone()).build().unwrap();
    let mut call = Box::pin(stack.call(|_| std::future::ready(Ok::<(), ()>(()))));
    assert!(poll(call.as_mut()).is_ready());
    assert_eq!((bulkhead.snapshot().active, bulkhead.snapshot().cancelled), (0, 1));
    run(&clock, wait(&clock, 60_000));
    drop(call);
    assert_eq!((breaker.snapshot().total, bulkhead.snapshot().failed), (0, 0));
}

#[test]
fn a_wait_for_a_place_makes_no_call_slow() {
    let clock = ManualClock::new();
    let timing = Timing::manual(&clock, 1);
    let breaker = Breaker::builder("b").min_calls(2).slow_call(ms(100)).timing(timing.clone()).build().unwrap();
    let bulkhead = Bulkhead::builder("b").max_concurrent(1).max_wait(ms(900)).timing(timing.clone()).build().unwrap();
    let stack = Policy::new("s").breaker(breaker.clone()).bulkhead(bulkhead.clone()).timing(timing).build().unwrap();
    for _ in 0..5 {
        let held = bulkhead.try_acquire().unwrap();
        let mut quick = Box::pin(stack.call(|_| std::future::ready(Ok::<_, ()>(7))));
        let mut gone = Box::pin(stack.call(|_| std::future::ready(Ok::<_, ()>(8))));
        assert!(poll(quick.as_mut()).is_pending() && poll(gone.as_mut()).is_pending());
        clock.advance(ms(200));
        drop(gone);
        drop(held);
        assert_eq!(run(&clock, quick), Ok(7));
    }
    let seen = breaker.snapshot();
    assert_eq!((seen.state, seen.slow, seen.total, seen.ignored), (State::Closed, 0, 5, 0));
}

#[test]
fn a_call_that_waits_for_a_place_is_not_stuck() {
    let clock = ManualClock::new();
    let timing = Timing::manual(&clock, 1);
    let breaker =
        Breaker::builder("b").min_calls(2).slow_call(ms(100)).stuck(2).timing(timing.clone()).build().unwrap();
    let bulkhead = Bulkhead::builder("b").max_concurrent(2).max_wait(ms(9_000)).timing(timing.clone()).build().unwrap();
    let stack = Policy::new("s").breaker(breaker.clone()).bulkhead(bulkhead.clone()).timing(timing).build().unwrap();
    let hang = || Box::pin(stack.call(|_| std::future::pending::<Result<(), ()>>()));
    let held = [bulkhead.try_acquire().unwrap(), bulkhead.try_acquire().unwrap()];
    let mut calls = [hang(), hang()];
    assert!(calls.iter_mut().all(|call| poll(call.as_mut()).is_pending()));
    clock.advance(ms(3_000));
    drop(breaker.admit().unwrap());
    assert_eq!(breaker.state(), State::Closed, "they wait");
    drop(held);
    assert!(calls.iter_mut().all(|call| poll(call.as_mut()).is_pending()));
    clock.advance(ms(3_000));
    drop(breaker.admit());
    assert_eq!(breaker.state(), State::Open, "they hang");
}
