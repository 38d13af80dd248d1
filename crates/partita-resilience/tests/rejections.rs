//! Every rejection says who refused, why, and when to come again, but where no time would help.

#![allow(clippy::unwrap_used, reason = "a test may")]

use partita_resilience::adaptive::Adaptive;
use partita_resilience::breaker::{Breaker, State};
use partita_resilience::bulkhead::Bulkhead;
use partita_resilience::deadline::{Context, Deadline};
use partita_resilience::limiter::{Limiter, Quota};
use partita_resilience::pool::Pool;
use partita_resilience::shed::{Priority, Shed};
use partita_resilience::timeout::Timeout;
use partita_resilience::{Error, Outcome, Policy, PolicyKind, Reason, Rejected, Timing};
use partita_time::ManualClock;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};
use std::time::Duration;
use tower::{Layer, Service};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn poll<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut std::task::Context::from_waker(Waker::noop()))
}

fn refused<E: std::fmt::Debug>(call: impl Future<Output = Result<(), Error<E>>>) -> Rejected {
    let Poll::Ready(Err(Error::Rejected(rejected))) = poll(call) else { panic!("it was let through") };
    rejected
}

fn said(rejected: &Rejected) -> (PolicyKind, Reason, Option<Duration>) {
    (rejected.policy, rejected.reason, rejected.retry_after)
}

async fn done() -> Result<(), Error<()>> {
    Ok(())
}

#[test]
fn a_bulkhead_says_how_long_it_is_full() {
    let clock = ManualClock::new();
    let builder = Bulkhead::builder("b").max_concurrent(4).max_wait(ms(70)).timing(Timing::manual(&clock, 1));
    let queues = builder.clone().queue(1).build().unwrap();
    let at_once = [builder.clone().queue(0).build().unwrap(), builder.max_wait(Duration::ZERO).build().unwrap()];
    let held: Vec<_> = (0..4).map(|_| queues.try_acquire().unwrap()).collect();
    let mut waits = pin!(queues.acquire());
    let mut cx = std::task::Context::from_waker(Waker::noop());
    assert!(waits.as_mut().poll(&mut cx).is_pending());
    let full = refused(queues.around(done));
    assert_eq!(said(&full), (PolicyKind::Bulkhead, Reason::QueueFull, Some(ms(70))));
    clock.advance(ms(70));
    let Poll::Ready(Err(late)) = waits.as_mut().poll(&mut cx) else { panic!("it waits on") };
    assert_eq!((late.reason, late.retry_after), (Reason::WaitedTooLong, Some(ms(70))));
    drop(held);
    for bulkhead in at_once {
        let mut held: Vec<_> = (0..4).map(|_| bulkhead.try_acquire().unwrap()).collect();
        let mut told = Vec::new();
        // A call takes 40 ms: every 10 ms one ends, and another takes its place.
        for _ in 0..5 {
            told.push(refused(bulkhead.around(done)).retry_after.unwrap());
            assert_eq!(bulkhead.try_acquire().unwrap_err().retry_after, told.last().copied());
            drop(held.remove(0));
            held.push(bulkhead.try_acquire().unwrap());
            clock.advance(ms(10));
        }
        assert_eq!(told, [100, 100, 100, 100, 40].map(ms));
        assert_eq!(said(&refused(bulkhead.around(done))), (PolicyKind::Bulkhead, Reason::Saturated, Some(ms(40))));
    }
}

#[test]
fn load_shedding_says_how_long_calls_keep_their_places() {
    let clock = ManualClock::new();
    let shed =
        Shed::builder("s").max_in_flight(2).thresholds(0.5, 1.0).timing(Timing::manual(&clock, 1)).build().unwrap();
    let mut held = vec![shed.try_acquire(Priority::Critical).unwrap(), shed.try_acquire(Priority::Normal).unwrap()];
    let mut told = Vec::new();
    for _ in 0..3 {
        let rejected = shed.try_acquire(Priority::Low).unwrap_err();
        assert_eq!((rejected.policy, rejected.reason), (PolicyKind::Shed, Reason::Overloaded));
        told.push(rejected.retry_after.unwrap());
        drop(held.remove(0));
        held.push(shed.try_acquire(Priority::Critical).unwrap());
        clock.advance(ms(30));
    }
    assert_eq!(told, [100, 100, 60].map(ms));
}

#[test]
fn an_adaptive_limit_says_its_window_until_it_knows_the_latency() {
    let clock = ManualClock::new();
    let timing = Timing::manual(&clock, 1);
    let limit = Adaptive::builder("a").initial(1).max(1).window(ms(300)).timing(timing).build().unwrap();
    let tell = || limit.try_acquire().map(drop).unwrap_err();
    let permit = limit.try_acquire().unwrap();
    assert_eq!(said(&tell()), (PolicyKind::Adaptive, Reason::Saturated, Some(ms(300))));
    drop(permit);
    for _ in 0..200 {
        let permit = limit.try_acquire().unwrap();
        clock.advance(ms(20));
        permit.finish(Outcome::Success);
    }
    let _held = limit.try_acquire().unwrap();
    assert_eq!(tell().retry_after.map(|wait| wait.abs_diff(ms(20)) < ms(1)), Some(true));
}

#[test]
fn a_breaker_says_until_when_it_is_open_half_open_and_ramping_but_not_where_a_person_decides() {
    let clock = ManualClock::new();
    let builder =
        Breaker::builder("b").consecutive(1).open(ms(500)).open_jitter(0.0).half_open_max(ms(800)).ramp(ms(900));
    let breaker = builder.half_open_calls(1).half_open_successes(1).timing(Timing::manual(&clock, 1)).build().unwrap();
    let tell = || breaker.admit().map(|permit| permit.record(Outcome::Ignored)).unwrap_err();
    breaker.admit().unwrap().record(Outcome::Failure);
    clock.advance(ms(100));
    assert_eq!(said(&tell()), (PolicyKind::Breaker, Reason::Open, Some(ms(400))));
    clock.advance(ms(400));
    let probe = breaker.admit().unwrap();
    let taken = tell();
    assert_eq!((taken.reason, taken.retry_after.is_some_and(|wait| wait <= ms(800))), (Reason::ProbesTaken, true));
    probe.record(Outcome::Success);
    assert_eq!(breaker.state(), State::Ramp);
    let ramping = (0..1_000).find_map(|_| breaker.admit().map(|permit| permit.record(Outcome::Ignored)).err()).unwrap();
    assert_eq!((ramping.reason, ramping.retry_after), (Reason::Ramping, Some(ms(900))));
    breaker.force_open();
    assert_eq!((tell().reason, tell().retry_after), (Reason::ForcedOpen, None));
    assert_eq!(breaker.admit_owned().unwrap_err().retry_after, None);
}

#[test]
fn a_limiter_says_when_the_cost_fits_but_not_of_one_that_never_does() {
    let clock = ManualClock::new();
    let builder = Limiter::builder("l").quota(Quota::per_second(2)).timing(Timing::manual(&clock, 1)).waiters(0);
    let limiter = builder.build().unwrap();
    assert!(limiter.check_cost(2).allowed());
    let reached = refused(limiter.call(async || Ok::<_, ()>(())));
    assert_eq!(said(&reached), (PolicyKind::RateLimit, Reason::LimitReached, Some(ms(500))));
    let full = limiter.reserve(1, ms(10_000)).unwrap_err();
    assert_eq!((full.reason, full.retry_after), (Reason::QueueFull, Some(ms(500))));
    let never = limiter.reserve(3, Duration::MAX).unwrap_err();
    assert_eq!((never.reason, never.retry_after), (Reason::CostTooHigh, None));
}

#[test]
fn no_time_helps_a_pool_that_was_shut_down() {
    let pool = Pool::builder("p").core_threads(0).max_threads(1).queue(0).max_wait(Duration::ZERO).build().unwrap();
    let (free, wait) = std::sync::mpsc::channel::<()>();
    let other = pool.clone();
    let busy = std::thread::spawn(move || other.run_blocking(move || wait.recv()));
    while pool.snapshot().active == 0 {
        std::thread::yield_now();
    }
    let full = refused(pool.run(|| Ok::<_, ()>(())));
    assert_eq!(said(&full), (PolicyKind::Pool, Reason::Saturated, Some(ms(100))));
    free.send(()).unwrap();
    busy.join().unwrap().unwrap();
    pool.shutdown();
    assert_eq!(said(&refused(pool.run(|| Ok::<_, ()>(())))), (PolicyKind::Pool, Reason::ShutDown, None));
}

#[test]
fn no_time_helps_a_call_whose_deadline_has_passed() {
    let clock = ManualClock::new();
    let timing = Timing::manual(&clock, 1);
    let late = || Context::new().until(Duration::ZERO);
    let deadline = Deadline::builder("d").timing(timing.clone()).build().unwrap();
    let timeout = Timeout::builder("t").timing(timing.clone()).build().unwrap();
    let stack = Policy::new("s").deadline(ms(100)).timing(timing).build().unwrap();
    let passed = |policy| (policy, Reason::DeadlinePassed, None);
    assert_eq!(said(&deadline.for_next_hop(&late()).unwrap_err()), passed(PolicyKind::Deadline));
    assert_eq!(said(&refused(deadline.around(late(), |_| done()))), passed(PolicyKind::Deadline));
    assert_eq!(said(&refused(timeout.around(&late(), done))), passed(PolicyKind::Timeout));
    assert_eq!(said(&refused(stack.call_in(late(), |_| async { Ok::<_, ()>(()) }))), passed(PolicyKind::Deadline));
}

#[test]
fn no_time_helps_a_request_that_cannot_be_repeated_after_all() {
    let clock = ManualClock::new();
    let stack = Policy::new("s").timing(Timing::manual(&clock, 1)).build().unwrap();
    let asked = std::sync::Arc::new(AtomicBool::new(false));
    let once = move |_: &()| (!asked.swap(true, Ordering::Relaxed)).then_some(());
    let mut service = stack.layer().repeat(once).layer(tower::service_fn(|()| async { Ok::<_, ()>(()) }));
    assert!(poll(std::future::poll_fn(|cx| service.poll_ready(cx))).is_ready());
    assert_eq!(said(&refused(service.call(()))), (PolicyKind::Stack, Reason::NotRepeatable, None));
}
