//! The rules of timeouts.

use super::{Step, Timeout, TimeoutBuilder};
use crate::deadline::Context;
use crate::retry::{Jitter, Retry};
use crate::testing::{listening, ms, poll, run, wait};
use crate::{Error, Limit, Timing};
use partita_time::{Clock, ManualClock};
use std::future::ready;
use std::pin::pin;
use std::time::Duration;
use tower::{Layer, ServiceExt};

fn builder(clock: &ManualClock) -> TimeoutBuilder {
    Timeout::builder("test").timing(Timing::manual(clock, 1))
}

fn takes(clock: &ManualClock, timeout: &Timeout, millis: u64) -> Result<(), Error<()>> {
    run(
        clock,
        timeout.call(|| async {
            wait(clock, millis).await;
            Ok(())
        }),
    )
}

#[test]
fn work_that_takes_longer_than_the_limit_is_dropped() {
    let clock = ManualClock::new();
    let timeout = builder(&clock).fixed(ms(100)).build().unwrap();
    assert_eq!(takes(&clock, &timeout, 99), Ok(()));
    assert_eq!(takes(&clock, &timeout, 101), Err(Error::TimedOut { after: ms(100), which: Limit::Attempt }));
    assert_eq!(clock.elapsed(), ms(199));
    let seen = timeout.snapshot();
    assert_eq!((seen.in_time, seen.timed_out), (1, 1));
}

#[test]
fn a_growing_limit_follows_the_attempts_number() {
    let clock = ManualClock::new();
    let timeout = builder(&clock).growing(Duration::from_secs(5)).build().unwrap();
    let limits: Vec<u64> = (1..=3).map(|attempt| timeout.limit(attempt).as_secs()).collect();
    assert_eq!(limits, [5, 10, 15]);
    let second = Context::new().attempt(2).scope(timeout.call(std::future::pending::<Result<(), ()>>));
    assert_eq!(run(&clock, second), Err(Error::TimedOut { after: Duration::from_secs(10), which: Limit::Attempt }));
}

#[test]
fn the_time_left_of_the_request_is_a_limit_too() {
    let clock = ManualClock::new();
    let timeout = builder(&clock).fixed(ms(100)).build().unwrap();
    let context = Context::new().until(ms(30));
    let hang = || std::future::pending::<Result<(), Error<()>>>();
    let end = run(&clock, timeout.around(&context, hang));
    assert_eq!(end, Err(Error::TimedOut { after: ms(30), which: Limit::Deadline }));
    let late = run(&clock, timeout.around(&context, hang)).unwrap_err();
    assert!(late.rejected().is_some(), "nothing is begun without time: {late:?}");
}

#[test]
fn an_adaptive_limit_follows_the_p99_between_floor_and_ceiling() {
    let clock = ManualClock::new();
    let timeout = builder(&clock).adaptive(ms(50), ms(2_000)).build().unwrap();
    (0..99).for_each(|_| takes(&clock, &timeout, 100).unwrap());
    assert_eq!(timeout.limit(1), ms(2_000), "too few calls");
    (0..10).for_each(|_| takes(&clock, &timeout, 100).unwrap());
    let limit = timeout.limit(1);
    assert!(limit >= ms(150) && limit < ms(156), "{limit:?}");
    assert_eq!(builder(&clock).build().unwrap().limit(3), Duration::from_secs(5), "the default is fixed");
    (0..3_000).for_each(|_| takes(&clock, &timeout, 10).unwrap());
    assert_eq!(timeout.limit(1), ms(50), "the floor");
}

#[test]
fn an_adaptive_limit_finds_out_that_calls_became_slower() {
    let clock = ManualClock::new();
    let timeout = builder(&clock).adaptive(ms(50), ms(2_000)).build().unwrap();
    (0..400).for_each(|_| takes(&clock, &timeout, 50).unwrap());
    assert!(timeout.limit(1) < ms(80));
    let lost = (0..400).filter(|_| takes(&clock, &timeout, 400).is_err()).count();
    assert!(lost < 20, "{lost} of 400 were cut off before the limit gave way");
    assert!(timeout.limit(1) >= ms(600), "{:?}", timeout.limit(1));
}

#[test]
fn an_adaptive_limit_is_known_from_a_hundred_calls_on_and_never_above_its_ceiling() {
    let clock = ManualClock::new();
    let timeout = builder(&clock).adaptive(ms(50), ms(200)).until_known(ms(900)).build().unwrap();
    (0..99).for_each(|_| takes(&clock, &timeout, 180).unwrap());
    assert_eq!(timeout.limit(1), ms(900));
    takes(&clock, &timeout, 180).unwrap();
    clock.advance(ms(100));
    assert_eq!(timeout.limit(1), ms(200), "and not 270");
}

#[test]
fn a_listener_hears_what_is_cut_off_and_what_is_refused() {
    let clock = ManualClock::new();
    let (listener, heard) = listening();
    let timeout = builder(&clock).fixed(ms(100)).listener(listener).build().unwrap();
    takes(&clock, &timeout, 99).unwrap();
    let _ = takes(&clock, &timeout, 101);
    let _ = run(&clock, timeout.around(&Context::new().until(ms(199)), || ready(Ok::<_, Error<()>>(()))));
    let told = [
        "199ms TimedOut { after: 100ms, which: Attempt }",
        "199ms Rejected { reason: DeadlinePassed, retry_after: None }",
    ];
    assert_eq!(*heard.lock().unwrap(), told);
}

#[test]
fn steps_are_taken_by_the_observed_p99() {
    let clock = ManualClock::new();
    let timeout = builder(&clock).in_steps().min_samples(1).build().unwrap();
    let limit_after = |millis: u64| {
        clock.advance(Duration::from_secs(30));
        (0..3).for_each(|_| takes(&clock, &timeout, millis).unwrap());
        clock.advance(ms(100));
        timeout.limit(1).as_secs()
    };
    assert_eq!([limit_after(700), limit_after(1_500), limit_after(3_500), limit_after(10)], [2, 5, 10, 2]);
}

#[test]
fn a_call_that_its_caller_drops_counts_as_a_lower_bound() {
    let clock = ManualClock::new();
    let timeout = builder(&clock).adaptive(ms(50), ms(2_000)).min_samples(1).build().unwrap();
    {
        let mut hung = pin!(timeout.call(std::future::pending::<Result<(), ()>>));
        assert!(poll(hung.as_mut()).is_pending());
        clock.advance(ms(500));
    }
    clock.advance(ms(100));
    let seen = timeout.snapshot();
    assert_eq!((seen.in_time, seen.timed_out), (0, 0));
    assert!(seen.observed.is_some_and(|observed| observed >= ms(500)));
}

#[test]
fn settings_that_can_only_be_mistakes_are_refused() {
    let clock = ManualClock::new();
    let refused = |builder: TimeoutBuilder| builder.build().unwrap_err().option;
    assert_eq!(refused(builder(&clock).fixed(Duration::ZERO)), "limit");
    assert_eq!(refused(builder(&clock).adaptive(ms(10), ms(5))), "floor");
    assert_eq!(refused(builder(&clock).adaptive_by(0.5, ms(1), ms(5))), "factor");
    let step = Step { below: ms(5), limit: ms(5) };
    assert_eq!(refused(builder(&clock).in_steps_of([step, step], ms(5))), "steps");
    assert_eq!(refused(builder(&clock).quantile(1.0)), "quantile");
}

#[test]
fn the_layer_ends_a_call_that_takes_too_long() {
    let clock = ManualClock::new();
    let timeout = builder(&clock).fixed(ms(20)).build().unwrap();
    let clone = clock.clone();
    let inner = tower::service_fn(move |millis: u64| {
        let sleep = clone.sleep(ms(millis));
        async move {
            sleep.await;
            Ok::<_, ()>(millis)
        }
    });
    let service = timeout.layer().layer(inner);
    assert_eq!(run(&clock, service.clone().oneshot(10)), Ok(10));
    assert_eq!(run(&clock, service.oneshot(30)), Err(Error::TimedOut { after: ms(20), which: Limit::Attempt }));
}

#[test]
fn layers_beneath_a_retry_know_which_attempt_it_is() {
    let clock = ManualClock::new();
    let timing = Timing::manual(&clock, 1);
    let retry = Retry::builder("test").timing(timing).idempotent(true).jitter(Jitter::None).build().unwrap();
    let timeout = builder(&clock).growing(ms(20)).build().unwrap();
    let inner = tower::service_fn(|(): ()| std::future::pending::<Result<(), ()>>());
    let service = retry.layer().nested().layer(timeout.layer().layer(inner));
    let end = run(&clock, service.oneshot(())).unwrap_err();
    let last = Error::TimedOut { after: ms(60), which: Limit::Attempt };
    assert_eq!(end, Error::Exhausted { attempts: 3, last: Box::new(last) });
    assert_eq!(clock.elapsed(), ms(20 + 100 + 40 + 200 + 60));
}
