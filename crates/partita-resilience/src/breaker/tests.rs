//! Defaults, events, the layer and keyed breakers; what breakers commonly get wrong is tested in `tests/pitfalls_breaker.rs`.

use super::{Breaker, BreakerLayer, Builder, State};
use crate::keyed::{Bounds, Keyed};
use crate::testing::{Heard, listening, ms, poll, run};
use crate::{Error, EventKind, Limit, Outcome, PolicyKind, Reason, Timing, WindowView};
use partita_time::{Clock, ManualClock};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tower::{Layer, Service, ServiceExt};

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn plain(clock: &ManualClock) -> Builder {
    Breaker::builder("b").timing(Timing::manual(clock, 1))
}

fn say(breaker: &Breaker, outcome: Outcome, times: usize) {
    for _ in 0..times {
        breaker.admit().unwrap().record(outcome);
    }
}

fn open_time(breaker: &Breaker) -> Duration {
    breaker.snapshot().retry_after.unwrap()
}

/// So many calls at once, all of which take so long.
fn take(clock: &ManualClock, breaker: &Breaker, calls: usize, each: Duration) {
    let permits: Vec<_> = (0..calls).map(|_| breaker.admit().unwrap()).collect();
    clock.advance(each);
    permits.into_iter().for_each(|permit| permit.record(Outcome::Success));
}

/// What a listener hears, as text.
fn hearing(builder: Builder) -> (Breaker, Heard) {
    let (listener, heard) = listening();
    (builder.listener(listener).build().unwrap(), heard)
}

#[test]
fn by_default_half_of_twenty_calls_trip_it_and_failures_in_a_row_do_not() {
    let clock = ManualClock::new();
    let breaker = plain(&clock).build().unwrap();
    say(&breaker, Outcome::Failure, 19);
    assert_eq!(breaker.state(), State::Closed);
    say(&breaker, Outcome::Failure, 1);
    assert_eq!(breaker.state(), State::Open);
    let breaker = plain(&clock).build().unwrap();
    say(&breaker, Outcome::Success, 100);
    say(&breaker, Outcome::Failure, 99);
    assert_eq!((breaker.state(), breaker.snapshot().consecutive_failures), (State::Closed, 99));
}

#[test]
fn by_default_four_of_five_calls_of_a_second_trip_it() {
    let clock = ManualClock::new();
    let breaker = plain(&clock).build().unwrap();
    take(&clock, &breaker, 100, ms(999));
    assert_eq!(breaker.state(), State::Closed);
    clock.advance(secs(10));
    say(&breaker, Outcome::Success, 4);
    take(&clock, &breaker, 15, secs(1));
    assert_eq!(breaker.state(), State::Closed, "15 of 19");
    take(&clock, &breaker, 1, secs(1));
    assert_eq!(breaker.state(), State::Open, "16 of 20");
}

#[test]
fn by_default_it_opens_for_about_30_s_and_for_5_min_at_most() {
    let clock = ManualClock::new();
    let waits: Vec<u128> = (0..200)
        .map(|seed| {
            let breaker = plain(&clock).timing(Timing::manual(&clock, seed)).min_calls(1).build().unwrap();
            say(&breaker, Outcome::Failure, 1);
            open_time(&breaker).as_millis()
        })
        .collect();
    let (least, most) = (*waits.iter().min().unwrap(), *waits.iter().max().unwrap());
    assert!((22_500..23_000).contains(&least) && (37_000..=37_500).contains(&most), "{least} to {most}");
    let breaker = plain(&clock).min_calls(1).open_jitter(0.0).build().unwrap();
    let mut waits = Vec::new();
    for _ in 0..6 {
        say(&breaker, Outcome::Failure, 1);
        waits.push(open_time(&breaker).as_secs());
        clock.advance(open_time(&breaker));
    }
    assert_eq!(waits, [30, 60, 120, 240, 300, 300]);
}

#[test]
fn a_dependencys_word_holds_it_open_for_a_day_at_most() {
    let clock = ManualClock::new();
    let breaker = plain(&clock).min_calls(1).build().unwrap();
    say(&breaker, Outcome::Overloaded { retry_after: Some(secs(1_000_000)) }, 1);
    assert_eq!(open_time(&breaker), secs(86_400));
}

#[test]
fn a_probe_has_the_time_of_a_call_and_half_open_a_minute_or_twice_that() {
    for (limit, lease, most) in
        [(None, secs(60), secs(60)), (Some(secs(4)), secs(4), secs(60)), (Some(secs(40)), secs(40), secs(80))]
    {
        let half_open = || {
            let clock = ManualClock::new();
            let builder = plain(&clock).min_calls(1).open_jitter(0.0).window(secs(80)).no_slow_calls();
            let breaker = limit.into_iter().fold(builder, Builder::call_timeout).build().unwrap();
            say(&breaker, Outcome::Failure, 1);
            clock.advance(secs(30));
            (clock, breaker)
        };
        let (clock, breaker) = half_open();
        let _hung = breaker.admit().unwrap();
        clock.advance(lease - ms(1));
        assert_eq!(breaker.state(), State::HalfOpen);
        clock.advance(ms(1));
        assert_eq!((breaker.state(), breaker.snapshot().since), (State::Open, secs(30) + lease));
        let (clock, breaker) = half_open();
        drop(breaker.admit().unwrap());
        clock.advance(most - ms(1));
        assert_eq!(breaker.state(), State::HalfOpen);
        clock.advance(ms(1));
        assert_eq!((breaker.state(), breaker.snapshot().since), (State::Open, secs(30) + most));
    }
}

#[test]
fn a_change_of_state_is_told_with_its_reason_and_the_window_that_it_was_judged_by() {
    let clock = ManualClock::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let listener = move |event: &crate::Event<'_>| {
        if let EventKind::StateChanged { from, to, reason, window } = event.kind {
            assert_eq!((event.policy, event.name), (PolicyKind::Breaker, "b"));
            told.lock().unwrap().push((event.at(), [from, to, reason], *window));
        }
    };
    let breaker = plain(&clock).min_calls(4).open_jitter(0.0).listener(listener).build().unwrap();
    clock.advance(ms(2_500));
    say(&breaker, Outcome::Success, 2);
    take(&clock, &breaker, 1, secs(1));
    say(&breaker, Outcome::Failure, 3);
    clock.advance(secs(30));
    say(&breaker, Outcome::Failure, 1);
    breaker.close();
    say(&breaker, Outcome::Success, 5);
    breaker.force_open();
    let window = |total, failed, slow, reach| WindowView { total, failed, slow, reach: Some(ms(reach)) };
    let told = [
        (ms(3_500), ["closed", "open", "failure_rate"], window(6, 3, 1, 3_500)),
        (ms(33_500), ["open", "half_open", "wait_over"], window(0, 0, 0, 9_500)),
        (ms(33_500), ["half_open", "open", "probe_failed"], window(0, 0, 0, 9_500)),
        (ms(33_500), ["open", "closed", "operator"], window(0, 0, 0, 9_500)),
        (ms(33_500), ["closed", "forced_open", "operator"], window(5, 0, 0, 9_500)),
    ];
    assert_eq!(*seen.lock().unwrap(), told);
}

#[test]
fn one_that_only_watches_tells_what_it_would_have_done_and_from_which_window() {
    let clock = ManualClock::new();
    let (breaker, heard) = hearing(plain(&clock).min_calls(2));
    breaker.watch_only();
    clock.advance(ms(7));
    say(&breaker, Outcome::Failure, 2);
    let window = "window: WindowView { total: 2, failed: 2, slow: 0, reach: Some(7ms) }";
    let told = format!(r#"7ms WouldChange {{ from: "closed", to: "open", reason: "failure_rate", {window} }}"#);
    assert_eq!(heard.lock().unwrap()[1..], [told]);
}

#[test]
fn a_listener_hears_rejections_and_a_tracing_one_each_healthy_call_too() {
    let clock = ManualClock::new();
    let (breaker, heard) = hearing(plain(&clock).min_calls(2));
    say(&breaker, Outcome::Success, 1);
    assert!(heard.lock().unwrap().is_empty());
    breaker.force_open();
    assert!(breaker.admit().is_err() && breaker.admit_owned().is_err());
    let rejected = "0ns Rejected { reason: ForcedOpen, retry_after: None }";
    assert_eq!(heard.lock().unwrap()[1..], [rejected, rejected]);
    breaker.close();
    say(&breaker, Outcome::Failure, 2);
    assert!(breaker.admit().is_err());
    assert!(heard.lock().unwrap().last().unwrap().starts_with("0ns Rejected { reason: Open, retry_after: Some("));

    let all = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&all);
    let listener = move |event: &crate::Event<'_>| seen.lock().unwrap().push(event.kind.as_str());
    let breaker = plain(&clock).tracing_listener(listener).build().unwrap();
    say(&breaker, Outcome::Success, 1);
    drop(breaker.admit_owned().unwrap());
    assert_eq!(*all.lock().unwrap(), ["admitted", "ended", "admitted", "ended"]);
}

#[test]
fn who_is_not_let_into_a_ramp_is_told_when_it_ends() {
    let clock = ManualClock::new();
    let builder = plain(&clock).min_calls(1).open_jitter(0.0).half_open_successes(1).ramp(secs(5));
    let breaker = builder.build().unwrap();
    say(&breaker, Outcome::Failure, 1);
    clock.advance(secs(30));
    say(&breaker, Outcome::Success, 1);
    clock.advance(secs(1));
    let refused = (0..10).find_map(|_| breaker.admit().err()).unwrap();
    assert_eq!((refused.reason, refused.retry_after), (Reason::Ramping, Some(secs(4))));
}

#[test]
fn a_fallback_answers_the_calls_own_error_too() {
    let clock = ManualClock::new();
    let breaker = plain(&clock).build().unwrap();
    let second = breaker.call_or(
        || async { Err(7) },
        |cause| {
            assert_eq!(*cause, Error::Inner(7));
            async { Ok::<_, i32>(2) }
        },
    );
    assert_eq!(run(&clock, second), Ok(2));
    assert_eq!(breaker.snapshot().failed, 1);
}

#[test]
fn a_call_past_its_own_timeout_fails_behind_a_layer_too() {
    let clock = ManualClock::new();
    let breaker = plain(&clock).call_timeout(secs(2)).build().unwrap();
    let hangs = tower::service_fn(|()| std::future::pending::<Result<(), Infallible>>());
    let end = run(&clock, BreakerLayer::new(breaker.clone()).layer(hangs).oneshot(()));
    assert_eq!(end, Err(Error::TimedOut { after: secs(2), which: Limit::Call }));
    assert_eq!((breaker.snapshot().failed, clock.elapsed()), (1, secs(2)));
}

/// Never ready, as a pool without a connection.
#[derive(Clone)]
struct Unready;

impl Service<()> for Unready {
    type Response = ();
    type Error = Infallible;
    type Future = std::future::Ready<Result<(), Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Pending
    }

    fn call(&mut self, (): ()) -> Self::Future {
        panic!("called unready")
    }
}

#[test]
fn an_open_breaker_refuses_at_once_though_the_service_beneath_is_not_ready() {
    let clock = ManualClock::new();
    let breaker = plain(&clock).min_calls(1).build().unwrap();
    let mut service = BreakerLayer::new(breaker.clone()).layer(Unready);
    assert!(poll(pin!(service.ready())).is_pending());
    say(&breaker, Outcome::Failure, 1);
    assert!(service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
    let refused = run(&clock, service.call(())).unwrap_err();
    assert_eq!((refused.rejected().unwrap().reason, refused.retry_after()), (Reason::Open, Some(open_time(&breaker))));
    assert_eq!(breaker.snapshot().rejected, 1);
}

#[test]
fn the_window_of_a_key_slides_by_eighths() {
    let tripped = |last: u64| {
        let clock = ManualClock::new();
        let breakers: Keyed<String, Breaker> = plain(&clock).min_calls(2).build_keyed(Bounds::default()).unwrap();
        for at in [1_300, last] {
            clock.advance_to(ms(at));
            say(&breakers.get("a"), Outcome::Failure, 1);
        }
        breakers.get("a").state() == State::Open
    };
    assert_eq!([tripped(11_249), tripped(11_250)], [true, false]);
}

#[test]
fn the_breaker_of_a_key_is_not_forgotten_while_it_is_open_or_forced() {
    type Act = fn(&Breaker);
    let [open, forced, closed]: [Act; 3] = [|breaker| say(breaker, Outcome::Failure, 1), Breaker::force_open, |_| ()];
    for (act, stays) in [(open, true), (forced, true), (closed, false)] {
        let clock = ManualClock::new();
        let bounds = Bounds { capacity: 1, ttl: secs(1) };
        let breakers: Keyed<String, Breaker> = plain(&clock).min_calls(1).build_keyed(bounds).unwrap();
        act(&breakers.get("a"));
        clock.advance(secs(20));
        assert_eq!(&**breakers.get("b").name(), if stays { "b/*" } else { "b/b" });
        assert_eq!(breakers.get("a").admit().is_err(), stays);
    }
}

#[test]
fn times_without_end_are_long_ones() {
    let (clock, year) = (ManualClock::new(), secs(365 * 86_400));
    clock.advance(secs(1));
    let open = plain(&clock).min_calls(1).open(Duration::MAX).build().unwrap();
    say(&open, Outcome::Failure, 1);
    let endless = plain(&clock).min_calls(1).open(ms(1)).half_open_calls(1).half_open_successes(1);
    let endless = endless.half_open_max(Duration::MAX).ramp(Duration::MAX).build().unwrap();
    say(&endless, Outcome::Failure, 1);
    clock.advance(ms(2));
    let probe = endless.admit().unwrap();
    clock.advance(year);
    assert_eq!([open.state(), endless.state()], [State::Open, State::HalfOpen]);
    probe.record(Outcome::Ignored);
    say(&endless, Outcome::Success, 1);
    clock.advance(year);
    assert_eq!(endless.state(), State::Ramp);
    let limits = || plain(&clock).slow_call(Duration::MAX).call_timeout(Duration::MAX).stuck(1);
    assert_eq!(limits().build().unwrap_err().option, "stuck");
    assert!(limits().window(Duration::MAX).build().unwrap().admit().is_ok());
    assert!(limits().window_calls(9).build().unwrap().admit().is_ok());
}

#[test]
fn work_that_runs_into_the_call_timeout_is_dropped_though_its_future_is_kept() {
    let clock = ManualClock::new();
    let breaker = plain(&clock).call_timeout(ms(50)).build().unwrap();
    let work = Arc::new(());
    let held = Arc::clone(&work);
    let hang = tower::service_fn(move |(): ()| {
        let held = Arc::clone(&held);
        async move {
            let _held = held;
            std::future::pending::<Result<(), ()>>().await
        }
    });
    let mut service = BreakerLayer::new(breaker).layer(hang);
    let mut call = Box::pin(run(&clock, service.ready()).unwrap().call(()));
    assert!(matches!(run(&clock, call.as_mut()), Err(Error::TimedOut { which: Limit::Call, .. })));
    assert_eq!(Arc::strong_count(&work), 2, "the service's and this");
}

#[test]
fn a_listener_that_panics_keeps_no_probe() {
    let clock = ManualClock::new();
    let panics = Arc::new(Mutex::new(false));
    let now = Arc::clone(&panics);
    let builder = plain(&clock).min_calls(1).half_open_calls(1).tracing_listener(move |event| {
        let panics = *now.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        assert!(!(panics && matches!(event.kind, EventKind::Admitted)), "told");
    });
    let breaker = builder.build().unwrap();
    say(&breaker, Outcome::Failure, 1);
    clock.advance(secs(60));
    *panics.lock().unwrap() = true;
    let admit = || drop(breaker.admit());
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(admit)).is_err());
    *panics.lock().unwrap() = false;
    assert!(breaker.admit().is_ok(), "the place is free");
}

#[test]
fn calls_of_an_older_state_hide_no_stuck_call_and_make_none() {
    let clock = ManualClock::new();
    let breaker = plain(&clock).min_calls(2).slow_call(ms(100)).stuck(2).build().unwrap();
    let look = || {
        clock.advance(secs(3));
        drop(breaker.admit());
        let state = breaker.state();
        breaker.close();
        state
    };
    let old = breaker.admit().unwrap();
    breaker.close();
    let [ends, _hangs] = [breaker.admit().unwrap(), breaker.admit().unwrap()];
    ends.record(Outcome::Ignored);
    old.record(Outcome::Ignored);
    assert_eq!(look(), State::Closed, "one hangs");

    let mut waits = breaker.admit().unwrap();
    waits.waits();
    breaker.close();
    let _hang = [breaker.admit().unwrap(), breaker.admit().unwrap()];
    waits.begins();
    assert_eq!(look(), State::Open, "two hang");
}
