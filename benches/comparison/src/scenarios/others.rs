//! Pitfalls of retries, hedges, bulkheads and rate limiters, each against the crate that has such a policy.

use super::Verdict;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, LocalBoxFuture};
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt;
use tower_resilience_bulkhead::BulkheadLayer;
use tower_resilience_hedge::HedgeLayer;
use tower_resilience_ratelimiter::RateLimiterLayer;
use tower_resilience_retry::RetryLayer;

/// A scenario for one crate.
pub(crate) struct Scenario {
    pub(crate) pitfall: &'static str,
    pub(crate) peer: &'static str,
    pub(crate) run: fn() -> LocalBoxFuture<'static, Verdict>,
}

pub(crate) const ALL: [Scenario; 6] = [
    Scenario {
        pitfall: "P12 retries multiply the load of a dependency that fails",
        peer: "tower-resilience-retry 0.14.0",
        run: || retry_storm().boxed_local(),
    },
    Scenario {
        pitfall: "P14 hedges double the load of a dependency that is slow for all",
        peer: "tower-resilience-hedge 0.14.0",
        run: || hedge_storm().boxed_local(),
    },
    Scenario {
        pitfall: "P16 a cancelled waiter takes a permit with it",
        peer: "tower-resilience-bulkhead 0.14.0",
        run: || bulkhead_leak().boxed_local(),
    },
    Scenario {
        pitfall: "P23 keys of an attacker stay in memory",
        peer: "governor 0.10.4",
        run: || keyed_memory().boxed_local(),
    },
    Scenario {
        pitfall: "P24 waiters of a limiter race again and the first may be last",
        peer: "tower-resilience-ratelimiter 0.14.0",
        run: || herd_tower().boxed_local(),
    },
    Scenario {
        pitfall: "P24 waiters of a limiter race again and the first may be last",
        peer: "governor 0.10.4",
        run: || herd_governor().boxed_local(),
    },
];

/// At most a tenth more calls than requests is right.
fn load(calls: &AtomicUsize, requests: usize) -> Verdict {
    let calls = calls.load(Ordering::Relaxed);
    if calls * 10 <= requests * 11 { Ok(()) } else { Err(format!("{calls} calls for {requests} requests")) }
}

async fn retry_storm() -> Verdict {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let dependency = tower::service_fn(move |_: u32| {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Err::<(), _>(std::io::Error::other("down")))
    });
    let layer = RetryLayer::<u32, (), std::io::Error>::builder().exponential_backoff(Duration::from_millis(1)).build();
    let service = tower::Layer::layer(&layer, dependency);
    for request in 0..500 {
        let _ = service.clone().oneshot(request).await;
    }
    load(&calls, 500)
}

async fn hedge_storm() -> Verdict {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let dependency = tower::service_fn(move |_: u32| {
        counted.fetch_add(1, Ordering::Relaxed);
        async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            Ok::<(), Fault>(())
        }
    });
    let service = tower::Layer::layer(&HedgeLayer::new(Duration::from_millis(5)), dependency);
    let requests = (0..500).map(|request| service.clone().oneshot(request));
    futures_util::future::join_all(requests).await;
    load(&calls, 500)
}

#[derive(Clone, Debug)]
struct Fault;

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("fault")
    }
}

impl std::error::Error for Fault {}

async fn bulkhead_leak() -> Verdict {
    let layer = BulkheadLayer::builder().max_concurrent_calls(1).build().expect("the settings of a scenario");
    let service = tower::Layer::layer(&layer, tower::service_fn(|work: BoxedWork| work.0));
    for _ in 0..100 {
        let holder = tokio::spawn(service.clone().oneshot(BoxedWork::lasting(Duration::from_millis(2))));
        tokio::task::yield_now().await;
        let waiter = tokio::spawn(service.clone().oneshot(BoxedWork::lasting(Duration::ZERO)));
        tokio::task::yield_now().await;
        waiter.abort();
        let _ = (holder.await, waiter.await);
    }
    let last = service.clone().oneshot(BoxedWork::lasting(Duration::ZERO));
    match tokio::time::timeout(Duration::from_secs(1), last).await {
        Ok(_) => Ok(()),
        Err(_) => Err("after 100 cancelled waiters nobody is let in".to_owned()),
    }
}

struct BoxedWork(BoxFuture<'static, Result<(), Fault>>);

impl BoxedWork {
    fn lasting(time: Duration) -> Self {
        Self(
            async move {
                tokio::time::sleep(time).await;
                Ok(())
            }
            .boxed(),
        )
    }
}

async fn keyed_memory() -> Verdict {
    let quota = governor::Quota::with_period(Duration::from_millis(1)).expect("a period");
    let limiter = governor::RateLimiter::<u64, _, _>::keyed(quota);
    for key in 0..300_000_u64 {
        let _ = limiter.check_key(&key);
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    for _ in 0..1_000 {
        let _ = limiter.check_key(&0);
    }
    match limiter.len() {
        0..=100_000 => Ok(()),
        keys => Err(format!("{keys} keys are kept long after each has its whole quota back, until somebody asks to drop them")),
    }
}

/// The order in which twenty waiters are served.
type Served = Arc<Mutex<Vec<usize>>>;

fn in_order(served: &Served) -> Verdict {
    let served = served.lock().map_err(|e| e.to_string())?;
    let overtaken = served.iter().enumerate().filter(|(index, waiter)| *index < **waiter).count();
    if overtaken == 0 { Ok(()) } else { Err(format!("{overtaken} of {} waiters are served before their turn", served.len())) }
}

async fn herd_tower() -> Verdict {
    let served: Served = Arc::default();
    let seen = Arc::clone(&served);
    let layer = RateLimiterLayer::builder()
        .limit_for_period(1)
        .refresh_period(Duration::from_millis(10))
        .timeout_duration(Duration::from_secs(10))
        .build()
        .expect("the settings of a scenario");
    let service = tower::Layer::layer(
        &layer,
        tower::service_fn(move |waiter: usize| {
            if let Ok(mut seen) = seen.lock() {
                seen.push(waiter);
            }
            std::future::ready(Ok::<(), Infallible>(()))
        }),
    );
    let mut waiters = Vec::new();
    for waiter in 0..20 {
        let service = service.clone();
        waiters.push(tokio::spawn(async move {
            let _ = service.oneshot(waiter).await;
        }));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for waiter in waiters {
        let _ = waiter.await;
    }
    in_order(&served)
}

async fn herd_governor() -> Verdict {
    let served: Served = Arc::default();
    let quota = governor::Quota::with_period(Duration::from_millis(10)).expect("a period");
    let limiter = Arc::new(governor::RateLimiter::direct(quota));
    let mut waiters = Vec::new();
    for waiter in 0..20 {
        let (served, limiter) = (Arc::clone(&served), Arc::clone(&limiter));
        waiters.push(tokio::spawn(async move {
            limiter.until_ready().await;
            if let Ok(mut served) = served.lock() {
                served.push(waiter);
            }
        }));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for waiter in waiters {
        let _ = waiter.await;
    }
    in_order(&served)
}
