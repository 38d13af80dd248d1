//! What a stack does that shares answers or gives second ones, called and as a layer.

use super::Policy;
use crate::breaker::Breaker;
use crate::cache::Cache;
use crate::coalesce::Coalesce;
use crate::deadline::{Attempt, Context};
use crate::fallback::Fallback;
use crate::retry::{Jitter, Retry};
use crate::testing::{Later, ms, poll, run, wait};
use crate::{Error, Limit, Outcome, Timing};
use partita_time::{ManualClock, Spawner};
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use tower::{Layer, ServiceExt, service_fn};

type Fault = &'static str;
type End = Result<u32, Error<Fault>>;
type Told<'a> = Option<&'a Error<Fault>>;
type Answers = Cache<&'static str, u32>;
type Together = Coalesce<&'static str, u32, Fault>;

fn timing(clock: &ManualClock) -> Timing {
    Timing::manual(clock, 1)
}

fn policy(clock: &ManualClock) -> Policy {
    Policy::new("s").deadline(ms(500)).timing(timing(clock))
}

fn together(clock: &ManualClock) -> Together {
    Coalesce::builder("c").timing(timing(clock)).build().unwrap()
}

/// Fresh for 10 s, refreshed by `later` where there is one.
fn answers(clock: &ManualClock, later: Option<&Arc<Later>>) -> Answers {
    let cache = Cache::builder("k").ttl(ms(10_000)).timing(timing(clock));
    let cache = match later {
        Some(later) => cache.spawner(Arc::clone(later) as Arc<dyn Spawner>),
        None => cache,
    };
    cache.build().unwrap()
}

/// A hundredfold of the request in the place of an error.
fn hundredfold(request: &u32) -> impl FnOnce(Told<'_>) -> std::future::Ready<Result<u32, Fault>> + use<> {
    let request = *request;
    move |error| ready(error.map(|_| request * 100).ok_or("no error"))
}

/// Requests from 10 on fail; all take 20 ms and are counted.
fn dependency(
    clock: &ManualClock,
    made: &Arc<AtomicU32>,
) -> impl tower::Service<u32, Response = u32, Error = Fault, Future: Send> + Clone + Send + use<> {
    let (clock, made) = (clock.clone(), Arc::clone(made));
    service_fn(move |request: u32| {
        let (clock, made) = (clock.clone(), Arc::clone(&made));
        async move {
            made.fetch_add(1, Ordering::Relaxed);
            wait(&clock, 20).await;
            if request < 10 { Ok(request) } else { Err("down") }
        }
    })
}

#[test]
fn a_fallback_stands_over_coalescing_and_each_caller_brings_its_own() {
    let clock = ManualClock::new();
    let stack = policy(&clock).coalesce(together(&clock)).fallback(Fallback::builder("f")).build().unwrap();
    let made = AtomicU32::new(0);
    let work = |_: Attempt| {
        made.fetch_add(1, Ordering::Relaxed);
        async {
            wait(&clock, 20).await;
            Err::<u32, _>("down")
        }
    };
    let ask = |answer: u32| stack.call_keyed_or("a", work, move |error| ready(error.map(|_| answer).ok_or("empty")));
    let ends: (End, End) = run(&clock, async { tokio::join!(ask(1), ask(2)) });
    assert_eq!((ends, made.load(Ordering::Relaxed)), ((Ok(1), Ok(2)), 1));
    let alone = run(&clock, stack.call_keyed_or(None, work, |_| ready(Ok(3))));
    assert_eq!((alone, made.load(Ordering::Relaxed)), (Ok(3), 2), "without a key");
    assert_eq!(stack.explain().order(), ["fallback", "deadline", "coalesce"]);
}

#[test]
fn a_fallback_stands_over_a_cache_and_answers_only_what_has_no_stale_answer() {
    let clock = ManualClock::new();
    let stack = policy(&clock).fallback(Fallback::builder("f")).cache(answers(&clock, None)).build().unwrap();
    let ask = |key: &'static str, end: Result<u32, Fault>| {
        run(&clock, stack.call_keyed_or(key, move |_| ready(end), |_| ready(Ok(7))))
    };
    assert_eq!([ask("a", Ok(1)), ask("a", Err("down")), ask("b", Err("down"))], [Ok(1), Ok(1), Ok(7)]);
    clock.advance(ms(10_000));
    assert_eq!(ask("a", Err("down")), Ok(1), "the stale answer");
    assert_eq!(stack.explain().order(), ["fallback", "deadline", "cache"]);
}

#[test]
fn a_kept_answer_serves_with_no_time_left_and_a_new_one_does_not() {
    let clock = ManualClock::new();
    let stack = policy(&clock).cache(answers(&clock, None)).build().unwrap();
    let ask = |key, time| {
        let context = Context::new().within(&timing(&clock), ms(time));
        run(&clock, context.scope(stack.call_keyed(key, |_| ready(Ok::<_, Fault>(1)))))
    };
    assert_eq!([ask("a", 1), ask("a", 0)], [Ok(1), Ok(1)]);
    assert!(ask("b", 0).is_err());
    let words = stack.explain().to_string();
    assert!(words.contains("a kept answer, even with no time left"), "{words}");
}

#[test]
fn who_fetches_anew_in_its_own_time_has_the_stale_answer_when_that_is_over() {
    let clock = ManualClock::new();
    let stack = policy(&clock).cache(answers(&clock, None)).build().unwrap();
    let ask = |answer: u32, takes, time| {
        let soon = Context::new().within(&timing(&clock), ms(time));
        let work = |_: Attempt| async {
            wait(&clock, takes).await;
            Ok::<_, Fault>(answer)
        };
        let began = timing(&clock).now();
        (run(&clock, soon.scope(stack.call_keyed("a", work))), timing(&clock).now() - began)
    };
    assert_eq!(ask(1, 20, 900), (Ok(1), ms(20)));
    clock.advance(ms(10_000));
    assert_eq!(ask(2, 100, 30), (Ok(1), ms(30)), "the caller's time");
    clock.advance(ms(1_000));
    assert_eq!(ask(3, 9_000, 2_000), (Ok(1), ms(500)), "the stack's own");
}

#[test]
fn a_layer_with_a_fallback_answers_by_request_and_error() {
    let (clock, made) = (ManualClock::new(), Arc::new(AtomicU32::new(0)));
    let retry = Retry::builder("r").initial(ms(1)).jitter(Jitter::None);
    let stack = policy(&clock).fallback(Fallback::builder("f")).retry(retry).idempotent().build().unwrap();
    let service = stack.layer(hundredfold).layer(dependency(&clock, &made));
    let ask = |request: u32| run(&clock, service.clone().oneshot(request));
    assert_eq!((ask(7), made.swap(0, Ordering::Relaxed)), (Ok(7), 1));
    assert_eq!((ask(12), made.load(Ordering::Relaxed)), (Ok(1_200), 3), "after every attempt");
    assert_eq!(stack.fallback().0.snapshot().served, 1);
}

#[test]
fn a_layer_that_coalesces_sends_one_request_for_all_of_a_key() {
    let (clock, made) = (ManualClock::new(), Arc::new(AtomicU32::new(0)));
    let key = |request: &u32| if *request == 1 { Some("one") } else { None };
    let service =
        policy(&clock).coalesce(together(&clock)).build().unwrap().layer(key).layer(dependency(&clock, &made));
    let ask = |request: u32| service.clone().oneshot(request);
    let ends = run(&clock, async { tokio::join!(ask(1), ask(1), ask(2), ask(2)) });
    assert_eq!((ends, made.load(Ordering::Relaxed)), ((Ok(1), Ok(1), Ok(2), Ok(2)), 3));
    let stack = policy(&clock).coalesce(together(&clock)).fallback(Fallback::builder("f")).build().unwrap();
    let service = stack.layer(|_: &u32| Some("all"), hundredfold).layer(dependency(&clock, &made));
    let ask = |request: u32| service.clone().oneshot(request);
    let ends = run(&clock, async { tokio::join!(ask(10), ask(11)) });
    assert_eq!((ends, made.load(Ordering::Relaxed)), ((Ok(1_000), Ok(1_100)), 4), "each caller's own second answer");
}

#[test]
fn a_layer_that_coalesces_keeps_each_callers_own_deadline() {
    let (clock, made) = (ManualClock::new(), Arc::new(AtomicU32::new(0)));
    let stack = policy(&clock).coalesce(together(&clock)).build().unwrap();
    let service = stack.layer(|_: &u32| Some("all")).layer(dependency(&clock, &made));
    let mut hurried = Box::pin(Context::new().until(ms(5)).scope(service.clone().oneshot(1)));
    let mut patient = Box::pin(service.oneshot(1));
    assert!(poll(hurried.as_mut()).is_pending() && poll(patient.as_mut()).is_pending());
    clock.advance(ms(5));
    assert!(matches!(poll(hurried.as_mut()), Poll::Ready(Err(Error::TimedOut { .. }))));
    assert_eq!((run(&clock, patient), made.load(Ordering::Relaxed)), (Ok(1), 2), "it took over");
}

#[test]
fn what_a_leaders_own_time_ends_is_no_end_for_those_who_have_more() {
    let (clock, made) = (ManualClock::new(), Arc::new(AtomicU32::new(0)));
    let stack = policy(&clock).coalesce(together(&clock)).attempt_timeout(ms(100)).build().unwrap();
    let service = stack.layer(|_: &u32| Some("all")).layer(dependency(&clock, &made));
    let mut hurried = Box::pin(Context::new().until(ms(5)).scope(service.clone().oneshot(1)));
    let mut as_hurried = Box::pin(Context::new().until(ms(5)).scope(service.clone().oneshot(1)));
    let mut patient = Box::pin(Context::new().scope(service.oneshot(1)));
    let calls = [&mut hurried, &mut as_hurried, &mut patient];
    assert!(calls.into_iter().all(|call| poll(call.as_mut()).is_pending()));
    clock.advance(ms(5));
    for call in [&mut hurried, &mut as_hurried] {
        assert_eq!(poll(call.as_mut()), Poll::Ready(Err(Error::TimedOut { after: ms(5), which: Limit::Deadline })));
    }
    assert_eq!((run(&clock, patient), made.load(Ordering::Relaxed)), (Ok(1), 2), "it took over");
}

#[test]
fn retries_that_a_leader_has_no_time_for_are_made_by_who_has() {
    let clock = ManualClock::new();
    let retry = || Retry::builder("r").initial(ms(50)).jitter(Jitter::None);
    let made = AtomicU32::new(0);
    let work = |_: Attempt| {
        made.fetch_add(1, Ordering::Relaxed);
        async {
            wait(&clock, 20).await;
            Err::<u32, _>("down")
        }
    };
    let both = |retry| {
        let stack = policy(&clock).coalesce(together(&clock)).retry(retry).idempotent().build().unwrap();
        let hurried = Context::new().within(&timing(&clock), ms(40));
        let ends: (End, End) = run(&clock, async {
            tokio::join!(hurried.scope(stack.call_keyed("a", work)), stack.call_keyed("a", work))
        });
        let attempts = |end| match end {
            Err(Error::Exhausted { attempts, .. }) => attempts,
            end => panic!("{end:?}"),
        };
        (attempts(ends.0), attempts(ends.1), made.swap(0, Ordering::Relaxed))
    };
    assert_eq!(both(retry()), (1, 3, 4));
    assert_eq!(both(retry().deadline(ms(30))), (1, 1, 1), "the policy's own limit is everybody's");
}

#[test]
fn a_layer_that_caches_keeps_answers_hides_refusals_and_answers_the_rest() {
    let (clock, made) = (ManualClock::new(), Arc::new(AtomicU32::new(0)));
    let breaker = Breaker::builder("b").timing(timing(&clock)).build().unwrap();
    let stack = policy(&clock).cache(answers(&clock, None)).fallback(Fallback::builder("f")).breaker(breaker.clone());
    let key = |request: &u32| (*request < 5).then_some("low");
    let service = stack.build().unwrap().layer(key, hundredfold).layer(dependency(&clock, &made));
    let ask = |request: u32| run(&clock, service.clone().oneshot(request));
    assert_eq!(([ask(1), ask(2), ask(6), ask(6)], made.load(Ordering::Relaxed)), ([Ok(1), Ok(1), Ok(6), Ok(6)], 3));
    breaker.force_open();
    clock.advance(ms(10_000));
    assert_eq!([ask(3), ask(7)], [Ok(1), Ok(700)], "stale, and second");
}

#[test]
fn a_stale_answer_serves_while_the_call_is_made_in_the_background() {
    let (clock, later) = (ManualClock::new(), Arc::new(Later::default()));
    let stack = policy(&clock).cache(answers(&clock, Some(&later))).build().unwrap();
    let ask = |answer: u32, takes: u64| {
        let inner = clock.clone();
        let work = move |_: Attempt| {
            let inner = inner.clone();
            async move {
                wait(&inner, takes).await;
                Ok::<_, Fault>(answer)
            }
        };
        let soon = Context::new().until(timing(&clock).now() + ms(50));
        run(&clock, soon.scope(stack.call_refreshing("a", work)))
    };
    assert_eq!(ask(1, 20), Ok(1));
    clock.advance(ms(10_000));
    assert_eq!([ask(2, 400), ask(3, 0)], [Ok(1), Ok(1)]);
    let tasks = later.take();
    assert_eq!(tasks.len(), 1, "one per key");
    tasks.into_iter().for_each(|task| run(&clock, task));
    assert_eq!(ask(4, 0), Ok(2), "beyond the caller's deadline, within the stack's");
    clock.advance(ms(10_000));
    assert_eq!(ask(5, 600), Ok(2));
    later.take().into_iter().for_each(|task| run(&clock, task));
    assert_eq!(ask(6, 0), Ok(2), "the stack's own deadline held");
}

#[test]
fn a_layer_refreshes_in_the_background_through_its_policies() {
    let (clock, later, made) = (ManualClock::new(), Arc::new(Later::default()), Arc::new(AtomicU32::new(0)));
    let breaker = Breaker::builder("b").timing(timing(&clock)).build().unwrap();
    let stack = policy(&clock).cache(answers(&clock, Some(&later))).breaker(breaker.clone()).build().unwrap();
    let service = stack.layer(|_: &u32| Some("all")).layer(dependency(&clock, &made));
    let ask = |request: u32| run(&clock, service.clone().oneshot(request));
    assert_eq!(ask(1), Ok(1));
    clock.advance(ms(10_000));
    assert_eq!(([ask(2), ask(3)], made.load(Ordering::Relaxed)), ([Ok(1), Ok(1)], 1));
    later.take().into_iter().for_each(|task| run(&clock, task));
    assert_eq!((ask(4), breaker.snapshot().successful), (Ok(2), 2));
}

#[test]
fn a_background_call_that_is_dropped_leaves_the_right_to_make_one() {
    let (clock, later) = (ManualClock::new(), Arc::new(Later::default()));
    let stack = policy(&clock).cache(answers(&clock, Some(&later))).fallback(Fallback::builder("f")).build().unwrap();
    let ask =
        |answer: u32| run(&clock, stack.call_refreshing_or("a", move |_| ready(Ok(answer)), |_| ready(Err("no"))));
    assert_eq!(ask(1), Ok(1));
    clock.advance(ms(10_000));
    assert_eq!((ask(2), later.take().len()), (Ok(1), 1));
    assert_eq!((ask(3), later.take().len()), (Ok(1), 1));
}

#[test]
fn a_stacks_judgement_holds_for_its_cache_too() {
    let (clock, later) = (ManualClock::new(), Arc::new(Later::default()));
    let judge = |end: Result<&u32, &Fault>| match end {
        Ok(500..) => Outcome::Failure,
        Err(&"mine") => Outcome::Ignored,
        Ok(_) => Outcome::Success,
        Err(_) => Outcome::Failure,
    };
    let stack = policy(&clock).classify(judge).cache(answers(&clock, Some(&later))).build().unwrap();
    let ask = |end: Result<u32, Fault>| run(&clock, stack.call_keyed("a", move |_| ready(end)));
    assert_eq!([ask(Ok(503)), ask(Ok(1)), ask(Ok(2))], [Ok(503), Ok(1), Ok(1)], "a bad answer is not kept");
    clock.advance(ms(10_000));
    assert_eq!(
        [ask(Err("mine")), ask(Ok(503))],
        [Err(Error::Inner("mine")), Ok(1)],
        "hidden, unless it is the caller's"
    );
    clock.advance(ms(2_000));
    let behind = |end: Result<u32, Fault>| run(&clock, stack.call_refreshing("a", move |_| ready(end)));
    assert_eq!(behind(Ok(503)), Ok(1));
    later.take().into_iter().for_each(|task| run(&clock, task));
    clock.advance(ms(2_000));
    assert_eq!(behind(Ok(9)), Ok(1), "what was fetched was not kept");
    later.take().into_iter().for_each(|task| run(&clock, task));
    assert_eq!(behind(Ok(10)), Ok(9));
    let service = stack.layer(|_: &u32| Some("b")).layer(service_fn(|request: u32| ready(Ok::<_, Fault>(request))));
    let send = |request| run(&clock, service.clone().oneshot(request));
    assert_eq!([send(503), send(7), send(8)], [Ok(503), Ok(7), Ok(7)]);
}
