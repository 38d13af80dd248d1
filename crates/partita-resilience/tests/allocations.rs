//! What a successful call allocates: nothing.

#![allow(clippy::unwrap_used, reason = "a test may")]

use partita_resilience::breaker::Breaker;
use partita_resilience::budget::Budget;
use partita_resilience::bulkhead::Bulkhead;
use partita_resilience::limiter::{Limiter, Quota};
use partita_resilience::retry::Retry;
use partita_resilience::stack::{Policy, Stack};
use partita_resilience::{Event, Timing};
use std::future::{Future, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const CALLS: u64 = 1_000;

fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(end) => end,
        Poll::Pending => panic!("the work is ready at once"),
    }
}

/// Allocations of a thousand calls, after one that sets up what a thread needs only once.
fn allocations(call: impl Fn()) -> u64 {
    call();
    allocation_counter::measure(|| (0..CALLS).for_each(|_| call())).count_total
}

fn ok() -> std::future::Ready<Result<u64, &'static str>> {
    ready(Ok(1))
}

fn deaf(_: &Event<'_>) {}

fn breaker() -> Breaker {
    Breaker::builder("b").listener(deaf).build().unwrap()
}

fn bulkhead() -> Bulkhead {
    Bulkhead::builder("b").listener(deaf).build().unwrap()
}

#[test]
fn a_successful_call_through_a_breaker_allocates_nothing() {
    let breaker = breaker();
    assert_eq!(allocations(|| assert_eq!(at_once(breaker.call(ok)), Ok(1))), 0);
    assert_eq!(breaker.snapshot().successful, CALLS + 1);
    let timed = Breaker::builder("t").call_timeout(Duration::from_secs(1)).build().unwrap();
    assert_eq!(allocations(|| assert_eq!(at_once(timed.call(ok)), Ok(1))), 0);
}

#[test]
fn a_refusal_of_an_open_breaker_allocates_nothing() {
    let breaker = breaker();
    breaker.force_open();
    assert_eq!(allocations(|| assert!(at_once(breaker.call(ok)).is_err())), 0);
}

#[test]
fn a_successful_call_through_a_bulkhead_allocates_nothing() {
    let bulkhead = bulkhead();
    assert_eq!(allocations(|| assert_eq!(at_once(bulkhead.call(ok)), Ok(1))), 0);
    assert_eq!(bulkhead.snapshot().completed, CALLS + 1);
}

#[test]
fn a_check_of_a_limiter_allocates_nothing() {
    let limiter = Limiter::builder("l").quota(Quota::per_second(1_000_000_000)).listener(deaf).build().unwrap();
    assert_eq!(allocations(|| assert!(limiter.check().allowed())), 0);
    assert_eq!(allocations(|| assert_eq!(at_once(limiter.call(ok)), Ok(1))), 0);
    let spent = Limiter::builder("s").quota(Quota::per_hour(1)).build().unwrap();
    assert!(spent.check().allowed());
    assert_eq!(allocations(|| assert!(!spent.check().allowed())), 0);
}

fn stack(heard: &Arc<AtomicU64>) -> Stack {
    let heard = Arc::clone(heard);
    let listener = move |_: &Event<'_>| {
        heard.fetch_add(1, Ordering::Relaxed);
    };
    let budget = Budget::builder().build().unwrap();
    let stack = Policy::new("s").deadline(Duration::from_secs(2)).retry(Retry::builder("r").budget(budget));
    let stack = stack.breaker(Breaker::builder("b").tracing_listener(listener).build().unwrap()).bulkhead(bulkhead());
    stack.idempotent().timing(Timing::system()).build().unwrap()
}

#[test]
fn a_successful_call_through_a_stack_allocates_nothing() {
    let heard = Arc::new(AtomicU64::new(0));
    let stack = stack(&heard);
    assert_eq!(allocations(|| assert_eq!(at_once(stack.call(|_| ok())), Ok(1))), 0);
    assert!(heard.load(Ordering::Relaxed) > CALLS, "the calls went through the breaker");
}

#[test]
fn the_counter_sees_an_allocation() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), CALLS);
}
