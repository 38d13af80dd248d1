//! What breakers commonly get wrong, one test each.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

use partita_resilience::breaker::{Breaker, Builder, Permit, State};
use partita_resilience::keyed::Bounds;
use partita_resilience::{Error, EventKind, Outcome, PolicyKind, Reason, Timing};
use partita_time::ManualClock;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// 4 calls, half of them failures, trip it; open for 1 s; two probes at once and two to close; no ramp.
fn small(clock: &ManualClock) -> Builder {
    Breaker::builder("b")
        .timing(Timing::manual(clock, 7))
        .window(ms(10_000))
        .min_calls(4)
        .open(ms(1_000))
        .open_jitter(0.0)
        .half_open_calls(2)
        .half_open_successes(2)
        .half_open_max(ms(5_000))
        .ramp(Duration::ZERO)
}

fn say(breaker: &Breaker, outcome: Outcome, times: usize) {
    for _ in 0..times {
        breaker.admit().unwrap().record(outcome);
    }
}

fn tripped(clock: &ManualClock) -> Breaker {
    let breaker = small(clock).build().unwrap();
    say(&breaker, Outcome::Failure, 4);
    assert_eq!(breaker.state(), State::Open);
    breaker
}

fn half_open(clock: &ManualClock) -> Breaker {
    let breaker = tripped(clock);
    clock.advance(ms(1_000));
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker
}

fn reason(answer: Result<Permit<'_>, partita_resilience::Rejected>) -> Reason {
    answer.expect_err("a rejection").reason
}

fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn p1_half_open_lets_a_few_probes_in_and_closing_ramps_up() {
    let clock = ManualClock::new();
    let breaker = small(&clock).ramp(ms(1_000)).build().unwrap();
    say(&breaker, Outcome::Failure, 4);
    clock.advance(ms(1_000));
    let probes: Vec<_> = (0..2).map(|_| breaker.admit().unwrap()).collect();
    for _ in 0..100 {
        assert_eq!(reason(breaker.admit()), Reason::ProbesTaken);
    }
    probes.into_iter().for_each(|probe| probe.record(Outcome::Success));
    assert_eq!(breaker.state(), State::Ramp);
    let admitted = |n: usize| {
        (0..n)
            .filter(|_| {
                breaker.admit().is_ok_and(|p| {
                    p.record(Outcome::Ignored);
                    true
                })
            })
            .count()
    };
    assert_eq!(admitted(100), 10, "a tenth at first");
    clock.advance(ms(500));
    let half = admitted(100);
    assert!((53..=57).contains(&half), "55 % in the middle, not {half}");
    clock.advance(ms(500));
    assert_eq!((breaker.state(), admitted(100)), (State::Closed, 100));
}

#[test]
fn p2_a_probe_that_hangs_cannot_keep_it_half_open() {
    let clock = ManualClock::new();
    let breaker = half_open(&clock);
    let hung = breaker.admit().unwrap();
    assert_eq!(hung.deadline(), Some(ms(6_000)));
    clock.advance(ms(5_000));
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state, snapshot.since), (State::Open, ms(6_000)));
    assert_eq!(snapshot.retry_after, Some(ms(2_000)), "the next backoff");
    hung.record(Outcome::Success);
    assert_eq!((breaker.state(), breaker.snapshot().stale), (State::Open, 1));
}

#[test]
fn p2_probes_that_are_all_ignored_cannot_keep_it_half_open() {
    let clock = ManualClock::new();
    let breaker = half_open(&clock);
    for _ in 0..49 {
        breaker.admit().unwrap().record(Outcome::Ignored);
        clock.advance(ms(100));
    }
    assert_eq!(breaker.state(), State::HalfOpen);
    clock.advance(ms(100));
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn p2_an_idle_half_open_breaker_waits_for_its_first_probe() {
    let clock = ManualClock::new();
    let breaker = half_open(&clock);
    clock.advance(Duration::from_secs(3_600));
    assert_eq!(breaker.state(), State::HalfOpen);
    say(&breaker, Outcome::Success, 2);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn p3_a_cancelled_probe_gives_its_place_back_and_decides_nothing() {
    let clock = ManualClock::new();
    let breaker = half_open(&clock);
    for _ in 0..50 {
        let (one, two) = (breaker.admit().unwrap(), breaker.admit().unwrap());
        assert_eq!(reason(breaker.admit()), Reason::ProbesTaken);
        drop((one, two));
        let hangs = breaker.call(std::future::pending::<Result<(), ()>>);
        assert!(poll_once(hangs).is_pending());
    }
    assert_eq!((breaker.state(), breaker.snapshot().total), (State::HalfOpen, 4));
}

#[test]
fn p3_a_probe_that_is_cancelled_when_it_is_slow_already_counts_as_slow() {
    let clock = ManualClock::new();
    let breaker = half_open(&clock);
    let probe = breaker.admit().unwrap();
    clock.advance(ms(1_000));
    drop(probe);
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state, snapshot.slow, snapshot.failed), (State::Open, 1, 4));
}

#[test]
fn p4_late_results_from_an_older_state_never_count() {
    let clock = ManualClock::new();
    let breaker = small(&clock).build().unwrap();
    let late: Vec<_> = (0..6).map(|_| breaker.admit().unwrap()).collect();
    say(&breaker, Outcome::Failure, 4);
    let before = breaker.snapshot();
    clock.advance(ms(1_000));
    assert_eq!(breaker.state(), State::HalfOpen);
    let [a, b, c, d, e, f]: [Permit<'_>; 6] = late.try_into().unwrap();
    [a, b].into_iter().for_each(|permit| permit.record(Outcome::Success));
    assert_eq!(breaker.state(), State::HalfOpen, "late successes do not close");
    c.record(Outcome::Failure);
    assert_eq!(breaker.state(), State::HalfOpen, "a late failure does not reopen");
    say(&breaker, Outcome::Success, 2);
    assert_eq!(breaker.state(), State::Closed);
    [d, e, f].into_iter().for_each(|permit| permit.record(Outcome::Failure));
    let after = breaker.snapshot();
    assert_eq!((after.stale, after.failed, after.state), (6, before.failed, State::Closed));
    assert_eq!(after.rates.failure_rate, 0.0);
}

#[test]
fn p5_calls_longer_than_the_window_still_count() {
    let clock = ManualClock::new();
    let breaker = small(&clock).build().unwrap();
    let long: Vec<_> = (0..4).map(|_| breaker.admit().unwrap()).collect();
    clock.advance(ms(35_000));
    long.into_iter().for_each(|permit| permit.record(Outcome::Failure));
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state, snapshot.failed, snapshot.stale), (State::Open, 4, 0));
}

#[test]
fn p6_the_callers_own_mistakes_neither_trip_nor_close_nor_dilute() {
    let clock = ManualClock::new();
    let breaker = small(&clock).build().unwrap();
    say(&breaker, Outcome::Ignored, 1_000);
    say(&breaker, Outcome::Failure, 3);
    say(&breaker, Outcome::Ignored, 1_000);
    assert_eq!(breaker.snapshot().consecutive_failures, 3, "an ignored call ends no row of failures");
    say(&breaker, Outcome::Failure, 1);
    assert_eq!(breaker.state(), State::Open, "ignored calls are no successes");
    clock.advance(ms(1_000));
    say(&breaker, Outcome::Ignored, 100);
    assert_eq!((breaker.state(), breaker.snapshot().ignored), (State::HalfOpen, 2_100));
}

#[test]
fn p7_its_own_rejections_are_no_outcomes() {
    let clock = ManualClock::new();
    let breaker = tripped(&clock);
    let before = breaker.snapshot();
    for _ in 0..100 {
        let answer = poll_once(breaker.call(|| async { Ok::<(), ()>(()) }));
        let Poll::Ready(Err(Error::Rejected(rejected))) = answer else { panic!("{answer:?}") };
        assert_eq!((rejected.policy, rejected.reason), (PolicyKind::Breaker, Reason::Open));
        assert_eq!(rejected.retry_after, Some(ms(1_000)));
    }
    let after = breaker.snapshot();
    assert_eq!(after.rejected, 100);
    assert_eq!((after.total, after.rates, after.failed), (before.total, before.rates, before.failed));
}

#[test]
fn p8_a_blip_at_a_high_rate_of_calls_does_not_trip_it() {
    let clock = ManualClock::new();
    let breaker = small(&clock).build().unwrap();
    for second in 0..20 {
        for call in 0..840 {
            let fails = second == 10 && call % 80 == 0;
            breaker.admit().unwrap().record(if fails { Outcome::Failure } else { Outcome::Success });
        }
        clock.advance(ms(1_000));
    }
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.failed, snapshot.opened_count), (11, 0));
}

#[test]
fn p9_a_window_shorter_than_two_call_timeouts_is_refused() {
    let clock = ManualClock::new();
    let error = small(&clock).call_timeout(ms(5_001)).build().unwrap_err();
    assert_eq!(error.option, "window_ms");
    assert!(error.why.contains("10002"), "it names the way out: {error}");
    small(&clock).call_timeout(ms(5_000)).build().unwrap();
}

#[test]
fn p10_calls_that_never_end_trip_it() {
    let clock = ManualClock::new();
    let breaker = small(&clock).stuck(10).build().unwrap();
    let hung: Vec<_> = (0..10).map(|_| breaker.admit().unwrap()).collect();
    clock.advance(ms(1_000));
    drop(breaker.admit().unwrap());
    assert_eq!(breaker.state(), State::Closed, "not surely slow yet");
    clock.advance(ms(1_000));
    assert_eq!(reason(breaker.admit()), Reason::Open);
    drop(hung);
    assert_eq!(breaker.snapshot().stale, 10);
}

#[test]
fn p10_a_few_stuck_calls_among_many_good_ones_do_not_trip_it() {
    let clock = ManualClock::new();
    let breaker = small(&clock).stuck(10).build().unwrap();
    let _hung: Vec<_> = (0..20).map(|_| breaker.admit().unwrap()).collect();
    for _ in 0..9 {
        say(&breaker, Outcome::Success, 10);
        clock.advance(ms(1_000));
    }
    assert_eq!(breaker.snapshot().opened_count, 0);
}

#[test]
fn p11_a_million_old_successes_do_not_hide_an_outage() {
    let clock = ManualClock::new();
    for builder in [small(&clock), small(&clock).window_calls(100)] {
        let breaker = builder.build().unwrap();
        say(&breaker, Outcome::Success, 1_000_000);
        clock.advance(ms(10_000));
        let fails = |_: &usize| {
            breaker.admit().is_ok_and(|permit| {
                permit.record(Outcome::Failure);
                true
            })
        };
        let until_open = (0..100).filter(fails).count();
        assert!(until_open <= 50, "{until_open} failures to see an outage");
        assert_eq!(breaker.state(), State::Open);
    }
}

#[test]
fn p17_one_bad_shard_does_not_reject_the_others() {
    let clock = ManualClock::new();
    let breakers = small(&clock).build_keyed::<String>(Bounds::default()).unwrap();
    let (bad, good) = ("shard-1".to_owned(), "shard-2".to_owned());
    for _ in 0..20 {
        let _ = poll_once(breakers.call(&bad, || async { Err::<(), ()>(()) }));
        let answer = poll_once(breakers.call(&good, || async { Ok::<(), ()>(()) }));
        assert!(matches!(answer, Poll::Ready(Ok(()))));
    }
    let health = breakers.health();
    let view: Vec<_> = health.iter().map(|snapshot| (&*snapshot.name, snapshot.state)).collect();
    assert_eq!(view, [("b/shard-1", State::Open), ("b/*", State::Closed), ("b/shard-2", State::Closed)]);
}

#[test]
fn the_open_time_doubles_with_jitter_and_never_ends_before_retry_after() {
    let clock = ManualClock::new();
    let events: Arc<Mutex<Vec<(Duration, &'static str)>>> = Arc::default();
    let told = Arc::clone(&events);
    let breaker = small(&clock)
        .open(ms(30_000))
        .open_jitter(0.25)
        .listener(move |event| {
            if let EventKind::StateChanged { to, .. } = event.kind {
                told.lock().unwrap().push((event.at(), to));
            }
        })
        .build()
        .unwrap();
    say(&breaker, Outcome::Failure, 4);
    for opening in 0..7 {
        let wait = breaker.snapshot().retry_after.unwrap().as_millis();
        let base = (30_000_u128 << opening).min(300_000);
        assert!((base * 3 / 4..=base * 5 / 4).contains(&wait), "{wait} of {base}");
        clock.advance(ms(u64::try_from(wait).unwrap() - 1));
        assert_eq!(breaker.state(), State::Open);
        clock.advance(ms(1));
        assert_eq!(breaker.state(), State::HalfOpen);
        say(&breaker, Outcome::Failure, 1);
    }
    let end = breaker.next_due().unwrap();
    clock.advance_to(end + ms(500));
    let probe = breaker.admit().unwrap();
    assert_eq!(events.lock().unwrap().last(), Some(&(end, "half_open")), "told with its exact moment");
    probe.record(Outcome::Overloaded { retry_after: Some(Duration::from_secs(3_000)) });
    assert_eq!(breaker.snapshot().retry_after, Some(Duration::from_secs(3_000)));
}

#[test]
fn a_late_retry_after_keeps_an_open_breaker_open_and_its_call_does_not_count() {
    let clock = ManualClock::new();
    let breaker = small(&clock).min_calls(1).build().unwrap();
    let (first, second) = (breaker.admit().unwrap(), breaker.admit().unwrap());
    first.record(Outcome::Failure);
    clock.advance(ms(1));
    second.record(Outcome::Overloaded { retry_after: Some(ms(120_000)) });
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.failed, snapshot.stale, snapshot.retry_after), (1, 1, Some(ms(120_000))));
    clock.advance(ms(119_999));
    assert_eq!(reason(breaker.admit()), Reason::Open);
    clock.advance(ms(1));
    assert_eq!(breaker.state(), State::HalfOpen);
}

#[test]
fn a_late_retry_after_while_half_open_holds_no_probe_back_and_bounds_the_next_open_time() {
    let clock = ManualClock::new();
    let breaker = small(&clock).build().unwrap();
    let late = breaker.admit().unwrap();
    say(&breaker, Outcome::Failure, 4);
    clock.advance(ms(1_000));
    assert_eq!(breaker.state(), State::HalfOpen);
    late.record(Outcome::Overloaded { retry_after: Some(ms(9_000)) });
    let probe = breaker.admit().unwrap();
    assert_eq!((breaker.state(), breaker.snapshot().stale), (State::HalfOpen, 1), "it decides nothing");
    probe.record(Outcome::Failure);
    assert_eq!(breaker.snapshot().retry_after, Some(ms(9_000)), "longer than the doubled 2 s");
}

#[test]
fn an_operators_word_lifts_an_old_retry_after() {
    for word in [Breaker::reset, Breaker::close] {
        let clock = ManualClock::new();
        let breaker = small(&clock).build().unwrap();
        say(&breaker, Outcome::Overloaded { retry_after: Some(Duration::from_secs(86_400)) }, 1);
        word(&breaker);
        clock.advance(Duration::from_secs(3_600));
        say(&breaker, Outcome::Failure, 4);
        assert_eq!(breaker.snapshot().retry_after, Some(ms(1_000)));
    }
}

#[test]
fn an_operator_opens_frees_watches_closes_and_resets() {
    let clock = ManualClock::new();
    let would: Arc<Mutex<Vec<&'static str>>> = Arc::default();
    let told = Arc::clone(&would);
    let breaker = small(&clock)
        .listener(move |event| {
            if let EventKind::WouldChange { to, .. } = event.kind {
                told.lock().unwrap().push(to);
            }
        })
        .build()
        .unwrap();
    breaker.force_open();
    clock.advance(Duration::from_secs(100_000));
    let rejected = breaker.admit().err().unwrap();
    assert_eq!((rejected.reason, rejected.retry_after), (Reason::ForcedOpen, None));

    breaker.disable();
    say(&breaker, Outcome::Failure, 100);
    assert_eq!((breaker.state(), breaker.snapshot().total), (State::Closed, 0));

    breaker.watch_only();
    say(&breaker, Outcome::Failure, 100);
    clock.advance(ms(1_000));
    say(&breaker, Outcome::Success, 2);
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.state, snapshot.rejected, snapshot.opened_count), (State::Closed, 1, 0));
    assert_eq!((snapshot.failed, snapshot.successful), (100, 2), "all through, all counted");
    assert_eq!(*would.lock().unwrap(), ["open", "half_open", "closed"]);

    breaker.close();
    say(&breaker, Outcome::Failure, 3);
    assert_eq!((breaker.state(), breaker.snapshot().failed), (State::Closed, 103));
    breaker.reset();
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.total, snapshot.rejected, snapshot.last_failure_at), (0, 0, None));
    say(&breaker, Outcome::Failure, 3);
    assert_eq!(breaker.state(), State::Closed, "the window is empty too");
    say(&breaker, Outcome::Failure, 1);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn a_panic_is_a_failure() {
    let clock = ManualClock::new();
    let breaker = small(&clock).build().unwrap();
    let inside = breaker.clone();
    let panics = std::thread::spawn(move || {
        let _permit = inside.admit();
        panic!("on purpose");
    });
    assert!(panics.join().is_err());
    assert_eq!(breaker.snapshot().failed, 1);
}

#[test]
fn a_call_past_its_own_timeout_is_dropped_and_fails() {
    let clock = ManualClock::new();
    let breaker = small(&clock).call_timeout(ms(200)).build().unwrap();
    let mut call = pin!(breaker.call(std::future::pending::<Result<(), ()>>));
    let mut context = Context::from_waker(Waker::noop());
    assert!(call.as_mut().poll(&mut context).is_pending());
    clock.advance(ms(200));
    let Poll::Ready(Err(Error::TimedOut { after, .. })) = call.as_mut().poll(&mut context) else { panic!() };
    assert_eq!((after, breaker.snapshot().failed), (ms(200), 1));
}

#[test]
fn a_fallback_answers_and_tells_both_errors_when_it_fails_too() {
    let clock = ManualClock::new();
    let breaker = tripped(&clock);
    let second = breaker.call_or(|| async { Ok::<u8, u8>(1) }, |_| async { Ok(2) });
    assert!(matches!(poll_once(second), Poll::Ready(Ok(2))));
    let both = breaker.call_or(|| async { Ok::<u8, u8>(1) }, |_| async { Err(9) });
    let Poll::Ready(Err(Error::FallbackFailed { cause, fallback })) = poll_once(both) else { panic!() };
    assert!(matches!((*cause, *fallback), (Error::Rejected(_), Error::Inner(9))));
}

#[test]
fn a_success_trips_it_when_older_ones_have_left_the_window() {
    let clock = ManualClock::new();
    let breaker = small(&clock).build().unwrap();
    say(&breaker, Outcome::Success, 6);
    clock.advance(ms(5_000));
    say(&breaker, Outcome::Failure, 3);
    say(&breaker, Outcome::Success, 1);
    clock.advance(ms(5_000));
    assert_eq!(breaker.state(), State::Closed);
    say(&breaker, Outcome::Success, 1);
    assert_eq!(breaker.state(), State::Open, "3 of 5 failed");
}
