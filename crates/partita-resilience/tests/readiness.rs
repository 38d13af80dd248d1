//! Layers keep to what tower asks of services: nothing but a service that was found ready is called, being ready holds
//! nothing of the policy, and services of one layer and their clones share it.

#![allow(clippy::unwrap_used, reason = "a test may")]

use partita_resilience::adaptive::Adaptive;
use partita_resilience::breaker::{Breaker, BreakerLayer};
use partita_resilience::bulkhead::Bulkhead;
use partita_resilience::cache::Cache;
use partita_resilience::coalesce::Coalesce;
use partita_resilience::deadline::Deadline;
use partita_resilience::fallback::Fallback;
use partita_resilience::hedge::Hedge;
use partita_resilience::keyed::{Bounds, Keyed};
use partita_resilience::limiter::{KeyedLimiter, Limiter};
use partita_resilience::monitor::{PolicySnapshot, Watch};
use partita_resilience::retry::Retry;
use partita_resilience::shed::{Priority, Shed};
use partita_resilience::timeout::Timeout;
use partita_resilience::{Error, Policy, Stack, Timing};
use partita_time::ManualClock;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tower::{Layer, Service, ServiceExt};

/// Takes a call only after it was found ready, and is not ready then; nor are its clones. The first request fails.
struct Strict {
    ready: bool,
    calls: Arc<AtomicU32>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self { ready: false, calls: Arc::clone(&self.calls) }
    }
}

impl Service<u32> for Strict {
    type Response = u32;
    type Error = &'static str;
    type Future = Pin<Box<dyn Future<Output = Result<u32, &'static str>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: u32) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "it was not asked whether it is ready");
        let first = self.calls.fetch_add(1, Ordering::Relaxed) == 0;
        Box::pin(async move {
            Timing::system().sleep(Duration::from_millis(1)).await;
            if first { Err("down") } else { Ok(request) }
        })
    }
}

fn seen(policy: &impl Watch) -> String {
    let mut seen: Vec<PolicySnapshot> = Vec::new();
    policy.look(&mut seen);
    format!("{seen:?}")
}

/// A test for each policy as a layer, and how many calls three requests are.
macro_rules! layers {
    ($($name:ident: $calls:literal, |$policy:ident: $type:ty| $new:expr => $layer:expr;)+) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            let $policy: $type = $new;
            let calls = Arc::new(AtomicU32::new(0));
            let untouched = seen(&$policy);
            let mut service = $layer.layer(Strict { ready: false, calls: Arc::clone(&calls) });
            poll_fn(|cx| service.poll_ready(cx)).await.unwrap();
            assert_eq!(seen(&$policy), untouched, "it holds something by being ready");
            drop(service.clone());
            drop(service);
            assert_eq!(seen(&$policy), untouched, "a service that was dropped has left something");
            let service = $layer.layer(Strict { ready: false, calls: Arc::clone(&calls) });
            for request in 1..=3 {
                let _ = service.clone().oneshot(request).await;
            }
            assert_eq!(calls.load(Ordering::Relaxed), $calls);
            assert_ne!(seen(&$policy), untouched, "its clones share no policy");
        }
    )+};
}

fn timing() -> Timing {
    Timing::manual(&ManualClock::new(), 1)
}

const LONG: Duration = Duration::from_secs(9);

layers! {
    a_breaker: 3, |breaker: Breaker| Breaker::builder("p").build().unwrap() => BreakerLayer::new(breaker.clone());
    breakers_by_key: 3, |keyed: Keyed<u32, Breaker>| Breaker::builder("p").build_keyed(Bounds::default()).unwrap() =>
        keyed.layer(|_: &u32| 1);
    a_bulkhead: 3, |bulkhead: Bulkhead| Bulkhead::builder("p").build().unwrap() => bulkhead.layer();
    a_limiter: 3, |limiter: Limiter| Limiter::builder("p").build().unwrap() => limiter.layer();
    a_limiter_that_lets_wait: 3, |limiter: Limiter| Limiter::builder("p").max_wait(LONG).build().unwrap() => limiter.layer();
    a_limiter_by_key: 3, |limiter: KeyedLimiter<u32>| Limiter::builder("p").build_keyed().unwrap() =>
        limiter.layer(|key: &u32| *key);
    an_adaptive_limit: 3, |adaptive: Adaptive| Adaptive::builder("p").build().unwrap() => adaptive.layer();
    load_shedding: 3, |shed: Shed| Shed::builder("p").build().unwrap() => shed.layer(Priority::Normal);
    a_timeout: 3, |timeout: Timeout| Timeout::builder("p").build().unwrap() => timeout.layer();
    a_deadline: 3, |deadline: Deadline| Deadline::builder("p").build().unwrap() => deadline.layer();
    a_retry: 4, |retry: Retry| Retry::builder("p").idempotent(true).build().unwrap() => retry.layer();
    a_hedge: 6, |hedge: Hedge| Hedge::builder("p").idempotent(true).delay(Duration::ZERO).timing(timing()).build().unwrap() => hedge.layer();
    coalescing: 3, |coalesce: Coalesce<u32, u32, &'static str>| Coalesce::builder("p").build().unwrap() =>
        coalesce.layer(|key: &u32| Some(*key));
    a_cache: 2, |cache: Cache<u32, u32>| Cache::builder("p").build().unwrap() => cache.layer(|_: &u32| Some(1));
    a_fallback: 3, |fallback: Fallback| Fallback::builder("p").build() =>
        fallback.layer(|_: &u32| |_: Option<&Error<&'static str>>| async { Ok(0) });
    a_stack: 4, |stack: Stack| Policy::new("p").idempotent().deadline(LONG).retry(Retry::builder("p"))
        .breaker(Breaker::builder("p").build().unwrap()).bulkhead(Bulkhead::builder("p").build().unwrap())
        .attempt_timeout(Duration::from_secs(1)).build().unwrap() => stack.layer();
    a_stack_that_hedges: 6, |stack: Stack| Policy::new("p").idempotent()
        .hedge(Hedge::builder("p").delay(Duration::ZERO)).timing(timing()).build().unwrap() => stack.layer();
}
