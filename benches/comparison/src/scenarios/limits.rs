//! Rate limits: their memory, and who is served first.

use super::{GOVERNOR, OURS, Scenario, TOWER_RESILIENCE, Verdict};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use partita_resilience::limiter::{KeyedLimiter, Limiter, Quota};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt;
use tower_resilience_ratelimiter::RateLimiterLayer;

const P23: &str = "P23 keys of an attacker stay in memory";
const P24: &str = "P24 waiters race again and the first may be last";

pub(crate) const ALL: [Scenario; 5] = [
    Scenario { pitfall: P23, peer: OURS, run: || our_keys().boxed_local() },
    Scenario { pitfall: P23, peer: GOVERNOR, run: || governors_keys().boxed_local() },
    Scenario { pitfall: P24, peer: OURS, run: || herd(ours).boxed_local() },
    Scenario { pitfall: P24, peer: TOWER_RESILIENCE, run: || herd(tower_resilience).boxed_local() },
    Scenario { pitfall: P24, peer: GOVERNOR, run: || herd(governor).boxed_local() },
];

/// A call a millisecond.
const OFTEN: Duration = Duration::from_millis(1);

/// A call each ten.
const SELDOM: Duration = Duration::from_millis(10);

fn kept(keys: usize) -> Verdict {
    match keys {
        0..=100_000 => Ok(()),
        _ => Err(format!(
            "{keys} keys are kept long after each has its whole quota back, until somebody asks to drop them"
        )),
    }
}

async fn our_keys() -> Verdict {
    let limiter = KeyedLimiter::<u64>::builder("l").quota(Quota::new(1, OFTEN)).build_keyed();
    let limiter = limiter.expect("the settings of a scenario");
    for key in 0..300_000_u64 {
        let _ = limiter.check(&key);
    }
    kept(limiter.snapshot().keys.map_or(0, |keys| keys.entries))
}

async fn governors_keys() -> Verdict {
    let limiter = governor::RateLimiter::<u64, _, _>::keyed(governor::Quota::with_period(OFTEN).expect("a period"));
    for key in 0..300_000_u64 {
        let _ = limiter.check_key(&key);
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    for _ in 0..1_000 {
        let _ = limiter.check_key(&0);
    }
    kept(limiter.len())
}

/// A wait for a limiter's word.
type Waiter = Box<dyn Fn() -> BoxFuture<'static, ()>>;

/// Twenty waiters, one a millisecond, five times over.
async fn herd(make: fn() -> Waiter) -> Verdict {
    let mut overtaken = 0;
    for _ in 0..5 {
        let (wait, served) = (make(), Arc::new(Mutex::new(Vec::new())));
        let mut waiters = Vec::new();
        for waiter in 0..20 {
            let (turn, served) = (wait(), Arc::clone(&served));
            waiters.push(tokio::spawn(async move {
                turn.await;
                if let Ok(mut served) = served.lock() {
                    served.push(waiter);
                }
            }));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        futures_util::future::join_all(waiters).await;
        let served = served.lock().map_err(|e| e.to_string())?;
        overtaken += served.iter().enumerate().filter(|(index, waiter)| *index < **waiter).count();
    }
    if overtaken == 0 { Ok(()) } else { Err(format!("{overtaken} of 100 waiters are served before their turn")) }
}

fn ours() -> Waiter {
    let limiter = Limiter::builder("l").quota(Quota::new(1, SELDOM)).build().expect("the settings of a scenario");
    Box::new(move || {
        let limiter = limiter.clone();
        async move {
            let _ = limiter.until_ready(1).await;
        }
        .boxed()
    })
}

fn tower_resilience() -> Waiter {
    let layer = RateLimiterLayer::builder()
        .limit_for_period(1)
        .refresh_period(SELDOM)
        .timeout_duration(Duration::from_secs(10))
        .build()
        .expect("the settings of a scenario");
    let service = tower::Layer::layer(&layer, tower::service_fn(|()| std::future::ready(Ok::<(), Infallible>(()))));
    Box::new(move || service.clone().oneshot(()).map(drop).boxed())
}

fn governor() -> Waiter {
    let limiter = Arc::new(governor::RateLimiter::direct(governor::Quota::with_period(SELDOM).expect("a period")));
    Box::new(move || {
        let limiter = Arc::clone(&limiter);
        async move { limiter.until_ready().await }.boxed()
    })
}
