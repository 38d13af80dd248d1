//! The rules of deadlines and of the context that carries them.

use super::{Context, Deadline, DeadlineBuilder};
use crate::testing::{listening, ms, run, wait};
use crate::{Error, Limit, Reason, Timing};
use partita_time::{Clock, ManualClock};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tower::{Layer, ServiceExt};

fn builder(clock: &ManualClock) -> DeadlineBuilder {
    Deadline::builder("test").timing(Timing::manual(clock, 1))
}

fn hang() -> impl Future<Output = Result<(), ()>> {
    std::future::pending()
}

#[test]
fn a_call_without_a_deadline_has_the_default_and_one_with_too_long_a_one_the_maximum() {
    let clock = ManualClock::new();
    let deadline = builder(&clock).limit(ms(100)).max(ms(300)).build().unwrap();
    let over = |millis| Err(Error::TimedOut { after: ms(millis), which: Limit::Deadline });
    assert_eq!(run(&clock, deadline.call(|_| hang())), over(100));
    let within = |millis| Context::new().until(clock.elapsed() + ms(millis)).scope(deadline.call(|_| hang()));
    assert_eq!(run(&clock, within(200)), over(200), "brought along, and longer than the default");
    assert_eq!(run(&clock, within(900)), over(300));
    assert_eq!(deadline.snapshot().timed_out, 3);
}

#[test]
fn by_default_a_call_has_30_s_a_minute_at_most_and_10_ms_are_kept_at_each_hop() {
    let clock = ManualClock::new();
    let deadline = builder(&clock).build().unwrap();
    let over = |secs| Err(Error::TimedOut { after: Duration::from_secs(secs), which: Limit::Deadline });
    assert_eq!(run(&clock, deadline.call(|_| hang())), over(30));
    let long = Context::new().until(clock.elapsed() + ms(90_000));
    assert_eq!(run(&clock, long.scope(deadline.call(|_| hang()))), over(60));
    let soon = Context::new().until(clock.elapsed() + ms(90));
    assert_eq!(deadline.for_next_hop(&soon), Ok(Some(ms(80))));
}

#[test]
fn a_listener_hears_what_is_cut_off_and_what_is_refused() {
    let clock = ManualClock::new();
    let (listener, heard) = listening();
    let deadline = builder(&clock).limit(ms(100)).listener(listener).build().unwrap();
    run(&clock, deadline.call(|_| async { Ok::<_, ()>(()) })).unwrap();
    let _ = run(&clock, deadline.call(|_| hang()));
    let _ = run(&clock, Context::new().until(ms(50)).scope(deadline.call(|_| hang())));
    let told = [
        "100ms TimedOut { after: 100ms, which: Deadline }",
        "100ms Rejected { reason: DeadlinePassed, retry_after: None }",
    ];
    assert_eq!(*heard.lock().unwrap(), told);
}

#[test]
fn a_call_without_time_is_not_begun() {
    let clock = ManualClock::new();
    let deadline = builder(&clock).build().unwrap();
    clock.advance(ms(50));
    let late = Context::new().until(ms(50)).scope(deadline.call(|_| async { panic!("begun") }));
    let end: Result<(), Error<()>> = run(&clock, late);
    assert_eq!(end.unwrap_err().rejected().unwrap().reason, Reason::DeadlinePassed);
    assert_eq!(deadline.snapshot().refused, 1);
}

#[test]
fn work_beneath_finds_the_deadline_and_never_a_later_one() {
    let clock = ManualClock::new();
    let timing = Timing::manual(&clock, 1);
    let outer = builder(&clock).limit(ms(100)).build().unwrap();
    let inner = builder(&clock).limit(ms(900)).build().unwrap();
    let work = |_| async {
        wait(&clock, 30).await;
        inner
            .call(|context| async move { Ok::<_, Error<()>>((context.left(&timing), Context::current() == context)) })
            .await
    };
    assert_eq!(run(&clock, outer.call(work)).unwrap(), (Some(ms(70)), true));
    assert_eq!(Context::current(), Context::new());
}

#[test]
fn two_futures_polled_in_turn_keep_their_contexts_apart() {
    let clock = ManualClock::new();
    let told = |attempt: u32, millis: u64| {
        let clock = clock.clone();
        Context::new().attempt(attempt).scope(async move {
            wait(&clock, millis).await;
            Context::current().number()
        })
    };
    let both = async { tokio::join!(told(2, 10), told(3, 5)) };
    assert_eq!(run(&clock, both), (2, 3));
}

#[test]
fn a_panic_leaves_no_context_behind() {
    let clock = ManualClock::new();
    let panics = Context::new().attempt(9).scope(async { panic!("in the work") });
    let end: Result<(), _> = catch_unwind(AssertUnwindSafe(|| run(&clock, panics)));
    assert!(end.is_err());
    assert_eq!(Context::current(), Context::new());
}

#[test]
fn a_context_keeps_the_sooner_deadline_and_knows_whether_it_may_repeat() {
    let context = Context::new().until(ms(50)).until(ms(90));
    assert_eq!(context.deadline(), Some(ms(50)));
    assert!(!context.may_repeat());
    assert!(context.clone().idempotent().may_repeat() && context.key("k").may_repeat());
}

#[test]
fn the_next_hop_is_left_what_remains_less_the_margin() {
    let clock = ManualClock::new();
    let deadline = builder(&clock).margin(ms(10)).build().unwrap();
    assert_eq!(deadline.for_next_hop(&Context::new()), Ok(None));
    assert_eq!(deadline.for_next_hop(&Context::new().until(ms(90))), Ok(Some(ms(80))));
    assert_eq!(deadline.for_next_hop(&Context::new().until(ms(10))).unwrap_err().reason, Reason::DeadlinePassed);
}

#[test]
fn settings_that_can_only_be_mistakes_are_refused() {
    let clock = ManualClock::new();
    let refused = |builder: DeadlineBuilder| builder.build().unwrap_err().option;
    assert_eq!(refused(builder(&clock).limit(Duration::ZERO)), "limit");
    assert_eq!(refused(builder(&clock).limit(ms(90_000))), "limit");
    assert_eq!(refused(builder(&clock).margin(ms(30_000))), "margin");
}

#[test]
fn the_layer_ends_a_call_at_its_deadline() {
    let clock = ManualClock::new();
    let deadline = builder(&clock).limit(ms(100)).build().unwrap();
    let service = deadline.layer().layer(tower::service_fn(|(): ()| hang()));
    assert_eq!(run(&clock, service.oneshot(())), Err(Error::TimedOut { after: ms(100), which: Limit::Deadline }));
}

#[cfg(feature = "http")]
mod header {
    use super::super::{HEADER, put_left, read_left};
    use super::*;
    use http::{HeaderMap, Request};

    #[test]
    fn only_digits_are_read_and_nothing_is_longer_than_a_day() {
        let read = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, text.parse().unwrap());
            read_left(&headers)
        };
        assert_eq!(read("1500"), Some(ms(1_500)));
        assert_eq!(read("0"), Some(Duration::ZERO));
        assert_eq!(read("99999999999999999999999"), Some(Duration::from_secs(86_400)));
        assert_eq!([read(""), read("-5"), read("+5"), read("1.5"), read("soon")], [None; 5]);
        let mut headers = HeaderMap::new();
        put_left(&mut headers, Duration::from_micros(1_999));
        assert_eq!(headers[HEADER], "1", "rounded down");
    }

    #[test]
    fn the_time_left_is_lowered_at_each_hop_and_capped_by_the_server() {
        let clock = ManualClock::new();
        let timing = Timing::manual(&clock, 1);
        let deadline = builder(&clock).limit(ms(400)).max(ms(500)).margin(ms(10)).build().unwrap();
        let last = {
            tower::service_fn(move |request: Request<()>| {
                let told = request.extensions().get::<Context>().map(|context| context.left(&timing));
                std::future::ready(Ok::<_, ()>((read_left(request.headers()), told)))
            })
        };
        let client = deadline.client_layer().layer(deadline.server_layer().layer(last));
        let middle = {
            let clock = clock.clone();
            tower::service_fn(move |_: Request<()>| {
                let (client, clock) = (client.clone(), clock.clone());
                async move {
                    wait(&clock, 40).await;
                    client.oneshot(Request::new(())).await
                }
            })
        };
        let server = deadline.server_layer().layer(middle);
        let asked = |left: u64| {
            let request = Request::builder().header(HEADER, left).body(()).unwrap();
            run(&clock, server.clone().oneshot(request)).unwrap()
        };
        assert_eq!(asked(300), (Some(ms(250)), Some(Some(ms(250)))), "40 ms of work and the margin");
        assert_eq!(asked(90_000), (Some(ms(450)), Some(Some(ms(450)))));
        let without = run(&clock, server.clone().oneshot(Request::new(()))).unwrap();
        assert_eq!(without.0, Some(ms(350)), "the default");
        let request = Request::builder().header(HEADER, 45).body(()).unwrap();
        let end = run(&clock, server.oneshot(request)).unwrap_err();
        assert!(matches!(end, Error::Inner(Error::Rejected(_))), "nothing is left for another hop: {end:?}");
    }
}
