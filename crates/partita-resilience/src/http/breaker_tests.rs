//! Breakers whose calls last as long as bodies.

use super::tests::{Frames, next, respond};
use crate::breaker::{Breaker, BreakerLayer, Builder, State};
use crate::keyed::Bounds;
use crate::testing::{ms, run};
use crate::{Error, Limit, Outcome, Reason, Timing};
use http::Response;
use http_body::Body;
use partita_time::ManualClock;
use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tower::{Layer, ServiceExt, service_fn};

fn builder(clock: &ManualClock) -> Builder {
    let builder = Breaker::builder("b").min_calls(4).slow_call(ms(100)).open(ms(1_000)).open_jitter(0.0);
    builder
        .half_open_calls(1)
        .half_open_successes(1)
        .half_open_max(ms(5_000))
        .ramp(ms(0))
        .timing(Timing::manual(clock, 1))
}

/// Successes, failures and slow calls so far.
fn seen(breaker: &Breaker) -> (u64, u64, u64) {
    let seen = breaker.snapshot();
    (seen.successful, seen.failed, seen.slow)
}

/// A breaker's layer over responses of two frames, which end well or badly.
macro_rules! ask {
    ($clock:expr, $layer:expr, $fails:expr) => {
        run(
            $clock,
            $layer
                .layer(service_fn(|fails| async move { Ok::<_, Infallible>(respond(200, 2, fails)) }))
                .oneshot($fails),
        )
    };
}

fn read<B: Body>(body: B) -> Vec<bool> {
    let mut body = pin!(body);
    let mut frames = Vec::new();
    while frames.last() != Some(&false)
        && let Some(good) = next(&mut body)
    {
        frames.push(good);
    }
    frames
}

#[test]
fn the_end_of_a_body_decides_how_its_call_ended() {
    let clock = ManualClock::new();
    let breaker = builder(&clock).min_calls(3).build().unwrap();
    let ask = |fails| ask!(&clock, breaker.body_layer(), fails).unwrap().into_body();
    let (good, bad) = (ask(false), ask(true));
    assert_eq!(seen(&breaker), (0, 0, 0), "nothing is known before");
    assert_eq!((read(good), seen(&breaker)), (vec![true; 2], (1, 0, 0)));
    assert_eq!((read(bad), seen(&breaker)), (vec![true, true, false], (1, 1, 0)));
    drop(ask(false));
    assert_eq!((breaker.snapshot().total, breaker.state()), (2, State::Closed), "cancelled: it counts neither way");
    read(ask(true));
    assert_eq!(breaker.state(), State::Open, "bodies that fail open it");
    assert_eq!(ask!(&clock, breaker.body_layer(), false).unwrap_err().rejected().unwrap().reason, Reason::Open);
}

#[test]
fn a_slow_body_is_a_slow_call_also_when_it_is_dropped() {
    let clock = ManualClock::new();
    let breaker = builder(&clock).build().unwrap();
    for dropped in [false, true] {
        let body = ask!(&clock, breaker.body_layer(), false).unwrap().into_body();
        clock.advance(ms(100));
        if dropped { drop(body) } else { assert_eq!(read(body).len(), 2) }
    }
    let seen = breaker.snapshot();
    assert_eq!((seen.slow, seen.successful, seen.total), (2, 1, 2));
}

#[test]
fn a_probes_lease_is_held_until_its_body_ends() {
    let clock = ManualClock::new();
    let breaker = builder(&clock).build().unwrap();
    let trip = || (0..4).for_each(|_| drop(breaker.admit().map(|permit| permit.record(Outcome::Failure))));
    let probe = |fails| ask!(&clock, breaker.body_layer(), fails).map(Response::into_body);
    trip();
    clock.advance(ms(1_000));
    let body = probe(false).unwrap();
    assert_eq!(probe(false).unwrap_err().rejected().unwrap().reason, Reason::ProbesTaken);
    drop(body);
    let body = probe(false).unwrap();
    assert_eq!(breaker.state(), State::HalfOpen, "a dropped one decides nothing and gives its place back");
    read(body);
    assert_eq!(breaker.state(), State::Closed);
    trip();
    clock.advance(ms(1_000));
    read(probe(true).unwrap());
    assert_eq!(breaker.state(), State::Open, "a probe whose body fails");
    clock.advance(ms(2_000));
    let _stalls = probe(false).unwrap();
    clock.advance(ms(5_000));
    assert_eq!(breaker.state(), State::Open, "one whose body does not end in the probe's time");
    assert_eq!(breaker.snapshot().opened_count, 4);
}

#[test]
fn a_bad_head_decides_at_once_and_an_empty_body_ends_with_it() {
    let clock = ManualClock::new();
    let breaker = builder(&clock).build().unwrap();
    let judge = |end: Result<&Response<Frames>, &Infallible>| match end {
        Ok(response) if response.status() == 200 => Outcome::Success,
        _ => Outcome::Failure,
    };
    let layer = BreakerLayer::with(breaker.clone(), judge).until_body_ends();
    let service = service_fn(|(status, frames)| async move { Ok::<_, Infallible>(respond(status, frames, false)) });
    let _failed = run(&clock, layer.layer(service).oneshot((503, 2))).unwrap();
    assert_eq!(seen(&breaker), (0, 1, 0));
    let _empty = run(&clock, layer.layer(service).oneshot((200, 0))).unwrap();
    assert_eq!(seen(&breaker), (1, 1, 0));
}

#[test]
fn a_call_timeout_holds_until_the_body_ends() {
    let clock = ManualClock::new();
    let breaker = builder(&clock).call_timeout(ms(50)).build().unwrap();
    let long = service_fn(|()| async { Ok::<_, Infallible>(respond(200, 9, false)) });
    let mut body = pin!(run(&clock, breaker.body_layer().layer(long).oneshot(())).unwrap().into_body());
    assert_eq!(next(&mut body), Some(true));
    clock.advance(ms(50));
    let end = body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(Some(Err(Error::TimedOut { after, which }))) = end else { panic!("{end:?}") };
    assert_eq!((after, which, seen(&breaker)), (ms(50), Limit::Call, (0, 1, 0)));
    assert_eq!(next(&mut body), None);
}

#[test]
fn keyed_breakers_hold_their_permits_until_bodies_end_too() {
    let clock = ManualClock::new();
    let breakers = builder(&clock).min_calls(2).build_keyed::<bool>(Bounds::default()).unwrap();
    let ask = |fails| ask!(&clock, breakers.body_layer(|fails: &bool| *fails), fails).unwrap().into_body();
    let bodies = [ask(true), ask(true), ask(false)];
    assert_eq!(breakers.get(&true).state(), State::Closed);
    bodies.into_iter().for_each(|body| drop(read(body)));
    assert_eq!([true, false].map(|key| breakers.get(&key).state()), [State::Open, State::Closed]);
}

#[test]
fn a_body_that_panics_is_a_failure() {
    struct Panics;
    impl Body for Panics {
        type Data = bytes::Bytes;
        type Error = Infallible;
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<http_body::Frame<Self::Data>, Infallible>>> {
            panic!("a broken decoder")
        }
    }
    let clock = ManualClock::new();
    let breaker = builder(&clock).build().unwrap();
    let service = service_fn(|()| async { Ok::<_, Infallible>(Response::new(Panics)) });
    let body = run(&clock, breaker.body_layer().layer(service).oneshot(())).unwrap().into_body();
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read(body))).is_err());
    assert_eq!(seen(&breaker), (0, 1, 0));
}
