//! What a stack promises.

use super::{Policy, Stack};
use crate::breaker::{Breaker, State};
use crate::bulkhead::Bulkhead;
use crate::deadline::Context;
use crate::retry::{Jitter, Retry};
use crate::{Error, Limit, Reason, Timing};
use partita_time::{Host, TaskGroup, TokioClock};
use std::convert::Infallible;
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
    let order = ["fallback", "deadline", "retry", "circuit breaker", "bulkhead", "attempt timeout"];
    assert_eq!(whole().explain().order(), order);
    let text = whole().explain().to_string();
    assert!(text.starts_with("a call to `all` goes through\n 1. fallback         the answer given with `call_or`\n 2. deadline         2 s for all"), "{text}");
    assert!(text.ends_with(" 7. the call itself"), "{text}");
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

#[tokio::test]
async fn it_can_be_spawned_from_generic_code_with_nothing_cloned() {
    struct Unclonable;
    #[derive(Debug)]
    struct Fault;
    async fn generic<T, E, F, Fut>(stack: Stack, work: F) -> Result<T, Error<E>>
    where
        T: Send + 'static,
        E: std::fmt::Debug + Send + 'static,
        F: Fn(crate::deadline::Attempt) -> Fut + Send + Sync + 'static,
        Fut: std::future::Future<Output = Result<T, E>> + Send + 'static,
    {
        #[allow(clippy::disallowed_methods, reason = "the point of the test")]
        tokio::spawn(async move { stack.call(work).await }).await.unwrap()
    }
    assert!(generic(whole(), |_| async { Ok::<_, Fault>(Unclonable) }).await.is_ok());
    let _ = generic(whole(), |_| async { Ok::<_, Infallible>(()) }).await;
}
