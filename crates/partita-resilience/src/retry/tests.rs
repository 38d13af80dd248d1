//! The rules of retries.

use super::{ByClone, Jitter, Retry, RetryBuilder, Stop};
use crate::budget::Budget;
use crate::deadline::{Attempt, Context};
use crate::testing::{ms, poll, refusal, run, wait};
use crate::{Error, EventKind, Limit, Outcome, Timing};
use partita_time::{Clock, ManualClock};
use std::future::ready;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::{Layer, Service, ServiceExt};

type Ends = Arc<Mutex<Vec<(u32, &'static str)>>>;

/// Waits without chance, so that tests can name them; 100 ms, 200 ms and so on.
fn plain(clock: &ManualClock) -> RetryBuilder {
    Retry::builder("test").timing(Timing::manual(clock, 1)).jitter(Jitter::None).idempotent(true).without_budget()
}

fn recording<C>(builder: RetryBuilder<C>) -> (Retry<C>, Ends) {
    let ends = Ends::default();
    let seen = Arc::clone(&ends);
    let listener = move |event: &crate::Event<'_>| {
        if let EventKind::GaveUp { attempts, reason } = event.kind {
            seen.lock().unwrap().push((attempts, reason));
        }
    };
    (builder.listener(listener).build().unwrap(), ends)
}

/// Fails as often as told, then answers its attempt.
fn failing(times: u32) -> impl FnMut(Attempt) -> std::future::Ready<Result<u32, &'static str>> {
    move |attempt| ready(if attempt.number() <= times { Err("down") } else { Ok(attempt.number()) })
}

#[test]
fn a_call_is_made_again_until_it_ends_well() {
    let clock = ManualClock::new();
    let retry = plain(&clock).build().unwrap();
    assert_eq!(run(&clock, retry.call(failing(2))), Ok(3));
    assert_eq!(clock.elapsed(), ms(300), "100 ms and 200 ms");
    let seen = retry.snapshot();
    assert_eq!((seen.calls, seen.retries, seen.successful, seen.rescued, seen.failed), (1, 2, 1, 1, 0));
}

#[test]
fn decorrelated_waits_follow_from_the_wait_before() {
    let waited = |seed| {
        let clock = ManualClock::new();
        let timing = Timing::manual(&clock, seed);
        let retry = plain(&clock).timing(timing).jitter(Jitter::Decorrelated).build().unwrap();
        run(&clock, retry.call(failing(2))).unwrap();
        clock.elapsed()
    };
    let longest = (0..200).map(waited).max().unwrap();
    assert!(longest > ms(1_000) && longest <= ms(300 + 900), "{longest:?}");
}

#[test]
fn the_final_error_carries_attempts_and_last_cause() {
    let clock = ManualClock::new();
    let (retry, ends) = recording(plain(&clock));
    let end = run(&clock, retry.call(failing(9))).unwrap_err();
    assert_eq!(end, Error::Exhausted { attempts: 3, last: Box::new(Error::Inner("down")) });
    assert_eq!(*ends.lock().unwrap(), [(3, "max_attempts")]);
}

#[test]
fn the_hook_hears_attempt_delay_and_cause() {
    let clock = ManualClock::new();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&heard);
    let listener = move |event: &crate::Event<'_>| {
        if let EventKind::Retrying { attempt, delay, cause } = event.kind {
            seen.lock().unwrap().push((attempt, delay, format!("{cause:?}")));
        }
    };
    let retry = plain(&clock).listener(listener).build().unwrap();
    run(&clock, retry.call(failing(1))).unwrap();
    assert_eq!(*heard.lock().unwrap(), [(2, ms(100), "Inner(\"down\")".to_owned())]);
}

#[test]
fn what_another_attempt_would_meet_again_is_not_retried() {
    let clock = ManualClock::new();
    let (retry, ends) = recording(plain(&clock));
    let retry = {
        drop(retry);
        plain(&clock)
    }
    .classify(|_: Result<&u32, &&str>| Outcome::Ignored)
    .build()
    .unwrap();
    assert_eq!(run(&clock, retry.call(failing(9))), Err(Error::Inner("down")), "bare: nothing was retried");
    assert_eq!(clock.elapsed(), Duration::ZERO);
    assert!(ends.lock().unwrap().is_empty());
}

#[test]
fn a_call_that_is_not_idempotent_is_made_once_unless_it_has_a_key() {
    let clock = ManualClock::new();
    let (retry, ends) = recording(plain(&clock).idempotent(false));
    assert_eq!(run(&clock, retry.call(failing(1))), Err(Error::Inner("down")));
    assert_eq!(*ends.lock().unwrap(), [(1, "not_idempotent")]);
    let keyed = Context::new().key("order-7");
    let work = |attempt: Attempt| {
        assert_eq!(attempt.idempotency_key(), Some("order-7"));
        ready(if attempt.number() == 1 { Err(Error::Inner("down")) } else { Ok(()) })
    };
    assert_eq!(run(&clock, retry.around(keyed, work)), Ok(()));
    let marked = Context::new().idempotent();
    let work = |attempt: Attempt| ready(if attempt.number() == 1 { Err(Error::Inner("down")) } else { Ok(()) });
    assert_eq!(run(&clock, retry.around(marked, work)), Ok(()));
}

#[test]
fn p7_our_own_rejections_are_never_retried() {
    let clock = ManualClock::new();
    let (retry, ends) = recording(plain(&clock));
    let calls = AtomicU32::new(0);
    let work = |_: Attempt| {
        calls.fetch_add(1, Ordering::Relaxed);
        ready(Err::<(), _>(refusal::<&str>()))
    };
    let end = run(&clock, retry.around(Context::new(), work)).unwrap_err();
    assert_eq!(end, refusal());
    assert_eq!((calls.into_inner(), retry.snapshot().recent_failure_rate), (1, 0.0));
    assert_eq!(*ends.lock().unwrap(), [(1, "rejected")]);
}

#[test]
fn an_exhausted_retry_beneath_is_not_retried_and_a_timed_out_attempt_is() {
    let clock = ManualClock::new();
    let retry = plain(&clock).build().unwrap();
    let attempts = |error: Error<&'static str>| {
        let calls = AtomicU32::new(0);
        let work = |_: Attempt| {
            calls.fetch_add(1, Ordering::Relaxed);
            ready(Err::<(), _>(error.clone()))
        };
        let _ = run(&clock, retry.around(Context::new(), work));
        calls.into_inner()
    };
    assert_eq!(attempts(Error::Exhausted { attempts: 3, last: Box::new(Error::Inner("down")) }), 1);
    assert_eq!(attempts(Error::TimedOut { after: ms(1), which: Limit::Deadline }), 1);
    assert_eq!(attempts(Error::TimedOut { after: ms(1), which: Limit::Attempt }), 3);
}

#[test]
fn no_attempt_begins_after_the_deadline() {
    let clock = ManualClock::new();
    let (retry, ends) = recording(plain(&clock).unlimited_attempts().deadline(ms(250)));
    let end = run(&clock, retry.call(failing(9))).unwrap_err();
    assert!(matches!(end, Error::Exhausted { attempts: 2, .. }), "at 0 and 100 ms, not at 300: {end:?}");
    assert_eq!(*ends.lock().unwrap(), [(2, "deadline_passed")]);
    let context = Context::new().until(clock.elapsed() + ms(100));
    let lefts = Mutex::new(Vec::new());
    let work = |attempt: Attempt| {
        lefts.lock().unwrap().push(attempt.deadline_left().unwrap());
        ready(Err::<(), _>(Error::Inner("down")))
    };
    let _ = run(&clock, retry.around(context, work));
    assert_eq!(*lefts.lock().unwrap(), [ms(100)], "the sooner deadline holds, and at it no time is left");
    lefts.lock().unwrap().clear();
    let context = Context::new().until(clock.elapsed() + ms(101));
    let _ = run(&clock, retry.around(context, work));
    assert_eq!(*lefts.lock().unwrap(), [ms(101), ms(1)]);
}

fn overloaded_for(wait: u64) -> impl Fn(Result<&u32, &&str>) -> Outcome {
    move |result| match result {
        Ok(_) => Outcome::Success,
        Err(_) => Outcome::Overloaded { retry_after: Some(ms(wait)) },
    }
}

#[test]
fn retry_after_is_a_lower_bound() {
    let clock = ManualClock::new();
    let told = |wait: u64| {
        let retry = plain(&clock).max_retry_after(ms(5_000)).classify(overloaded_for(wait)).build().unwrap();
        let begun = clock.elapsed();
        run(&clock, retry.call(failing(1))).unwrap();
        clock.elapsed() - begun
    };
    assert_eq!(told(30), ms(100), "the back-off is longer");
    assert_eq!(told(2_000), ms(2_000));
    assert_eq!(told(5_000), ms(5_000), "as long as is waited for");
}

#[test]
fn a_dependency_that_asks_for_more_than_is_waited_for_is_not_asked_again() {
    let clock = ManualClock::new();
    let (retry, ends) = recording(plain(&clock).max_retry_after(ms(5_000)).classify(overloaded_for(5_001)));
    let end = run(&clock, retry.call(failing(1)));
    assert_eq!(end, Err(Error::Exhausted { attempts: 1, last: Box::new(Error::Inner("down")) }));
    assert_eq!((clock.elapsed(), retry.snapshot().retries), (Duration::ZERO, 0));
    assert_eq!(*ends.lock().unwrap(), [(1, "retry_after_too_long")]);
}

#[test]
fn a_shut_gate_stops_retries() {
    let clock = ManualClock::new();
    let open = Arc::new(AtomicBool::new(true));
    let asked = Arc::clone(&open);
    let (retry, ends) = recording(plain(&clock).gate(move || asked.load(Ordering::Relaxed)));
    assert_eq!(run(&clock, retry.call(failing(1))), Ok(2));
    open.store(false, Ordering::Relaxed);
    assert!(run(&clock, retry.call(failing(1))).is_err());
    assert_eq!(*ends.lock().unwrap(), [(1, "breaker_open")]);
}

#[test]
fn a_high_recent_failure_rate_stops_retries_until_it_has_slid_out() {
    let clock = ManualClock::new();
    let (retry, ends) = recording(plain(&clock).failure_rate(0.8, 10).max_attempts(2));
    for _ in 0..5 {
        let _ = run(&clock, retry.call(failing(9)));
    }
    assert_eq!(ends.lock().unwrap().last(), Some(&(2, "max_attempts")));
    let _ = run(&clock, retry.call(failing(9)));
    assert_eq!(ends.lock().unwrap().last(), Some(&(1, "failure_rate")));
    clock.advance(Duration::from_secs(11));
    assert_eq!(run(&clock, retry.call(failing(1))), Ok(2));
}

#[test]
fn an_answer_that_is_judged_a_failure_is_handed_back_when_retries_end() {
    let clock = ManualClock::new();
    let judge = |result: Result<&u16, &()>| match result {
        Ok(200) => Outcome::Success,
        _ => Outcome::Failure,
    };
    let retry = plain(&clock).classify(judge).build().unwrap();
    let calls = AtomicU32::new(0);
    let work = |_: Attempt| {
        calls.fetch_add(1, Ordering::Relaxed);
        ready(Ok::<u16, ()>(503))
    };
    assert_eq!(run(&clock, retry.call(work)), Ok(503));
    assert_eq!(calls.into_inner(), 3);
}

#[test]
fn p12_a_full_outage_adds_a_tenth_of_the_load_and_not_twice_of_it() {
    let clock = ManualClock::new();
    let timing = Timing::manual(&clock, 7);
    let budget = Budget::builder().timing(timing.clone()).build().unwrap();
    // Two policies on one dependency, as two call sites have them: they share what it can bear.
    let policies = [(); 2].map(|()| {
        let builder = Retry::builder("site").timing(timing.clone()).idempotent(true).budget(budget.clone());
        builder.failure_rate(1.0, u32::MAX).initial(ms(1)).max(ms(4)).build().unwrap()
    });
    let attempts = AtomicU32::new(0);
    for n in 0..10_000_u64 {
        let work = |_: Attempt| {
            attempts.fetch_add(1, Ordering::Relaxed);
            ready(Err::<(), _>("down"))
        };
        let _ = run(&clock, policies[usize::from(n % 2 == 0)].call(work));
        clock.advance_to(ms(n));
    }
    let attempts = attempts.into_inner();
    assert!((11_000..=11_035).contains(&attempts), "{attempts}: a tenth more, and three a second of ten");
}

#[test]
fn p12_the_attempts_number_reaches_whoever_puts_it_on_the_wire() {
    let clock = ManualClock::new();
    let retry = plain(&clock).build().unwrap();
    let seen = Mutex::new(Vec::new());
    let work = |_: Attempt| async {
        wait(&clock, 1).await;
        seen.lock().unwrap().push(Context::current().number());
        Err::<(), _>("down")
    };
    let _ = run(&clock, retry.call(work));
    assert_eq!(*seen.lock().unwrap(), [1, 2, 3]);
    assert_eq!(Context::current(), Context::new(), "and nothing stays behind");
}

#[test]
fn p13_retries_lie_around_the_attempts_and_a_refusal_ends_them() {
    let clock = ManualClock::new();
    let (retry, ends) = recording(plain(&clock));
    let work =
        |attempt: Attempt| ready(Err::<(), _>(if attempt.number() == 1 { Error::Inner("down") } else { refusal() }));
    let end = run(&clock, retry.around(Context::new(), work)).unwrap_err();
    assert_eq!(end, Error::Exhausted { attempts: 2, last: Box::new(refusal()) });
    assert_eq!(end.retry_after(), Some(ms(5)));
    assert_eq!(*ends.lock().unwrap(), [(2, "rejected")]);
}

#[test]
fn a_call_dropped_in_its_first_attempt_or_its_wait_leaves_the_budget_as_it_was() {
    let clock = ManualClock::new();
    let budget = Budget::builder().ratio(0.5).floor_per_second(1.0).timing(Timing::manual(&clock, 1)).build().unwrap();
    let retry = plain(&clock).budget(budget.clone()).build().unwrap();
    let before = budget.snapshot();
    {
        let mut hung = pin!(retry.call(|_| std::future::pending::<Result<(), &str>>()));
        assert!(poll(hung.as_mut()).is_pending());
        assert_ne!(budget.snapshot(), before, "a deposit");
        assert_eq!(retry.snapshot().calls, 1);
    }
    assert_eq!((budget.snapshot(), retry.snapshot().calls), (before, 0));
    {
        let mut waiting = pin!(retry.call(failing(1)));
        assert!(poll(waiting.as_mut()).is_pending());
        assert_eq!(budget.snapshot().withdrawn, 1);
    }
    assert_eq!(budget.snapshot().withdrawn, 0);
    assert!(clock.next_due().is_none());
}

#[test]
fn a_first_attempt_that_a_policy_refuses_deposits_nothing_and_one_that_fails_does() {
    let clock = ManualClock::new();
    let budget = Budget::builder().ratio(0.5).floor_per_second(0.0).timing(Timing::manual(&clock, 1)).build().unwrap();
    let retry = plain(&clock).max_attempts(1).budget(budget.clone()).build().unwrap();
    let after = |end: Error<&'static str>| {
        let _ = run(&clock, retry.around(Context::new(), |_| ready(Err::<(), _>(end.clone()))));
        (budget.snapshot().available, retry.snapshot().calls)
    };
    assert_eq!(after(refusal()), (0.0, 1));
    assert_eq!(after(Error::AllHedgesFailed(vec![refusal(), refusal()])), (0.0, 2));
    assert_eq!(after(Error::AllHedgesFailed(vec![Error::Inner("down"), refusal()])), (0.5, 3));
    assert_eq!(after(Error::Inner("down")), (1.0, 4));
    let late =
        |attempt: Attempt| ready(Err::<(), _>(if attempt.number() > 1 { refusal() } else { Error::Inner("down") }));
    let retry = plain(&clock).budget(budget.clone()).build().unwrap();
    let _ = run(&clock, retry.around(Context::new(), late));
    assert_eq!(budget.snapshot().available, 0.5, "its first attempt had reached it");
}

#[test]
fn settings_that_can_only_be_mistakes_are_refused() {
    let clock = ManualClock::new();
    let refused = |builder: RetryBuilder| builder.build().unwrap_err().option;
    assert_eq!(refused(plain(&clock).max_attempts(0)), "max_attempts");
    assert_eq!(refused(plain(&clock).unlimited_attempts()), "max_attempts");
    assert_eq!(refused(plain(&clock).initial(ms(20_000))), "initial");
    assert_eq!(refused(plain(&clock).multiplier(0.5)), "multiplier");
    assert_eq!(refused(plain(&clock).jitter(Jitter::Factor(2.0))), "jitter");
    assert_eq!(refused(plain(&clock).failure_rate(0.0, 1)), "failure_rate");
    assert_eq!(refused(plain(&clock).deadline(Duration::ZERO)), "deadline");
}

#[test]
fn every_stop_has_a_word_of_its_own() {
    let stops = [Stop::MaxAttempts, Stop::NotRetryable, Stop::Rejected, Stop::NotIdempotent, Stop::NotRepeatable];
    let stops = stops.into_iter().chain([Stop::GateShut, Stop::DeadlinePassed, Stop::BudgetSpent, Stop::FailureRate]);
    let stops = stops.chain([Stop::RetryAfterTooLong]);
    let words: std::collections::BTreeSet<&str> = stops.map(Stop::as_str).collect();
    assert_eq!(words.len(), 10);
}

#[test]
fn the_layer_makes_a_request_again_and_a_request_that_cannot_be_repeated_once() {
    let clock = ManualClock::new();
    let calls = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&calls);
    let inner = tower::service_fn(move |text: String| {
        let n = count.fetch_add(1, Ordering::Relaxed);
        ready(if n % 3 < 2 { Err("down") } else { Ok(text + "!") })
    });
    let retry = plain(&clock).build().unwrap();
    let service = retry.layer().layer(inner.clone());
    assert_eq!(run(&clock, service.oneshot("hi".to_owned())), Ok("hi!".to_owned()));
    assert_eq!((calls.load(Ordering::Relaxed), clock.elapsed()), (3, ms(300)));
    let service = retry.layer().repeat(|_: &String| None).layer(inner);
    assert_eq!(run(&clock, service.oneshot("hi".to_owned())), Err(Error::Inner("down")));
    assert_eq!(calls.load(Ordering::Relaxed), 4);
}

#[test]
fn a_layer_over_another_policy_never_repeats_its_refusals() {
    let clock = ManualClock::new();
    let calls = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&calls);
    let inner = tower::service_fn(move |(): ()| {
        count.fetch_add(1, Ordering::Relaxed);
        ready(Err::<(), _>(refusal::<&str>()))
    });
    let mut service = plain(&clock).build().unwrap().layer().repeat(ByClone).nested().layer(inner);
    let end = run(&clock, async { service.ready().await?.call(()).await });
    assert_eq!((end, calls.load(Ordering::Relaxed)), (Err(refusal()), 1));
}
