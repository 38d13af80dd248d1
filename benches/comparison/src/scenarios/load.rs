//! Work that retries and hedges add.

use super::{EXECUTION_POLICY, OURS, Scenario, TOWER, TOWER_RESILIENCE, Verdict};
use execution_policy::{ExecutionPolicy, Retry as PolicyRetry};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use partita_resilience::hedge::Hedge;
use partita_resilience::retry::Retry;
use std::io::{Error, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tower::ServiceExt;
use tower_resilience_hedge::HedgeLayer;
use tower_resilience_retry::RetryLayer;

const P12: &str = "P12 retries multiply the load of a dependency that fails";
const P14: &str = "P14 hedges double the load of a dependency that is slow for all";
const P14_LOSERS: &str = "P14 a loser is still at work when the answer is there";
const P15: &str = "P15 the winner's body is cut off";

pub(crate) const ALL: [Scenario; 12] = [
    Scenario { pitfall: P12, peer: OURS, run: || retries(ours_retry).boxed_local() },
    Scenario { pitfall: P12, peer: TOWER_RESILIENCE, run: || retries(tower_resilience_retry).boxed_local() },
    Scenario { pitfall: P12, peer: EXECUTION_POLICY, run: || retries(execution_policy_retry).boxed_local() },
    Scenario { pitfall: P14, peer: OURS, run: || hedges(ours_hedge).boxed_local() },
    Scenario { pitfall: P14, peer: TOWER_RESILIENCE, run: || hedges(tower_resilience_hedge).boxed_local() },
    Scenario { pitfall: P14, peer: TOWER, run: || hedges(tower_hedge).boxed_local() },
    Scenario { pitfall: P14_LOSERS, peer: OURS, run: || losers(ours_hedge).boxed_local() },
    Scenario { pitfall: P14_LOSERS, peer: TOWER_RESILIENCE, run: || losers(tower_resilience_hedge).boxed_local() },
    Scenario { pitfall: P14_LOSERS, peer: TOWER, run: || losers(tower_hedge).boxed_local() },
    Scenario { pitfall: P15, peer: OURS, run: || bodies(ours_hedge).boxed_local() },
    Scenario { pitfall: P15, peer: TOWER_RESILIENCE, run: || bodies(tower_resilience_hedge).boxed_local() },
    Scenario { pitfall: P15, peer: TOWER, run: || bodies(tower_hedge).boxed_local() },
];

/// What a call is answered with: chunks to come.
type Body = Arc<tokio::sync::Mutex<mpsc::Receiver<u32>>>;

/// One call to the dependency, by the number of the request.
type Dependency = Arc<dyn Fn(u32) -> BoxFuture<'static, Result<Body, Error>> + Send + Sync>;

/// A request through a policy: its answer, if there was one.
type Caller = Box<dyn Fn(u32) -> BoxFuture<'static, Option<Body>>>;

fn empty() -> Body {
    Arc::new(tokio::sync::Mutex::new(mpsc::channel(1).1))
}

/// At most a tenth more calls than requests is right.
fn load(calls: &AtomicUsize, requests: usize) -> Verdict {
    let calls = calls.load(Ordering::Relaxed);
    if calls * 10 <= requests * 11 { Ok(()) } else { Err(format!("{calls} calls for {requests} requests")) }
}

async fn retries(make: fn(Dependency) -> Caller) -> Verdict {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let call = make(Arc::new(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Err(Error::from(ErrorKind::ConnectionReset))).boxed()
    }));
    for request in 0..500 {
        call(request).await;
    }
    load(&calls, 500)
}

fn ours_retry(dependency: Dependency) -> Caller {
    let retry = Retry::builder("retry").initial(Duration::from_millis(1)).idempotent(true).build();
    let retry = retry.expect("the settings of a scenario");
    Box::new(move |request| {
        let (retry, dependency) = (retry.clone(), Arc::clone(&dependency));
        async move { retry.call(|_| dependency(request)).await.ok() }.boxed()
    })
}

fn tower_resilience_retry(dependency: Dependency) -> Caller {
    let layer = RetryLayer::<u32, Body, Error>::builder().exponential_backoff(Duration::from_millis(1)).build();
    let service = tower::Layer::layer(&layer, tower::service_fn(move |request| dependency(request)));
    Box::new(move |request| service.clone().oneshot(request).map(Result::ok).boxed())
}

fn execution_policy_retry(dependency: Dependency) -> Caller {
    let retry = PolicyRetry::exponential().base_delay(Duration::from_millis(1));
    let policy = Arc::new(ExecutionPolicy::builder::<Body, Error>().retry(retry).build());
    Box::new(move |request| {
        let (policy, dependency) = (Arc::clone(&policy), Arc::clone(&dependency));
        async move { policy.run_boxed(move || dependency(request)).await.ok() }.boxed()
    })
}

/// Quick calls, and time to learn from them.
async fn warm(call: &Caller) {
    futures_util::future::join_all((0..300).map(call)).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
}

/// A few hundred quick calls, so that a delay by quantile is known; then the dependency is slow for all.
async fn hedges(make: fn(Dependency) -> Caller) -> Verdict {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let call = make(Arc::new(move |request| {
        counted.fetch_add(1, Ordering::Relaxed);
        let time = Duration::from_millis(if request < 300 { 2 } else { 60 });
        tokio::time::sleep(time).map(|()| Ok(empty())).boxed()
    }));
    warm(&call).await;
    calls.store(0, Ordering::Relaxed);
    futures_util::future::join_all((300..800).map(&call)).await;
    load(&calls, 500)
}

/// Counts itself while it lives.
struct AtWork(Arc<AtomicUsize>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Quick calls; then one whose first attempt hangs, and what answers is the hedge.
async fn hedged(call: &Caller) -> Result<Body, String> {
    warm(call).await;
    match tokio::time::timeout(Duration::from_secs(1), call(300)).await {
        Ok(answer) => answer.ok_or_else(|| "the hedge is not answered".to_owned()),
        Err(_) => Err("not to be told: no hedge begins within a second".to_owned()),
    }
}

async fn losers(make: fn(Dependency) -> Caller) -> Verdict {
    let (at_work, begun) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&at_work);
    let call = make(Arc::new(move |request| {
        counted.fetch_add(1, Ordering::Relaxed);
        let guard = AtWork(Arc::clone(&counted));
        let hangs = request == 300 && begun.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            let _guard = guard;
            tokio::time::sleep(Duration::from_millis(if hangs { 5_000 } else { 2 })).await;
            Ok(empty())
        }
        .boxed()
    }));
    hedged(&call).await?;
    match at_work.load(Ordering::Relaxed) {
        0 => Ok(()),
        losers => Err(format!("{losers} attempt is at work when the answer is there")),
    }
}

async fn bodies(make: fn(Dependency) -> Caller) -> Verdict {
    let begun = Arc::new(AtomicUsize::new(0));
    let call = make(Arc::new(move |request| {
        let hangs = request == 300 && begun.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            tokio::time::sleep(Duration::from_millis(if hangs { 5_000 } else { 2 })).await;
            let (sender, chunks) = mpsc::channel(1);
            tokio::spawn(async move {
                for chunk in 0..20 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    let _ = sender.send(chunk).await;
                }
            });
            Ok(Arc::new(tokio::sync::Mutex::new(chunks)))
        }
        .boxed()
    }));
    let body = hedged(&call).await?;
    let (mut body, mut read) = (body.lock().await, 0);
    while body.recv().await.is_some() {
        read += 1;
    }
    if read == 20 { Ok(()) } else { Err(format!("{read} of 20 chunks")) }
}

fn ours_hedge(dependency: Dependency) -> Caller {
    let hedge = Hedge::builder("hedge").idempotent(true).build().expect("the settings of a scenario");
    Box::new(move |request| {
        let (hedge, dependency) = (hedge.clone(), Arc::clone(&dependency));
        async move { hedge.call(|_| dependency(request)).await.ok() }.boxed()
    })
}

fn tower_resilience_hedge(dependency: Dependency) -> Caller {
    let answer = move |request| {
        let answer = dependency(request);
        async move { Ok::<_, Fault>(answer.await.expect("a dependency that does not fail")) }.boxed()
    };
    let service = tower::Layer::layer(&HedgeLayer::new(Duration::from_millis(10)), tower::service_fn(answer));
    Box::new(move |request| service.clone().oneshot(request).map(Result::ok).boxed())
}

/// What that crate wants of an error: that it is cloned.
#[derive(Clone, Debug)]
struct Fault;

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("fault")
    }
}

impl std::error::Error for Fault {}

fn tower_hedge(dependency: Dependency) -> Caller {
    let service = tower::service_fn(move |request| dependency(request));
    // It learns from the period before, so what it would have seen is handed in.
    let (period, seen) = (Duration::from_secs(10), [2; 300]);
    let hedge = tower::hedge::Hedge::new_with_mock_latencies(service, Always, 20, 0.95, period, &seen);
    let hedge = Arc::new(std::sync::Mutex::new(hedge));
    Box::new(move |request| {
        let hedge = Arc::clone(&hedge);
        async move {
            // It is no Clone: a caller makes its call under the lock and awaits the answer outside.
            let answer = {
                let mut hedge = hedge.lock().expect("nobody panics");
                let _ = hedge.ready().now_or_never();
                tower::Service::call(&mut *hedge, request)
            };
            answer.await.ok()
        }
        .boxed()
    })
}

#[derive(Clone)]
struct Always;

impl tower::hedge::Policy<u32> for Always {
    fn clone_request(&self, request: &u32) -> Option<u32> {
        Some(*request)
    }

    fn can_retry(&self, _: &u32) -> bool {
        true
    }
}
