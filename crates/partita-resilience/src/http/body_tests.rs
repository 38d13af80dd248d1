//! Bodies that do not know their end before it comes, and what is told of ends.

use super::tests::{Frames, Parts, next, respond};
use crate::breaker::Breaker;
use crate::bulkhead::Bulkhead;
use crate::testing::{ms, run, wait};
use crate::timeout::Timeout;
use crate::{EventKind, Timing};
use http::Response;
use http_body::{Body, Frame};
use partita_time::ManualClock;
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use tower::{Layer, ServiceExt, service_fn};

/// Frames whose end is not known before it is asked for.
struct Blind(Frames);

impl Body for Blind {
    type Data = bytes::Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, &'static str>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }
}

/// The body of one frame that does not know its end, through a layer.
macro_rules! blind {
    ($clock:expr, $layer:expr) => {{
        let service = service_fn(|()| async { Ok::<_, Infallible>(respond(200, 1, false).map(Blind)) });
        run($clock, $layer.layer(service).oneshot(())).unwrap().into_body()
    }};
}

#[test]
fn the_end_of_a_body_that_does_not_know_it_before_ends_the_call_though_the_body_is_kept() {
    let clock = ManualClock::new();
    let timing = || Timing::manual(&clock, 1);
    let bulkhead = Bulkhead::builder("b").timing(timing()).build().unwrap();
    let breaker = Breaker::builder("b").timing(timing()).build().unwrap();
    let timeout = Timeout::builder("t").timing(timing()).build().unwrap();
    let mut held = pin!(blind!(&clock, bulkhead.body_layer()));
    let mut judged = pin!(blind!(&clock, breaker.body_layer()));
    let mut limited = pin!(blind!(&clock, timeout.body_layer()));
    let seen = || (bulkhead.snapshot().active, breaker.snapshot().successful, timeout.snapshot().in_time);
    assert_eq!([next(&mut held), next(&mut judged), next(&mut limited)], [Some(true); 3]);
    assert_eq!(seen(), (1, 0, 0));
    assert_eq!([next(&mut held), next(&mut judged), next(&mut limited)], [None; 3]);
    assert_eq!(seen(), (0, 1, 1));
}

#[test]
fn a_body_that_fails_makes_no_failure_of_a_head_that_counted_neither_way() {
    let parts = Parts::new();
    let service = service_fn(|()| async { Ok::<_, Infallible>(respond(404, 1, true)) });
    let service = parts.policy().build().unwrap().body_layer().layer(service);
    let mut body = pin!(run(&parts.clock, service.oneshot(())).unwrap().into_body());
    assert_eq!([next(&mut body), next(&mut body)], [Some(true), Some(false)]);
    let seen = parts.bulkhead.snapshot();
    assert_eq!((seen.active, seen.completed, seen.failed), (0, 1, 0));
}

#[test]
fn a_call_timeout_that_cuts_a_body_is_told_once() {
    let clock = ManualClock::new();
    let told = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&told);
    let breaker = Breaker::builder("b").call_timeout(ms(50)).timing(Timing::manual(&clock, 1)).listener(move |event| {
        count.fetch_add(u32::from(matches!(event.kind, EventKind::TimedOut { .. })), Ordering::Relaxed);
    });
    let breaker = breaker.build().unwrap();
    let long = service_fn(|()| async { Ok::<_, Infallible>(respond(200, 9, false)) });
    let mut body = pin!(run(&clock, breaker.body_layer().layer(long).oneshot(())).unwrap().into_body());
    clock.advance(ms(50));
    assert_eq!([next(&mut body), next(&mut body)], [Some(false), None]);
    assert_eq!(told.load(Ordering::Relaxed), 1);
}

#[test]
fn how_long_a_body_took_that_failed_is_not_observed() {
    let clock = ManualClock::new();
    let timeout = Timeout::builder("t").adaptive(ms(1), ms(1_000)).min_samples(2).timing(Timing::manual(&clock, 1));
    let timeout = timeout.build().unwrap();
    let ask = |fails| {
        let service = service_fn(move |()| async move { Ok::<Response<Frames>, Infallible>(respond(200, 1, fails)) });
        let mut body = pin!(run(&clock, timeout.body_layer().layer(service).oneshot(())).unwrap().into_body());
        clock.advance(ms(40));
        while next(&mut body) == Some(true) {}
    };
    (0..4).for_each(|_| ask(true));
    clock.advance(ms(200));
    assert_eq!((timeout.snapshot().in_time, timeout.snapshot().observed), (4, None));
    (0..4).for_each(|_| ask(false));
    clock.advance(ms(200));
    assert!(timeout.snapshot().observed.is_some());
}

#[test]
fn the_last_frame_of_a_body_that_knows_its_end_ends_the_call_and_an_empty_one_ends_with_its_head() {
    let clock = ManualClock::new();
    let timeout = Timeout::builder("t").timing(Timing::manual(&clock, 1)).build().unwrap();
    let ask = |frames| {
        let service = service_fn(move |()| async move { Ok::<_, Infallible>(respond(200, frames, false)) });
        run(&clock, timeout.body_layer().layer(service).oneshot(())).unwrap().into_body()
    };
    let _empty = ask(0);
    assert_eq!(timeout.snapshot().in_time, 1);
    let mut body = pin!(ask(1));
    assert_eq!(timeout.snapshot().in_time, 1);
    assert_eq!((next(&mut body), timeout.snapshot().in_time), (Some(true), 2));
}

#[test]
fn a_call_timeout_holds_from_the_begin_of_the_call_and_not_from_that_of_the_body() {
    let clock = ManualClock::new();
    let breaker = Breaker::builder("b").call_timeout(ms(50)).timing(Timing::manual(&clock, 1)).build().unwrap();
    let late = clock.clone();
    let service = service_fn(move |()| {
        let clock = late.clone();
        async move {
            wait(&clock, 30).await;
            Ok::<_, Infallible>(respond(200, 9, false))
        }
    });
    let mut body = pin!(run(&clock, breaker.body_layer().layer(service).oneshot(())).unwrap().into_body());
    clock.advance(ms(19));
    assert_eq!(next(&mut body), Some(true));
    clock.advance(ms(1));
    assert_eq!(next(&mut body), Some(false));
}

#[test]
fn a_body_that_its_reader_drops_counts_as_a_lower_bound() {
    let clock = ManualClock::new();
    let timeout = Timeout::builder("t").adaptive(ms(1), ms(1_000)).min_samples(2).timing(Timing::manual(&clock, 1));
    let timeout = timeout.build().unwrap();
    let service = timeout.body_layer().layer(service_fn(|()| async { Ok::<_, Infallible>(respond(200, 2, false)) }));
    for _ in 0..4 {
        let body = run(&clock, service.clone().oneshot(())).unwrap().into_body();
        clock.advance(ms(40));
        drop(body);
    }
    clock.advance(ms(200));
    assert!(timeout.snapshot().observed.is_some_and(|seen| seen >= ms(38)), "{:?}", timeout.snapshot());
}
