//! How long a permit is held, and how its call ends.

use super::HeldBody;
use crate::adaptive::Adaptive;
use crate::breaker::{Breaker, State};
use crate::bulkhead::{Bulkhead, Permit};
use crate::fallback::Fallback;
use crate::hedge::Hedge;
use crate::retry::{Http, Jitter, Retry};
use crate::shed::{Priority, Shed};
use crate::testing::{ms, poll, run, wait};
use crate::{Policy, Timing};
use http::Response;
use http_body::{Body, Frame};
use partita_time::ManualClock;
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tower::{Layer, ServiceExt};

/// So many frames, then a fault or the end.
#[derive(Debug)]
pub(super) struct Frames(u8, bool);

impl Body for Frames {
    type Data = bytes::Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, &'static str>>> {
        if self.0 == 0 {
            return Poll::Ready(self.1.then_some(Err("reset")));
        }
        self.0 -= 1;
        Poll::Ready(Some(Ok(Frame::data(bytes::Bytes::from_static(b"x")))))
    }

    fn is_end_stream(&self) -> bool {
        self.0 == 0 && !self.1
    }
}

async fn answered(frames: u8, fails: bool) -> (Bulkhead, HeldBody<Frames, Permit>) {
    let bulkhead = Bulkhead::builder("b").max_concurrent(1).max_wait(Duration::ZERO).build().unwrap();
    let service = tower::service_fn(move |()| async move { Ok::<_, Infallible>(Response::new(Frames(frames, fails))) });
    let response = bulkhead.body_layer().layer(service).oneshot(()).await.unwrap();
    (bulkhead, response.into_body())
}

pub(super) fn next<B: Body>(body: &mut Pin<&mut B>) -> Option<bool> {
    match body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(frame) => frame.map(|frame| frame.is_ok()),
        Poll::Pending => panic!("these frames are always there"),
    }
}

#[tokio::test]
async fn a_permit_is_held_until_the_last_frame() {
    let (bulkhead, body) = answered(2, false).await;
    let mut body = pin!(body);
    assert_eq!(bulkhead.snapshot().active, 1);
    assert_eq!(next(&mut body), Some(true));
    assert!(bulkhead.try_acquire().is_err());
    assert_eq!(next(&mut body), Some(true));
    assert_eq!(bulkhead.snapshot().active, 0);
}

#[tokio::test]
async fn a_body_that_fails_or_is_dropped_gives_its_permit_back() {
    let (bulkhead, body) = answered(1, true).await;
    let mut body = pin!(body);
    assert_eq!((next(&mut body), bulkhead.snapshot().active), (Some(true), 1));
    assert_eq!((next(&mut body), bulkhead.snapshot().active), (Some(false), 0));
    assert_eq!((bulkhead.snapshot().failed, bulkhead.snapshot().completed), (1, 0));
    let (bulkhead, body) = answered(5, false).await;
    assert_eq!(bulkhead.snapshot().active, 1);
    drop(body);
    assert_eq!((bulkhead.snapshot().active, bulkhead.snapshot().completed), (0, 1));
}

#[tokio::test]
async fn an_empty_body_holds_nothing() {
    let (bulkhead, _body) = answered(0, false).await;
    assert_eq!(bulkhead.snapshot().active, 0);
}

#[tokio::test]
async fn a_request_that_fails_or_is_dropped_is_not_counted_as_completed() {
    let bulkhead = Bulkhead::builder("b").build().unwrap();
    let fails = tower::service_fn(|()| async { Err::<Response<Frames>, _>("down") });
    assert!(bulkhead.body_layer().layer(fails).oneshot(()).await.is_err());
    let hangs = tower::service_fn(|()| std::future::pending::<Result<Response<Frames>, Infallible>>());
    let mut hung = Box::pin(bulkhead.body_layer().layer(hangs).oneshot(()));
    assert!(hung.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(hung);
    let seen = bulkhead.snapshot();
    assert_eq!((seen.active, seen.completed, seen.failed, seen.cancelled), (0, 0, 1, 1));
}

/// Answers with a status, so many frames, and a fault or the end.
pub(super) fn respond(status: u16, frames: u8, fails: bool) -> Response<Frames> {
    Response::builder().status(status).body(Frames(frames, fails)).unwrap()
}

#[test]
fn the_adaptive_limit_learns_from_whole_calls() {
    let clock = ManualClock::new();
    let adaptive = Adaptive::builder("a").initial(1).timing(Timing::manual(&clock, 1)).build().unwrap();
    let service = tower::service_fn(|()| async { Ok::<_, Infallible>(respond(200, 2, false)) });
    let service = adaptive.body_layer().layer(service);
    let body = run(&clock, service.clone().oneshot(())).unwrap().into_body();
    assert_eq!(adaptive.snapshot().in_flight, 1);
    assert!(run(&clock, service.clone().oneshot(())).is_err(), "its only place is taken");
    drop(body);
    assert_eq!(adaptive.snapshot().in_flight, 0);
    for _ in 0..200 {
        let mut body = pin!(run(&clock, service.clone().oneshot(())).unwrap().into_body());
        clock.advance(ms(30));
        while next(&mut body).is_some() {}
    }
    let latency = adaptive.snapshot().latency;
    assert!((ms(28)..ms(32)).contains(&latency), "until the body's end: {latency:?}");
}

#[test]
fn load_shedding_counts_a_call_until_its_body_ends() {
    let clock = ManualClock::new();
    let shed = Shed::builder("s").max_in_flight(1).timing(Timing::manual(&clock, 1)).build().unwrap();
    let service = tower::service_fn(|()| async { Ok::<_, Infallible>(respond(200, 1, false)) });
    let service = shed.body_layer(Priority::Critical).layer(service);
    let body = run(&clock, service.clone().oneshot(())).unwrap();
    assert!(run(&clock, service.clone().oneshot(())).is_err());
    drop(body);
    assert!(run(&clock, service.oneshot(())).is_ok());
}

/// A breaker, a bulkhead and a stack of both on virtual time.
pub(super) struct Parts {
    pub(super) clock: ManualClock,
    breaker: Breaker,
    pub(super) bulkhead: Bulkhead,
}

impl Parts {
    pub(super) fn new() -> Self {
        let clock = ManualClock::new();
        let timing = Timing::manual(&clock, 1);
        let breaker = Breaker::builder("b").min_calls(4).slow_call(ms(100)).open(ms(1_000)).timing(timing.clone());
        let bulkhead =
            Bulkhead::builder("b").max_concurrent(2).max_wait(Duration::ZERO).timing(timing).build().unwrap();
        Self { breaker: breaker.build().unwrap(), bulkhead, clock }
    }

    pub(super) fn policy(&self) -> Policy<Http> {
        let policy = Policy::new("s").breaker(self.breaker.clone()).bulkhead(self.bulkhead.clone());
        let timing = Timing::manual(&self.clock, 1);
        policy.classify(Http::new(timing.clone())).timing(timing)
    }

    /// Calls in the bulkhead, successes and failures of the breaker.
    fn seen(&self) -> (u32, u64, u64) {
        let seen = self.breaker.snapshot();
        (self.bulkhead.snapshot().active, seen.successful, seen.failed)
    }
}

#[test]
fn a_stack_holds_its_permits_until_the_body_ends_and_judges_the_call_then() {
    let parts = Parts::new();
    let service = tower::service_fn(|fails: bool| async move { Ok::<_, Infallible>(respond(200, 2, fails)) });
    let service = parts.policy().build().unwrap().body_layer().layer(service);
    let ask = |fails| run(&parts.clock, service.clone().oneshot(fails)).unwrap().into_body();
    let (mut good, mut bad) = (pin!(ask(false)), pin!(ask(true)));
    assert_eq!(parts.seen(), (2, 0, 0));
    assert!(run(&parts.clock, service.clone().oneshot(false)).is_err(), "no place is free");
    assert_eq!([next(&mut good), next(&mut good)], [Some(true); 2]);
    assert_eq!(parts.seen(), (1, 1, 0));
    assert_eq!([next(&mut bad), next(&mut bad), next(&mut bad)], [Some(true), Some(true), Some(false)]);
    assert_eq!(parts.seen(), (0, 1, 1), "a body that fails is a failure");
    drop(ask(true));
    assert_eq!(parts.seen(), (0, 2, 1), "one that nobody reads ended as its head");
    let mut bad = pin!(ask(true));
    while next(&mut bad) == Some(true) {}
    assert_eq!(parts.breaker.state(), State::Open, "bodies that fail open it");
}

#[test]
fn a_body_that_is_read_slowly_is_no_slow_call_and_a_probe_is_judged_by_its_head() {
    let parts = Parts::new();
    let service = tower::service_fn(|()| async { Ok::<_, Infallible>(respond(200, 1, false)) });
    let service = parts.policy().build().unwrap().body_layer().layer(service);
    let ask = || run(&parts.clock, service.clone().oneshot(())).unwrap().into_body();
    let body = ask();
    parts.clock.advance(ms(5_000));
    drop(body);
    let seen = parts.breaker.snapshot();
    assert_eq!((seen.successful, seen.slow), (1, 0));
    (0..3).for_each(|_| parts.breaker.admit().unwrap().record(crate::Outcome::Failure));
    parts.clock.advance(ms(2_000));
    assert_eq!(parts.breaker.state(), State::HalfOpen);
    let _long = ask();
    assert_eq!(parts.seen(), (1, 2, 3), "its place is taken, its probe is not");
}

#[test]
fn attempts_that_are_given_up_hold_nothing_and_a_failed_head_is_known_at_once() {
    let parts = Parts::new();
    let retry = Retry::builder("r").initial(ms(10)).jitter(Jitter::None);
    let stack = parts.policy().retry(retry).idempotent().build().unwrap();
    let status = |n| if n < 3 { 503 } else { 200 };
    let service = tower::service_fn(move |()| {
        let number = crate::deadline::Context::current().number();
        async move { Ok::<_, Infallible>(respond(status(number), 2, false)) }
    });
    let response = run(&parts.clock, stack.body_layer().layer(service).oneshot(())).unwrap();
    assert_eq!((response.status().as_u16(), parts.seen()), (200, (1, 0, 2)));
    drop(response);
    assert_eq!(parts.seen(), (0, 1, 2));
    let service = tower::service_fn(|()| async { Ok::<_, Infallible>(respond(503, 2, false)) });
    let _failed = run(&parts.clock, parts.policy().build().unwrap().body_layer().layer(service).oneshot(()));
    assert_eq!(parts.seen(), (1, 1, 3), "before its body ends");
}

#[test]
fn a_hedge_that_lost_holds_nothing_and_the_winners_body_is_whole() {
    let parts = Parts::new();
    let stack = parts.policy().hedge(Hedge::builder("h").delay(ms(10))).idempotent().build().unwrap();
    let clock = parts.clock.clone();
    let service = tower::service_fn(move |()| {
        let (clock, number) = (clock.clone(), crate::deadline::Context::current().number());
        async move {
            wait(&clock, if number == 1 { 90 } else { 20 }).await;
            Ok::<_, Infallible>(respond(200, 2, false))
        }
    });
    let response = run(&parts.clock, stack.body_layer().layer(service).oneshot(())).unwrap();
    assert_eq!(parts.seen(), (1, 0, 0));
    let mut body = pin!(response.into_body());
    assert_eq!([next(&mut body), next(&mut body), next(&mut body)], [Some(true), Some(true), None]);
    assert_eq!(parts.seen(), (0, 1, 0));
}

#[test]
fn a_request_dropped_before_its_head_holds_nothing() {
    let parts = Parts::new();
    let adaptive = Adaptive::builder("a").timing(Timing::manual(&parts.clock, 1)).build().unwrap();
    let hangs = || tower::service_fn(|()| std::future::pending::<Result<Response<Frames>, Infallible>>());
    let mut stacked = Box::pin(parts.policy().build().unwrap().body_layer().layer(hangs()).oneshot(()));
    let mut alone = Box::pin(adaptive.body_layer().layer(hangs()).oneshot(()));
    assert!(poll(stacked.as_mut()).is_pending() && poll(alone.as_mut()).is_pending());
    assert_eq!((parts.seen(), adaptive.snapshot().in_flight), ((1, 0, 0), 1));
    drop((stacked, alone));
    assert_eq!((parts.seen(), adaptive.snapshot().in_flight), ((0, 0, 0), 0));
    assert_eq!(parts.bulkhead.snapshot().cancelled, 1);
}

#[test]
fn a_second_answer_holds_nothing() {
    let parts = Parts::new();
    let stack = parts.policy().fallback(Fallback::builder("f")).build().unwrap();
    let service = tower::service_fn(|()| async { Err::<Response<Frames>, _>("down") });
    let second = |(): &()| |_: Option<&crate::Error<&'static str>>| async { Ok(respond(200, 2, false)) };
    let response = run(&parts.clock, stack.body_layer(second).layer(service).oneshot(())).unwrap();
    let mut body = pin!(response.into_body());
    assert_eq!((next(&mut body), parts.seen()), (Some(true), (0, 0, 1)));
}

#[test]
fn a_bad_answer_gives_its_place_back_before_the_second_is_made() {
    let parts = Parts::new();
    let stack = parts.policy().fallback(Fallback::builder("f")).build().unwrap();
    let service = tower::service_fn(|()| async { Ok::<_, ()>(respond(503, 2, false)) });
    let bulkhead = parts.bulkhead.clone();
    let second = move |(): &()| {
        let bulkhead = bulkhead.clone();
        move |_: Option<&crate::Error<()>>| {
            assert_eq!((bulkhead.snapshot().active, bulkhead.snapshot().failed), (0, 1));
            std::future::ready(Err(()))
        }
    };
    let response = run(&parts.clock, stack.body_layer(second).layer(service).oneshot(())).unwrap();
    assert_eq!((response.status().as_u16(), parts.seen()), (503, (0, 0, 1)), "handed out, and holds none");
}

#[test]
fn an_outage_of_500_opens_the_stacks_breaker_is_not_retried_and_has_a_second_answer() {
    let clock = ManualClock::new();
    let timing = Timing::manual(&clock, 1);
    let breaker = Breaker::builder("b").min_calls(4).timing(timing.clone()).build().unwrap();
    let stack = Policy::new("s").classify(Http::new(timing.clone())).fallback(Fallback::builder("shelf"));
    let stack = stack.retry(Retry::builder("r").jitter(Jitter::None)).idempotent().breaker(breaker.clone());
    let stack = stack.timing(timing).build().unwrap();
    let (made, served) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let answer = |status| std::future::ready(Response::builder().status(status).body(()).map_err(drop));
    for calls in 1..=8 {
        let work = |_| {
            made.set(made.get() + 1);
            answer(500)
        };
        let second = |_: Option<&crate::Error<()>>| {
            served.set(served.get() + 1);
            answer(203)
        };
        assert_eq!(run(&clock, stack.call_or(work, second)).unwrap().status(), 203);
        assert_eq!(made.get(), calls.min(4), "none is made again");
    }
    assert_eq!((made.get(), served.get(), breaker.state(), breaker.snapshot().failed), (4, 8, State::Open, 4));
}

#[test]
fn streams_that_have_begun_are_not_stuck_and_calls_without_a_head_are() {
    let clock = ManualClock::new();
    let timing = Timing::manual(&clock, 1);
    let breaker = Breaker::builder("b").min_calls(4).slow_call(ms(100)).slow_rate(0.3).stuck(10);
    let breaker = breaker.timing(timing.clone()).build().unwrap();
    let stack = Policy::new("s").breaker(breaker.clone()).timing(timing).build().unwrap();
    let streams = tower::service_fn(|()| async { Ok::<_, Infallible>(respond(200, 1, false)) });
    let streams = stack.body_layer().layer(streams);
    let hung = tower::service_fn(|()| std::future::pending::<Result<Response<Frames>, Infallible>>());
    let hung = stack.body_layer().layer(hung);
    let ask = |_| run(&clock, streams.clone().oneshot(())).unwrap().into_body();
    let bodies: Vec<_> = (0..20).map(ask).collect();
    let look = || {
        clock.advance(ms(2_000));
        breaker.admit().map(|permit| permit.record(crate::Outcome::Ignored)).is_ok() && breaker.state() == State::Closed
    };
    assert!(look(), "they are only read slowly");
    drop(bodies);
    let mut calls: Vec<_> = (0..10).map(|_| Box::pin(hung.clone().oneshot(()))).collect();
    assert!(calls.iter_mut().all(|call| poll(call.as_mut()).is_pending()));
    assert!(!look(), "an end is counted once, so that these ten stand out");
}
