//! Permits of bulkheads; and what only our own builders refuse.

use super::{EXECUTION_POLICY, OURS, SEMAPHORE, Scenario, TOWER, TOWER_RESILIENCE, Verdict};
use execution_policy::{CircuitBreaker, ConcurrencyLimit, ExecutionPolicy};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use partita_resilience::Policy;
use partita_resilience::breaker::Breaker;
use partita_resilience::bulkhead::Bulkhead;
use partita_resilience::keyed::{Bounds, Keyed};
use partita_resilience::retry::Retry;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tower::ServiceExt;
use tower::limit::ConcurrencyLimit as TowerLimit;
use tower_resilience_bulkhead::BulkheadLayer;

const P9: &str = "P9 a window shorter than the timeout is built";
const P13: &str = "P13 the order of the calls changes the order of the policies";
const P16: &str = "P16 a cancelled waiter takes a permit with it";
const P17: &str = "P17 one bad shard makes it refuse the others";

pub(crate) const ALL: [Scenario; 9] = [
    Scenario { pitfall: P9, peer: OURS, run: || short_window().boxed_local() },
    Scenario { pitfall: P9, peer: EXECUTION_POLICY, run: || short_window_of_execution_policy().boxed_local() },
    Scenario { pitfall: P13, peer: OURS, run: || order().boxed_local() },
    Scenario { pitfall: P16, peer: OURS, run: || waiters(ours).boxed_local() },
    Scenario { pitfall: P16, peer: TOWER_RESILIENCE, run: || waiters(tower_resilience).boxed_local() },
    Scenario { pitfall: P16, peer: EXECUTION_POLICY, run: || waiters(execution_policy).boxed_local() },
    Scenario { pitfall: P16, peer: TOWER, run: || waiters(tower_limit).boxed_local() },
    Scenario { pitfall: P16, peer: SEMAPHORE, run: || waiters(semaphore).boxed_local() },
    Scenario { pitfall: P17, peer: OURS, run: || shards().boxed_local() },
];

/// A call of this length through a bulkhead of one permit.
type Caller = Box<dyn Fn(Duration) -> BoxFuture<'static, ()>>;

async fn waiters(make: fn() -> Caller) -> Verdict {
    let call = make();
    for _ in 0..100 {
        let holder = tokio::spawn(call(Duration::from_millis(2)));
        tokio::task::yield_now().await;
        let waiter = tokio::spawn(call(Duration::ZERO));
        tokio::task::yield_now().await;
        waiter.abort();
        let _ = (holder.await, waiter.await);
    }
    match tokio::time::timeout(Duration::from_secs(1), call(Duration::ZERO)).await {
        Ok(()) => Ok(()),
        Err(_) => Err("after 100 cancelled waiters nobody is let in".to_owned()),
    }
}

fn ours() -> Caller {
    let bulkhead = Bulkhead::builder("b").max_concurrent(1).build().expect("the settings of a scenario");
    Box::new(move |time| {
        let bulkhead = bulkhead.clone();
        async move {
            let _ = bulkhead.call(|| tokio::time::sleep(time).map(Ok::<(), Infallible>)).await;
        }
        .boxed()
    })
}

fn tower_resilience() -> Caller {
    let layer = BulkheadLayer::builder().max_concurrent_calls(1).build().expect("the settings of a scenario");
    let service = tower::Layer::layer(&layer, tower::service_fn(|time| tokio::time::sleep(time).map(Ok::<(), Fault>)));
    Box::new(move |time| service.clone().oneshot(time).map(drop).boxed())
}

#[derive(Debug)]
struct Fault;

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("fault")
    }
}

impl std::error::Error for Fault {}

fn execution_policy() -> Caller {
    let builder = ExecutionPolicy::builder::<(), Fault>().concurrency_limit(ConcurrencyLimit::operations(1));
    let policy = Arc::new(builder.build());
    Box::new(move |time| {
        let policy = Arc::clone(&policy);
        async move {
            let _ = policy.run_boxed(move || tokio::time::sleep(time).map(Ok).boxed()).await;
        }
        .boxed()
    })
}

fn tower_limit() -> Caller {
    let work = tower::service_fn(|time| tokio::time::sleep(time).map(Ok::<(), Infallible>));
    let service = TowerLimit::new(work, 1);
    Box::new(move |time| service.clone().oneshot(time).map(drop).boxed())
}

fn semaphore() -> Caller {
    let permits = Arc::new(Semaphore::new(1));
    Box::new(move |time| {
        let permits = Arc::clone(&permits);
        async move {
            let _permit = permits.acquire().await;
            tokio::time::sleep(time).await;
        }
        .boxed()
    })
}

async fn short_window() -> Verdict {
    let breaker = Breaker::builder("b").window(Duration::from_secs(1)).call_timeout(Duration::from_secs(5));
    match breaker.build() {
        Ok(_) => Err("a window of 1 s is built under a timeout of 5 s".to_owned()),
        Err(_) => Ok(()),
    }
}

async fn short_window_of_execution_policy() -> Verdict {
    let breaker = CircuitBreaker::failure_ratio().sampling_window(Duration::from_secs(1));
    let policy = ExecutionPolicy::builder::<(), Fault>().attempt_timeout(Duration::from_secs(5));
    match policy.circuit_breaker(breaker).try_build() {
        Ok(_) => Err("a window of 1 s is built under an attempt timeout of 5 s".to_owned()),
        Err(_) => Ok(()),
    }
}

async fn order() -> Verdict {
    let breaker = || Breaker::builder("b").build().expect("the settings of a scenario");
    let second = Duration::from_secs(1);
    let one =
        Policy::new("p").retry(Retry::builder("r")).breaker(breaker()).attempt_timeout(second).deadline(second * 9);
    let two =
        Policy::new("p").deadline(second * 9).attempt_timeout(second).breaker(breaker()).retry(Retry::builder("r"));
    let [one, two] = [one, two].map(|policy| policy.build().expect("the settings of a scenario").explain());
    if one == two { Ok(()) } else { Err("the same policies, called in another order, stand in another".to_owned()) }
}

async fn shards() -> Verdict {
    let builder = Breaker::builder("b").min_calls(10);
    let breakers: Keyed<u32, Breaker> = builder.build_keyed(Bounds::default()).expect("the settings of a scenario");
    let mut refused = 0;
    for call in 0..1_000_u32 {
        let shard = call % 5;
        let answer = std::future::ready(if shard < 3 { Err(()) } else { Ok(()) });
        let end = breakers.call(&shard, || answer).await;
        refused += u32::from(shard >= 3 && end.is_err());
    }
    if refused == 0 { Ok(()) } else { Err(format!("{refused} calls of healthy shards are refused")) }
}
