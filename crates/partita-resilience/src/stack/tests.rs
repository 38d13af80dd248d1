//! What a stack promises.

use super::{Policy, Stack};
use crate::adaptive::Adaptive;
use crate::breaker::{Breaker, State};
use crate::bulkhead::Bulkhead;
use crate::cache::Cache;
use crate::coalesce::Coalesce;
use crate::deadline::Context;
use crate::fallback::Fallback;
use crate::hedge::Hedge;
use crate::limiter::{Limiter, Quota};
use crate::monitor::{PolicySnapshot, Watch};
use crate::retry::{Jitter, Retry};
use crate::{Error, Limit, PolicyKind, Reason, Timing};
use partita_time::{Host, TaskGroup, TokioClock};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tower::{Layer, ServiceExt};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn timing() -> Timing {
    let clock = Arc::new(TokioClock::anchored(partita_time::Timestamp::default()));
    let entropy = Arc::new(partita_time::Entropy::seeded(1));
    Timing::of(&Host { clock, spawner: Arc::new(TaskGroup::new()), entropy })
}

fn breaker(timing: &Timing) -> Breaker {
    Breaker::builder("b").min_calls(4).timing(timing.clone()).build().unwrap()
}

fn whole() -> Stack {
    let timing = timing();
    Policy::new("all")
        .attempt_timeout(ms(500))
        .bulkhead(Bulkhead::builder("b").max_concurrent(2).max_wait(ms(10)).timing(timing.clone()).build().unwrap())
        .breaker(breaker(&timing))
        .retry(Retry::builder("r").jitter(Jitter::None))
        .idempotent()
        .deadline(ms(2_000))
        .timing(timing)
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_order_does_not_depend_on_the_order_of_the_methods() {
    let order = ["deadline", "retry", "circuit breaker", "bulkhead", "attempt timeout"];
    assert_eq!(whole().explain().order(), order);
    let text = whole().explain().to_string();
    assert!(text.starts_with("a call to `all` goes through\n 1. deadline         2 s for all"), "{text}");
    assert!(text.ends_with(" 6. the call itself"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_is_made_again_and_the_breaker_sees_each() {
    let stack = whole();
    let made = AtomicU32::new(0);
    let answer = stack
        .call(|attempt| {
            made.fetch_add(1, Ordering::Relaxed);
            async move { if attempt.number() < 3 { Err("down") } else { Ok(attempt.number()) } }
        })
        .await;
    assert_eq!((answer, made.into_inner()), (Ok(3), 3));
    let seen = stack.parts().breaker.as_ref().unwrap().snapshot();
    assert_eq!((seen.successful, seen.failed), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_hang_is_cut_off_by_the_attempt_and_counted_by_the_breaker() {
    let stack = whole();
    let end = stack.call(|_| std::future::pending::<Result<(), &str>>()).await;
    let Err(Error::Exhausted { attempts: 3, last }) = end else { panic!("{end:?}") };
    assert_eq!(*last, Error::TimedOut { after: ms(500), which: Limit::Attempt });
    assert_eq!(stack.parts().breaker.as_ref().unwrap().snapshot().failed, 3);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_everything_at_its_time() {
    let timing = timing();
    let stack = Policy::new("d").deadline(ms(300)).timing(timing.clone()).build().unwrap();
    let end = stack.call(|_| std::future::pending::<Result<(), &str>>()).await;
    assert_eq!(end, Err(Error::TimedOut { after: ms(300), which: Limit::Deadline }));
    assert_eq!(timing.now(), ms(300));
    let sooner = Context::new().within(&timing, ms(100));
    let end = stack.call_in(sooner, |_| std::future::pending::<Result<(), &str>>()).await;
    assert_eq!(end, Err(Error::TimedOut { after: ms(100), which: Limit::Deadline }));
}

#[tokio::test(start_paused = true)]
#[allow(clippy::disallowed_methods, reason = "holders that run beside the call")]
async fn a_refusal_of_the_bulkhead_is_neither_retried_nor_seen_by_the_breaker() {
    let stack = whole();
    let holders: Vec<_> = (0..2)
        .map(|_| {
            let stack = stack.clone();
            #[allow(clippy::disallowed_methods, reason = "holds a permit until the test ends it")]
            tokio::task::spawn(async move { stack.call(|_| std::future::pending::<Result<(), &str>>()).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let end = stack.call(|_| async { Ok::<_, &str>(()) }).await;
    let rejected = end.unwrap_err();
    assert_eq!(rejected.rejected().map(|rejected| rejected.reason), Some(Reason::WaitedTooLong));
    let seen = stack.parts().breaker.as_ref().unwrap().snapshot();
    assert_eq!((seen.total, seen.failed), (0, 0));
    holders.into_iter().for_each(|holder| holder.abort());
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_stops_the_retries() {
    let stack = whole();
    let made = AtomicU32::new(0);
    for _ in 0..4 {
        let _ = stack
            .call(|_| {
                made.fetch_add(1, Ordering::Relaxed);
                async { Err::<(), _>("down") }
            })
            .await;
    }
    assert_eq!(stack.parts().breaker.as_ref().unwrap().state(), State::Open);
    assert_eq!(made.into_inner(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_can_only_be_a_mistake_is_refused_with_its_reason() {
    let twice = Policy::new("x").deadline(ms(1)).deadline(ms(2)).build().unwrap_err().to_string();
    assert!(twice.contains("`deadline`: is there twice"), "{twice}");
    let long = Policy::new("x").deadline(ms(100)).attempt_timeout(ms(200)).build().unwrap_err().to_string();
    assert!(long.contains("200 ms for an attempt never pass within a deadline of 100 ms"), "{long}");
}

#[tokio::test(start_paused = true)]
async fn p9_a_window_shorter_than_two_attempts_is_refused() {
    let short = Breaker::builder("b").window(ms(900)).slow_call(ms(100)).timing(timing()).build().unwrap();
    let refused = Policy::new("x").breaker(short).attempt_timeout(ms(500)).build().unwrap_err().to_string();
    assert!(refused.contains("a window of 900 ms forgets calls before they time out after 500 ms"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn as_a_layer_it_repeats_requests_and_shares_its_state() {
    let stack = whole();
    let made = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&made);
    let service = stack.layer().layer(tower::service_fn(move |request: u32| {
        let number = counted.fetch_add(1, Ordering::Relaxed);
        async move { if number == 0 { Err("down") } else { Ok(request * 2) } }
    }));
    assert_eq!(service.clone().oneshot(21).await, Ok(42));
    assert_eq!(service.oneshot(1).await, Ok(2));
    assert_eq!(made.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_repeated_is_made_once() {
    struct Streamed;
    let stack = whole();
    let layer = stack.layer().repeat(|_: &Streamed| None);
    let service = layer.layer(tower::service_fn(|_: Streamed| async { Err::<(), _>("down") }));
    assert_eq!(service.oneshot(Streamed).await, Err(Error::Inner("down")));
}

type End = Result<u32, Error<&'static str>>;

#[tokio::test(start_paused = true)]
async fn a_fallback_answers_what_ended_badly_and_is_told_why() {
    let timing = timing();
    let stack = Policy::new("f").fallback(Fallback::builder("shelf")).deadline(ms(100)).timing(timing).build().unwrap();
    let told = |cause: Option<&Error<&'static str>>| std::future::ready(Ok(cause.map_or(0, |_| 7)));
    assert_eq!(stack.call_or(|_| async { Ok(1) }, told).await, Ok(1));
    assert_eq!(stack.call_or(|_| async { Err("down") }, told).await, Ok(7));
    assert_eq!(stack.call_or(|_| std::future::pending(), told).await, Ok(7), "the deadline is beneath it");
    let end: End = stack.call_or(|_| async { Err("down") }, |_| async { Err("empty") }).await;
    let (cause, fallback) = (Box::new(Error::Inner("down")), Box::new(Error::Inner("empty")));
    assert_eq!(end, Err(Error::FallbackFailed { cause, fallback }));
    let seen = stack.fallback().0.snapshot();
    assert_eq!((&*seen.name, seen.served, seen.failed), ("shelf", 2, 1));
    assert_eq!(stack.explain().order(), ["fallback", "deadline"]);
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_counts_calls_and_not_their_attempts() {
    let timing = timing();
    let limiter = Limiter::builder("two").quota(Quota::per_hour(2)).timing(timing.clone()).build().unwrap();
    let stack = Policy::new("l").retry(Retry::builder("r").jitter(Jitter::None)).idempotent();
    let stack = stack.rate_limit(limiter.clone()).timing(timing).build().unwrap();
    let made = AtomicU32::new(0);
    let work = |_| {
        made.fetch_add(1, Ordering::Relaxed);
        async { Err::<u32, _>("down") }
    };
    for _ in 0..2 {
        assert!(matches!(stack.call(work).await, Err(Error::Exhausted { attempts: 3, .. })));
    }
    let refused = stack.call(work).await.unwrap_err();
    assert!(matches!(&refused, Error::Rejected(rejected) if rejected.reason == Reason::LimitReached), "{refused:?}");
    assert_eq!((made.load(Ordering::Relaxed), limiter.snapshot().admitted, limiter.snapshot().rejected), (6, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_hedge_stands_beside_a_slow_call_and_the_breaker_sees_both() {
    let timing = timing();
    let breaker = breaker(&timing);
    let stack = Policy::new("h").hedge(Hedge::builder("h").delay(ms(50))).idempotent().breaker(breaker.clone());
    let stack = stack.timing(timing.clone()).build().unwrap();
    let work = |attempt: crate::deadline::Attempt| {
        let timing = timing.clone();
        async move {
            let (number, wait) = (attempt.number(), if attempt.number() == 1 { ms(900) } else { ms(10) });
            timing.sleep(wait).await;
            Ok::<_, &str>(number)
        }
    };
    assert_eq!((stack.call(work).await, timing.now()), (Ok(2), ms(60)));
    let seen = breaker.snapshot();
    assert_eq!((seen.successful, seen.failed), (1, 0), "the loser was cancelled and says nothing");
    breaker.force_open();
    assert!(matches!(stack.call(work).await, Err(Error::Rejected(_))));
    assert_eq!(stack.parts().hedge.as_ref().unwrap().snapshot().hedges, 1, "none while the breaker is open");
}

#[tokio::test(start_paused = true)]
async fn callers_of_one_key_share_one_call_and_keep_their_own_deadlines() {
    let timing = timing();
    let coalesce = Coalesce::<&str, u32, &str>::builder("c").timing(timing.clone()).build().unwrap();
    let stack = Policy::new("c").coalesce(coalesce).deadline(ms(500)).timing(timing.clone()).build().unwrap();
    let made = AtomicU32::new(0);
    let work = |_| {
        made.fetch_add(1, Ordering::Relaxed);
        let timing = timing.clone();
        async move {
            timing.sleep(ms(100)).await;
            Ok(7)
        }
    };
    let hurried = Context::new().within(&timing, ms(30)).scope(stack.call_keyed("a", work));
    let ends: (End, End, End, End) =
        tokio::join!(stack.call_keyed("a", work), stack.call_keyed("a", work), stack.call_keyed("b", work), hurried);
    assert_eq!((ends.0, ends.1, ends.2), (Ok(7), Ok(7), Ok(7)));
    assert!(matches!(ends.3, Err(Error::TimedOut { .. })), "{:?}", ends.3);
    assert_eq!(made.load(Ordering::Relaxed), 2);
    assert_eq!(stack.explain().order(), ["deadline", "coalesce"]);
}

#[tokio::test(start_paused = true)]
async fn a_kept_answer_spares_the_call_and_a_stale_one_hides_an_open_breaker() {
    let timing = timing();
    let cache = Cache::<&str, u32>::builder("k").ttl(ms(100)).timing(timing.clone()).build().unwrap();
    let breaker = breaker(&timing);
    let stack = Policy::new("k").cache(cache).breaker(breaker.clone()).timing(timing.clone()).build().unwrap();
    let answer = |number: u32| stack.call_keyed("a", move |_| async move { Ok::<_, &str>(number) });
    assert_eq!((answer(1).await, answer(2).await), (Ok(1), Ok(1)));
    breaker.force_open();
    timing.sleep(ms(150)).await;
    assert_eq!(answer(3).await, Ok(1));
    assert_eq!(breaker.snapshot().rejected, 1, "asked, and refused");
    assert!(matches!(stack.call_keyed("b", |_| async { Ok::<_, &str>(4) }).await, Err(Error::Rejected(_))));
}

#[tokio::test(start_paused = true)]
async fn an_adaptive_limit_stands_where_a_bulkhead_would() {
    let timing = timing();
    let limit = || Adaptive::builder("a").initial(1).timing(timing.clone()).build().unwrap();
    let (adaptive, breaker) = (limit(), breaker(&timing));
    let stack = Policy::new("a").attempt_timeout(ms(500)).adaptive_limit(adaptive.clone()).breaker(breaker.clone());
    let stack = stack.timing(timing.clone()).build().unwrap();
    assert_eq!(stack.explain().order(), ["circuit breaker", "adaptive limit", "attempt timeout"]);
    let hang = stack.call(|_| std::future::pending::<Result<u32, &str>>());
    let (held, refused) = tokio::join!(hang, stack.call(|_| async { Ok::<_, &str>(1) }));
    assert!(matches!(held, Err(Error::TimedOut { which: Limit::Attempt, .. })), "{held:?}");
    let refused = refused.unwrap_err();
    assert_eq!(refused.rejected().map(|rejected| rejected.reason), Some(Reason::Saturated));
    let seen = adaptive.snapshot();
    assert_eq!((seen.in_flight, seen.admitted, seen.rejected), (0, 1, 1));
    assert_eq!((breaker.snapshot().failed, breaker.snapshot().ignored), (1, 1), "the refusal is ours");
    let bulkhead = Bulkhead::builder("b").timing(timing.clone()).build().unwrap();
    let both = Policy::new("x").bulkhead(bulkhead).adaptive_limit(limit()).build().unwrap_err().to_string();
    assert!(both.contains("`adaptive_limit`: stands beside a bulkhead: the lower of two limits"), "{both}");
}

#[tokio::test]
async fn repeats_that_can_only_do_harm_are_refused() {
    let careless = Policy::new("x").hedge(Hedge::builder("h").delay(ms(1))).build().unwrap_err().to_string();
    assert!(careless.contains("`idempotent`: a hedge makes a call twice at the same time"), "{careless}");
    assert!(Policy::new("x").hedge(Hedge::builder("h").delay(ms(1))).idempotent().build().is_ok());
    let endless = || Policy::new("x").retry(Retry::builder("r").unlimited_attempts());
    let refused = endless().build().unwrap_err().to_string();
    assert!(refused.contains("unlimited without a deadline never ends"), "{refused}");
    assert!(endless().deadline(ms(100)).build().is_ok(), "the deadline ends them");
}

#[tokio::test(start_paused = true)]
async fn a_retry_keeps_its_own_sooner_deadline() {
    let timing = timing();
    let retry = Retry::builder("r").jitter(Jitter::None).unlimited_attempts().without_budget().deadline(ms(250));
    let stack = Policy::new("x").retry(retry).idempotent().deadline(ms(5_000)).timing(timing.clone()).build().unwrap();
    let end = stack.call(|_| async { Err::<u32, _>("down") }).await;
    assert!(matches!(end, Err(Error::Exhausted { attempts: 2, .. })), "{end:?} at {:?}", timing.now());
}

#[tokio::test(start_paused = true)]
async fn p7_a_breaker_stacked_by_hand_over_another_policy_does_not_count_its_refusals() {
    let timing = timing();
    let breaker = breaker(&timing);
    let crowded = Bulkhead::builder("b").max_concurrent(1).max_wait(Duration::ZERO).timing(timing).build().unwrap();
    let held = crowded.try_acquire().unwrap();
    let service = crowded.layer().layer(tower::service_fn(|()| async { Ok::<(), &str>(()) }));
    let layer = crate::breaker::BreakerLayer::new(breaker.clone()).nested();
    for _ in 0..8 {
        let end = layer.layer(service.clone()).oneshot(()).await;
        assert!(matches!(end, Err(Error::Rejected(rejected)) if rejected.reason == Reason::Saturated));
    }
    drop(held);
    assert_eq!(layer.layer(service).oneshot(()).await, Ok(()));
    let seen = breaker.snapshot();
    assert_eq!((breaker.state(), seen.failed, seen.successful), (State::Closed, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_repeated_is_limited_like_any_other() {
    let timing = timing();
    let limiter = Limiter::builder("l").quota(Quota::per_hour(1)).timing(timing.clone()).build().unwrap();
    let stack = Policy::new("limited").rate_limit(limiter).timing(timing).build().unwrap();
    let once = || stack.call_once(Context::new(), || async { Ok::<_, &str>(()) });
    assert_eq!(once().await, Ok(()));
    assert_eq!(once().await.unwrap_err().rejected().map(|rejected| rejected.reason), Some(Reason::LimitReached));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_counts_what_ended_in_time_what_was_cut_and_what_came_too_late() {
    let timing = &timing();
    let stack = Policy::new("books").deadline(ms(100)).timing(timing.clone()).build().unwrap();
    let sleep = move |time| async move {
        timing.sleep(ms(time)).await;
        Ok::<_, &str>(())
    };
    stack.call(|_| sleep(10)).await.unwrap();
    stack.call(|_| async { Err::<(), _>("no") }).await.unwrap_err();
    let cut = stack.call(|_| sleep(200)).await.unwrap_err();
    assert!(matches!(cut, Error::TimedOut { which: Limit::Deadline, .. }), "{cut}");
    let late = Context::new().until(Duration::ZERO);
    let refused = stack.call_in(late, |_| async { unreachable!("there is no time") as Result<(), &str> }).await;
    let Err(Error::Rejected(rejected)) = refused else { panic!("{refused:?}") };
    assert_eq!((rejected.policy, rejected.reason), (PolicyKind::Deadline, Reason::DeadlinePassed));
    drop(stack.call(|_| sleep(10)));
    let mut seen = vec![];
    stack.look(&mut seen);
    let deadline = seen.iter().find_map(|seen| match seen {
        PolicySnapshot::Deadline(deadline) => Some((deadline.in_time, deadline.timed_out, deadline.refused)),
        _ => None,
    });
    assert_eq!(deadline, Some((2, 1, 1)));
}
