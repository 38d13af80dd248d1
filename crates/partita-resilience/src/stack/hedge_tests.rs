//! When the hedges of a stack stay away.

use super::{Policy, Stack};
use crate::adaptive::Adaptive;
use crate::breaker::{Breaker, State};
use crate::budget::Budget;
use crate::bulkhead::Bulkhead;
use crate::deadline::Attempt;
use crate::hedge::Hedge;
use crate::retry::Retry;
use crate::testing::{listening, ms, run, wait};
use crate::{Outcome, Timing};
use partita_time::{Clock, ManualClock};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A hedge after 50 ms beside the policies listed.
fn hedged(clock: &ManualClock, listed: Policy) -> Stack {
    listed.hedge(Hedge::builder("h").delay(ms(50))).idempotent().timing(Timing::manual(clock, 1)).build().unwrap()
}

/// Attempts of a call whose first one takes 300 ms.
fn attempts(clock: &ManualClock, stack: &Stack) -> u32 {
    let made = AtomicU32::new(0);
    let work = |attempt: Attempt| {
        made.fetch_add(1, Ordering::Relaxed);
        let wait = wait(clock, if attempt.number() == 1 { 300 } else { 1 });
        async move {
            wait.await;
            Ok::<_, ()>(())
        }
    };
    assert_eq!(run(clock, stack.call(work)), Ok(()));
    made.into_inner()
}

#[test]
fn p14_no_hedge_stands_beside_a_probe() {
    let clock = ManualClock::new();
    let breaker = Breaker::builder("b").min_calls(1).timing(Timing::manual(&clock, 1)).build().unwrap();
    let stack = hedged(&clock, Policy::new("s").breaker(breaker.clone()));
    assert_eq!(attempts(&clock, &stack), 2);
    breaker.admit().unwrap().record(Outcome::Failure);
    clock.advance_to(breaker.next_due().unwrap());
    assert_eq!((breaker.state(), attempts(&clock, &stack)), (State::HalfOpen, 1));
}

#[test]
fn p14_no_hedge_takes_the_last_fifth_of_a_bulkhead_or_an_adaptive_limit() {
    let (clock, timing) = (ManualClock::new(), Timing::manual(&ManualClock::new(), 1));
    let bulkhead = Bulkhead::builder("b").max_concurrent(10).timing(timing.clone()).build().unwrap();
    let stack = hedged(&clock, Policy::new("s").bulkhead(bulkhead.clone()));
    let mut held: Vec<_> = (0..7).map(|_| bulkhead.try_acquire().unwrap()).collect();
    assert_eq!(attempts(&clock, &stack), 2, "eight of ten");
    held.push(bulkhead.try_acquire().unwrap());
    assert_eq!(attempts(&clock, &stack), 1, "nine of ten");
    let adaptive = Adaptive::builder("a").initial(10).timing(timing).build().unwrap();
    let stack = hedged(&clock, Policy::new("s").adaptive_limit(adaptive.clone()));
    let mut held: Vec<_> = (0..7).map(|_| adaptive.try_acquire().unwrap()).collect();
    assert_eq!(attempts(&clock, &stack), 2, "eight of ten");
    held.push(adaptive.try_acquire().unwrap());
    assert_eq!(attempts(&clock, &stack), 1, "nine of ten");
}

/// When the second attempt begins beside eight of ten permits, of which one is free after `free` ms; the first attempt
/// fails after 300 ms.
fn second_began(clock: &ManualClock, free: u64) -> Duration {
    let bulkhead = Bulkhead::builder("b").max_concurrent(10).timing(Timing::manual(clock, 1)).build().unwrap();
    let stack = hedged(clock, Policy::new("s").bulkhead(bulkhead.clone()));
    let held: Vec<_> = (0..8).map(|_| bulkhead.try_acquire().unwrap()).collect();
    let held = Mutex::new(Some(held));
    let began = clock.elapsed();
    let second = Mutex::new(None);
    let work = |attempt: Attempt| {
        let first = attempt.number() == 1;
        let (until, after) = (wait(clock, free), wait(clock, 300 - free));
        let permits = held.lock().unwrap().take();
        *second.lock().unwrap() = (!first).then(|| clock.elapsed() - began);
        async move {
            if first {
                until.await;
                drop(permits);
                after.await;
                return Err("failed");
            }
            Ok(())
        }
    };
    assert_eq!(run(clock, stack.call(work)), Ok(()));
    second.into_inner().unwrap().unwrap()
}

#[test]
fn a_crowded_stack_puts_hedges_off_and_what_takes_the_place_of_a_failed_attempt_not() {
    let clock = ManualClock::new();
    assert_eq!(second_began(&clock, 10), ms(50), "room at the delay");
    assert_eq!(second_began(&clock, 120), ms(150), "room at the third delay");
    assert_eq!(second_began(&clock, 280), ms(300), "crowded at each delay, free at the failure");
}

#[test]
fn a_hedge_that_is_put_off_says_when_it_is_looked_at_again_and_one_beside_a_probe_is_not() {
    let clock = ManualClock::new();
    let said = |policy: Policy| {
        let (listener, heard) = listening();
        let hedge = Hedge::builder("h").delay(ms(50)).listener(listener);
        let stack = policy.hedge(hedge).idempotent().timing(Timing::manual(&clock, 1)).build().unwrap();
        assert_eq!(attempts(&clock, &stack), 1);
        let heard = heard.lock().unwrap();
        heard.iter().map(|event| event.split_once(' ').unwrap().1.to_owned()).collect::<Vec<_>>()
    };
    let bulkhead = Bulkhead::builder("b").max_concurrent(2).timing(Timing::manual(&clock, 1)).build().unwrap();
    let _held = bulkhead.try_acquire().unwrap();
    let crowded = said(Policy::new("s").bulkhead(bulkhead));
    assert_eq!(crowded, ["Rejected { reason: Saturated, retry_after: Some(50ms) }"]);
    let breaker = Breaker::builder("b").min_calls(1).timing(Timing::manual(&clock, 1)).build().unwrap();
    breaker.admit().unwrap().record(Outcome::Failure);
    clock.advance_to(breaker.next_due().unwrap());
    assert_eq!(said(Policy::new("s").breaker(breaker)), ["Rejected { reason: Open, retry_after: None }"]);
}

#[test]
fn what_an_open_breaker_refuses_deposits_neither_for_retries_nor_for_hedges() {
    let clock = ManualClock::new();
    let timing = || Timing::manual(&clock, 1);
    let budget = || Budget::builder().ratio(0.5).floor_per_second(0.0).timing(timing()).build().unwrap();
    let (retries, hedges) = (budget(), budget());
    let breaker = Breaker::builder("b").timing(timing()).build().unwrap();
    let hedge = Hedge::builder("h").delay(ms(50)).budget(hedges.clone());
    let retry = Retry::builder("r").budget(retries.clone());
    let policy = Policy::new("s").retry(retry).hedge(hedge).breaker(breaker.clone()).idempotent();
    let stack = policy.deadline(ms(1_000)).timing(timing()).build().unwrap();
    let call = || run(&clock, stack.call(|_| async { Ok::<_, ()>(()) }));
    assert_eq!(call(), Ok(()));
    breaker.force_open();
    assert!(call().is_err());
    assert_eq!([retries, hedges].map(|budget| budget.snapshot().available), [0.5; 2]);
}
