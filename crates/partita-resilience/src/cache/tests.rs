//! The rules of the cache.

use super::{Cache, CacheBuilder};
use crate::deadline::Context;
use crate::testing::{Later, ms, poll, run, wait};
use crate::{Error, Outcome, PolicyKind, Reason, Rejected, Timing};
use partita_time::{Entropy, Host, ManualClock, Spawner};
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;
use tower::{Layer, ServiceExt};

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn builder(clock: &ManualClock) -> CacheBuilder<&'static str, u32> {
    Cache::builder("test").timing(Timing::manual(clock, 1)).ttl(s(10)).stale(s(60))
}

fn fetch(
    clock: &ManualClock,
    cache: &Cache<&'static str, u32>,
    end: Result<u32, &'static str>,
) -> Result<u32, Error<&'static str>> {
    run(clock, cache.call("key", || ready(end)))
}

#[test]
fn an_answer_is_fetched_once_while_it_is_fresh() {
    let clock = ManualClock::new();
    let cache = builder(&clock).build().unwrap();
    assert_eq!(fetch(&clock, &cache, Ok(1)), Ok(1));
    clock.advance(ms(9_999));
    assert_eq!(fetch(&clock, &cache, Ok(2)), Ok(1));
    clock.advance(ms(1));
    assert_eq!(fetch(&clock, &cache, Ok(2)), Ok(2));
    cache.forget(&"key");
    assert_eq!(fetch(&clock, &cache, Ok(3)), Ok(3));
    let seen = cache.snapshot();
    assert_eq!((seen.entries, seen.hits, seen.misses, seen.refreshes), (1, 1, 2, 1));
}

#[test]
fn a_stale_answer_hides_a_failure_or_a_refusal_for_a_bounded_time() {
    let clock = ManualClock::new();
    let cache = builder(&clock).build().unwrap();
    assert_eq!(fetch(&clock, &cache, Err("down")), Err(Error::Inner("down")), "nothing to fall back on");
    fetch(&clock, &cache, Ok(1)).unwrap();
    clock.advance(s(15));
    assert_eq!(fetch(&clock, &cache, Err("down")), Ok(1));
    clock.advance(s(15));
    let (policy, name, reason) = (PolicyKind::Breaker, "b".into(), Reason::Open);
    let refusal = Rejected { policy, name, reason, retry_after: None };
    let refused = || ready(Err::<u32, Error<()>>(refusal.into()));
    assert_eq!(run(&clock, cache.around("key", refused)), Ok(1));
    clock.advance(s(45));
    assert_eq!(fetch(&clock, &cache, Err("down")), Err(Error::Inner("down")), "too old");
}

#[test]
fn after_a_failed_fetch_nobody_tries_for_a_while() {
    let clock = ManualClock::new();
    let cache = builder(&clock).pause_after_failure(s(2)).build().unwrap();
    fetch(&clock, &cache, Ok(1)).unwrap();
    clock.advance(s(10));
    assert_eq!(fetch(&clock, &cache, Err("down")), Ok(1));
    clock.advance(ms(1_999));
    assert_eq!(fetch(&clock, &cache, Ok(2)), Ok(1), "not even asked");
    clock.advance(ms(1));
    assert_eq!(fetch(&clock, &cache, Ok(2)), Ok(2));
}

#[test]
fn only_good_answers_are_kept_and_the_callers_mistakes_are_never_hidden() {
    let clock = ManualClock::new();
    let judge = |result: Result<&u32, &&str>| match result {
        Ok(n) if *n < 500 => Outcome::Success,
        Err(&"bad input") => Outcome::Ignored,
        _ => Outcome::Failure,
    };
    let cache = builder(&clock).classify(judge).build().unwrap();
    let get = |end| run(&clock, cache.call("key", || ready(end)));
    assert_eq!((get(Ok(503)), get(Ok(200))), (Ok(503), Ok(200)));
    clock.advance(s(11));
    assert_eq!(get(Ok(503)), Ok(200), "an answer judged a failure is hidden too");
    clock.advance(s(2));
    assert_eq!(get(Err("bad input")), Err(Error::Inner("bad input")));
}

#[test]
fn one_call_fetches_anew_and_the_others_have_the_stale_answer_meanwhile() {
    let clock = ManualClock::new();
    let cache = builder(&clock).build().unwrap();
    fetch(&clock, &cache, Ok(1)).unwrap();
    clock.advance(s(10));
    let slow = || {
        cache.call("key", || async {
            wait(&clock, 100).await;
            Ok::<_, &str>(2)
        })
    };
    {
        let mut dropped = Box::pin(slow());
        assert!(poll(dropped.as_mut()).is_pending());
        assert_eq!(fetch(&clock, &cache, Ok(9)), Ok(1));
    }
    let mut first = Box::pin(slow());
    assert!(poll(first.as_mut()).is_pending(), "a dropped fetch does not block the next");
    assert_eq!(fetch(&clock, &cache, Ok(9)), Ok(1));
    clock.advance(ms(100));
    assert_eq!(poll(first.as_mut()), Poll::Ready(Ok(2)));
    assert_eq!(fetch(&clock, &cache, Ok(9)), Ok(2));
}

#[test]
fn with_a_spawner_nobody_waits_and_there_is_one_fetch_per_key() {
    let clock = ManualClock::new();
    let later = Arc::new(Later::default());
    let cache = builder(&clock).spawner(Arc::clone(&later) as Arc<dyn Spawner>).build().unwrap();
    let get =
        |answer: Result<u32, &'static str>| run(&clock, cache.call_refreshing("key", move || async move { answer }));
    assert_eq!(get(Ok(1)), Ok(1));
    clock.advance(s(10));
    assert_eq!([get(Ok(2)), get(Ok(3)), get(Ok(4))], [Ok(1), Ok(1), Ok(1)]);
    let tasks = later.take();
    assert_eq!(tasks.len(), 1);
    tasks.into_iter().for_each(|task| run(&clock, task));
    assert_eq!(get(Ok(5)), Ok(2));
    clock.advance(s(10));
    assert_eq!(get(Ok(6)), Ok(2));
    drop(later.take());
    assert_eq!(get(Ok(7)), Ok(2));
    assert_eq!(later.take().len(), 1, "a task that was dropped does not block the next");
}

#[test]
fn without_a_spawner_the_host_of_its_clock_fetches_and_on_virtual_time_alone_the_caller() {
    let (clock, later) = (ManualClock::new(), Arc::new(Later::default()));
    let entropy = Arc::new(Entropy::seeded(1));
    let host = Host { clock: Arc::new(clock.clone()), spawner: Arc::clone(&later) as Arc<dyn Spawner>, entropy };
    let timings = [(Timing::of(&host), 1, 1), (Timing::manual(&clock, 1), 2, 0)];
    for (timing, answer, behind) in timings {
        let cache = builder(&clock).timing(timing).build().unwrap();
        let get = |answer: u32| run(&clock, cache.call_refreshing("key", move || ready(Ok::<_, ()>(answer))));
        assert_eq!(get(1), Ok(1));
        clock.advance(s(10));
        assert_eq!((get(2), later.take().len()), (Ok(answer), behind));
    }
}

#[test]
fn an_answer_that_was_fetched_before_it_was_forgotten_is_not_kept() {
    for stale in [false, true] {
        let clock = ManualClock::new();
        let cache = builder(&clock).build().unwrap();
        if stale {
            fetch(&clock, &cache, Ok(1)).unwrap();
            clock.advance(s(10));
        }
        let mut slow = Box::pin(cache.call("key", || async {
            wait(&clock, 100).await;
            Ok::<_, &str>(2)
        }));
        assert!(poll(slow.as_mut()).is_pending());
        cache.forget(&"key");
        clock.advance(ms(100));
        assert_eq!(poll(slow.as_mut()), Poll::Ready(Ok(2)));
        assert_eq!(fetch(&clock, &cache, Ok(3)), Ok(3), "what was true before the change was kept");
        assert_eq!(fetch(&clock, &cache, Ok(4)), Ok(3));
    }
}

#[test]
fn a_stale_answer_that_was_forgotten_during_the_fetch_hides_no_failure() {
    let clock = ManualClock::new();
    let cache = builder(&clock).build().unwrap();
    fetch(&clock, &cache, Ok(1)).unwrap();
    clock.advance(s(15));
    let mut slow = Box::pin(cache.call("key", || async {
        wait(&clock, 100).await;
        Err("down")
    }));
    assert!(poll(slow.as_mut()).is_pending());
    cache.forget(&"key");
    clock.advance(ms(100));
    assert_eq!(poll(slow.as_mut()), Poll::Ready(Err(Error::Inner("down"))));
}

#[test]
fn memory_is_bounded_by_the_number_of_answers() {
    let clock = ManualClock::new();
    let cache = Cache::<u32, u32>::builder("test").timing(Timing::manual(&clock, 1)).capacity(100).build().unwrap();
    for key in 0..10_000 {
        run(&clock, cache.call(key, || ready(Ok::<_, ()>(key)))).unwrap();
    }
    assert!(cache.snapshot().entries <= 100, "{}", cache.snapshot().entries);
}

#[test]
fn settings_that_can_only_be_mistakes_are_refused() {
    let clock = ManualClock::new();
    assert_eq!(builder(&clock).capacity(0).build().unwrap_err().option, "capacity");
    assert_eq!(builder(&clock).ttl(s(0)).build().unwrap_err().option, "ttl");
}

#[test]
fn the_layer_keeps_answers_by_the_requests_key() {
    let clock = ManualClock::new();
    let calls = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&calls);
    let inner = tower::service_fn(move |_: &'static str| ready(Ok::<u32, ()>(count.fetch_add(1, Ordering::Relaxed))));
    let service = builder(&clock).build().unwrap().layer(|text: &&'static str| text.strip_prefix("get ")).layer(inner);
    let ask = |text| run(&clock, service.clone().oneshot(text)).unwrap();
    assert_eq!([ask("get a"), ask("get a"), ask("get b"), ask("put a"), ask("put a")], [0, 0, 1, 2, 3]);
}

#[test]
fn the_layer_fetches_in_the_background_where_there_is_a_spawner_and_without_the_callers_deadline() {
    let (clock, later) = (ManualClock::new(), Arc::new(Later::default()));
    let cache = builder(&clock).spawner(Arc::clone(&later) as Arc<dyn Spawner>).build().unwrap();
    let calls = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&calls);
    let inner = tower::service_fn(move |key: &'static str| {
        let bound = Context::current().deadline().is_some();
        ready(Ok::<u32, ()>(if key == "key" {
            count.fetch_add(1, Ordering::Relaxed) * 2 + u32::from(bound)
        } else {
            99
        }))
    });
    let service = cache.layer(|key: &&'static str| Some(*key)).layer(inner);
    let ask = || run(&clock, Context::new().until(s(100)).scope(service.clone().oneshot("key")));
    assert_eq!(ask(), Ok(1), "the caller waits, and its deadline holds");
    clock.advance(s(10));
    assert_eq!([ask(), ask()], [Ok(1), Ok(1)]);
    assert_eq!(calls.load(Ordering::Relaxed), 1, "nobody waited");
    let tasks = later.take();
    assert_eq!(tasks.len(), 1, "one per key");
    tasks.into_iter().for_each(|task| run(&clock, task));
    assert_eq!(ask(), Ok(2));
}
