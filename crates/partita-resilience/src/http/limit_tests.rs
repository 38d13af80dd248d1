//! Limits of time that hold until bodies end.

use super::tests::{Frames, next, respond};
use crate::deadline::{Context, Deadline};
use crate::testing::{ms, run, wait};
use crate::timeout::Timeout;
use crate::{Error, Limit, Policy, Timing};
use http::Response;
use http_body::{Body, Frame};
use partita_time::{ManualClock, Sleep};
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::Poll;
use tower::{Layer, ServiceExt, service_fn};

type Task<'a> = std::task::Context<'a>;

/// A frame each 20 ms, without end.
struct Trickles(ManualClock, Option<Sleep>);

impl Body for Trickles {
    type Data = bytes::Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Task<'_>) -> Poll<Option<Result<Frame<Self::Data>, Infallible>>> {
        let clock = self.0.clone();
        let sleep = self.1.get_or_insert_with(|| Box::pin(async move { wait(&clock, 20).await }));
        sleep.as_mut().poll(cx).map(|()| {
            self.1 = None;
            Some(Ok(Frame::data(bytes::Bytes::from_static(b"x"))))
        })
    }
}

/// Frames until the end, and what it is.
async fn read<B: Body>(body: B) -> (usize, Option<B::Error>) {
    let mut body = pin!(body);
    for frames in 0..1_000 {
        match std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
            Some(Ok(_)) => {}
            Some(Err(error)) => return (frames, Some(error)),
            None => return (frames, None),
        }
    }
    (1_000, None)
}

/// A response after 30 ms, whose body trickles.
fn trickling(clock: &ManualClock) -> impl Future<Output = Result<Response<Trickles>, Infallible>> + Send + use<> {
    let clock = clock.clone();
    async move {
        wait(&clock, 30).await;
        Ok(Response::new(Trickles(clock, None)))
    }
}

macro_rules! trickles {
    ($clock:expr) => {{
        let clock = $clock.clone();
        service_fn(move |()| trickling(&clock))
    }};
}

#[test]
fn a_timeout_with_bodies_cuts_one_that_trickles_without_end() {
    let clock = ManualClock::new();
    let timeout = Timeout::builder("t").fixed(ms(100)).timing(Timing::manual(&clock, 1)).build().unwrap();
    let service = timeout.body_layer().layer(trickles!(clock));
    let (frames, end) = run(&clock, async { read(service.oneshot(()).await.unwrap().into_body()).await });
    assert_eq!((frames, end), (3, Some(Error::TimedOut { after: ms(100), which: Limit::Attempt })));
    assert_eq!((timeout.snapshot().timed_out, timeout.snapshot().in_time), (1, 0));
    let service = timeout.layer().layer(trickles!(clock));
    let response = run(&clock, service.oneshot(())).unwrap();
    assert_eq!(run(&clock, read(response.into_body())).0, 1_000, "the other layer's limit ends with the head");
}

#[test]
fn a_stream_that_is_always_ready_is_cut_too() {
    let clock = ManualClock::new();
    let timeout = Timeout::builder("t").fixed(ms(100)).timing(Timing::manual(&clock, 1)).build().unwrap();
    let endless = service_fn(|()| async { Ok::<_, Infallible>(respond(200, 255, false)) });
    let mut body = pin!(run(&clock, timeout.body_layer().layer(endless).oneshot(())).unwrap().into_body());
    assert_eq!(next(&mut body), Some(true));
    clock.advance(ms(100));
    assert_eq!([next(&mut body), next(&mut body)], [Some(false), None]);
}

#[test]
fn a_body_in_time_is_whole_and_what_is_observed_are_whole_calls() {
    let clock = ManualClock::new();
    let timeout = Timeout::builder("t").adaptive(ms(1), ms(1_000)).min_samples(10).timing(Timing::manual(&clock, 1));
    let timeout = timeout.build().unwrap();
    let service = timeout.body_layer().layer(service_fn(|()| async { Ok::<_, Infallible>(respond(200, 2, false)) }));
    for _ in 0..20 {
        let body = run(&clock, service.clone().oneshot(())).unwrap().into_body();
        clock.advance(ms(40));
        assert_eq!(run(&clock, read(body)), (2, None));
    }
    clock.advance(ms(200));
    let seen = timeout.snapshot();
    assert!((ms(38)..ms(44)).contains(&seen.observed.unwrap()), "{seen:?}");
    assert_eq!(seen.in_time, 20);
}

#[test]
fn heads_that_fail_come_late_or_are_dropped_and_bodies_that_fail_or_are_dropped_are_told() {
    let clock = ManualClock::new();
    let timeout = Timeout::builder("t").fixed(ms(20)).timing(Timing::manual(&clock, 1)).build().unwrap();
    let down = service_fn(|()| async { Err::<Response<Frames>, _>("down") });
    assert_eq!(run(&clock, timeout.body_layer().layer(down).oneshot(())).err(), Some(Error::Inner("down")));
    let late = timeout.body_layer().layer(trickles!(clock));
    let end = run(&clock, late.clone().oneshot(())).err();
    assert_eq!(end, Some(Error::TimedOut { after: ms(20), which: Limit::Attempt }));
    drop(late.oneshot(()));
    let bad = timeout.body_layer().layer(service_fn(|()| async { Ok::<_, Infallible>(respond(200, 1, true)) }));
    let body = run(&clock, bad.clone().oneshot(())).unwrap().into_body();
    assert_eq!(run(&clock, read(body)), (1, Some(Error::Inner("reset"))));
    drop(run(&clock, bad.oneshot(())).unwrap());
    assert_eq!((timeout.snapshot().in_time, timeout.snapshot().timed_out), (2, 1));
    assert_eq!(clock.next_due(), None, "no timer is left");
}

#[test]
fn a_deadline_with_bodies_around_a_stack_is_the_limit_of_the_whole_call() {
    let clock = ManualClock::new();
    let timing = Timing::manual(&clock, 1);
    let deadline = Deadline::builder("d").limit(ms(100)).timing(timing.clone()).build().unwrap();
    let stack = Policy::new("s").deadline(ms(500)).timing(timing.clone()).build().unwrap();
    let beneath = clock.clone();
    let inner = service_fn(move |()| {
        assert_eq!(Context::current().left(&timing), Some(ms(100)), "what is beneath knows of it");
        trickling(&beneath)
    });
    let service = deadline.body_layer().nested().layer(stack.body_layer().layer(inner));
    let response = run(&clock, service.oneshot(())).unwrap();
    let (frames, end) = run(&clock, read(response.into_body()));
    assert_eq!((frames, end), (3, Some(Error::TimedOut { after: ms(100), which: Limit::Deadline })));
    assert_eq!(deadline.snapshot().timed_out, 1);
    let spent = Context::new().within(&Timing::manual(&clock, 1), ms(0));
    let layer = deadline.body_layer();
    let late = layer.layer(service_fn(|()| async { Ok::<_, Infallible>(respond(200, 1, false)) }));
    let end = run(&clock, spent.scope_with(|| late.oneshot(())));
    assert!(end.is_err_and(|error| error.rejected().is_some()), "no time is left to begin with");
}
