//! Every layer over any service can be spawned: neither request, answer nor error is cloned.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, and spawning is what it is about")]

use partita_resilience::adaptive::Adaptive;
use partita_resilience::breaker::{Breaker, BreakerLayer};
use partita_resilience::bulkhead::Bulkhead;
use partita_resilience::cache::Cache;
use partita_resilience::coalesce::Coalesce;
use partita_resilience::deadline::Deadline;
use partita_resilience::fallback::Fallback;
use partita_resilience::hedge::Hedge;
use partita_resilience::keyed::Bounds;
use partita_resilience::limiter::{Limiter, Tier, Tiers};
use partita_resilience::retry::Retry;
use partita_resilience::shed::{Priority, Shed};
use partita_resilience::timeout::Timeout;
use partita_resilience::{Error, Policy, Timing};
use std::fmt::Debug;
use std::future::ready;
use std::time::Duration;
use tokio::task::JoinHandle;
use tower::{Layer, Service, ServiceExt, service_fn};

/// Cannot be cloned.
#[derive(Debug, PartialEq)]
struct Only(u32);

/// A test for each layer.
macro_rules! spawned {
    ($($test:ident: $layer:expr;)+) => {$(
        #[tokio::test(start_paused = true)]
        async fn $test() {
            fn generic<Q, T, E, S>(inner: S, request: Q) -> JoinHandle<Result<T, Error<E>>>
            where
                Q: Send + 'static,
                T: Send + 'static,
                E: Debug + Send + 'static,
                S: Service<Q, Response = T, Error = E> + Clone + Send + 'static,
                S::Future: Send + 'static,
            {
                tokio::spawn($layer.layer(inner).oneshot(request))
            }
            let inner = service_fn(|Only(number): Only| ready(Ok::<_, Only>(Only(number + 1))));
            assert_eq!(generic(inner, Only(6)).await.unwrap(), Ok(Only(7)));
        }
    )+};
}

spawned! {
    a_breaker: BreakerLayer::new(Breaker::builder("b").build().unwrap());
    a_bulkhead: Bulkhead::builder("b").build().unwrap().layer();
    a_limiter: Limiter::builder("l").build().unwrap().layer();
    an_adaptive_limit: Adaptive::builder("a").build().unwrap().layer();
    load_shed: Shed::builder("s").build().unwrap().layer(Priority::Normal);
    a_timeout: Timeout::builder("t").build().unwrap().layer();
    a_deadline: Deadline::builder("d").build().unwrap().layer();
    a_retry: Retry::builder("r").build().unwrap().layer().repeat(|_: &Q| None);
    a_hedge: Hedge::builder("h").idempotent(true).build().unwrap().layer().repeat(|_: &Q| None);
    a_fallback: Fallback::builder("f").build().layer(|_: &Q| |_: Option<&Error<E>>| async { unreachable!("it answers") });
    a_limiter_by_key: Limiter::builder("l").build_keyed::<u8>().unwrap().layer(|_: &Q| 1);
    tiers: Tiers::<u8>::hourly(&Timing::system()).unwrap().layer(|_: &Q| (Tier::Premium, 1));
    a_breaker_by_key: Breaker::builder("b").build_keyed::<u8>(Bounds::default()).unwrap().layer(|_: &Q| 1);
    a_stack_with_a_fallback: Policy::new("s").fallback(Fallback::builder("f")).build().unwrap()
        .layer(|_: &Q| |_: Option<&Error<E>>| async { unreachable!("it answers") }).repeat(|_: &Q| None);
    a_stack: Policy::new("s").idempotent().deadline(Duration::from_secs(10)).retry(Retry::builder("r"))
        .breaker(Breaker::builder("b").build().unwrap()).attempt_timeout(Duration::from_secs(1))
        .build().unwrap().layer().repeat(|_: &Q| None);
}

/// What shares answers clones them, and nothing else.
#[tokio::test(start_paused = true)]
async fn layers_that_share_answers() {
    fn coalesced<Q, T, E, S>(inner: S, requests: [Q; 2]) -> [JoinHandle<Result<T, Error<E>>>; 2]
    where
        Q: Send + 'static,
        T: Clone + Send + Sync + 'static,
        E: Clone + Debug + Send + Sync + 'static,
        S: Service<Q, Response = T, Error = E> + Clone + Send + 'static,
        S::Future: Send + 'static,
    {
        let [first, second] = requests;
        let coalesce = || Coalesce::<u8, T, E>::builder("c").build().unwrap();
        let stack = Policy::new("s").coalesce(coalesce()).build().unwrap();
        let alone = coalesce().layer(|_: &Q| Some(1)).layer(inner.clone()).oneshot(first);
        let stacked = stack.layer(|_: &Q| Some(1)).repeat(|_: &Q| None).layer(inner).oneshot(second);
        [tokio::spawn(alone), tokio::spawn(stacked)]
    }
    fn cached<Q, T, E, S>(inner: S, requests: [Q; 2]) -> [JoinHandle<Result<T, Error<E>>>; 2]
    where
        Q: Send + 'static,
        T: Clone + Send + Sync + 'static,
        E: Debug + Send + 'static,
        S: Service<Q, Response = T, Error = E> + Clone + Send + 'static,
        S::Future: Send + 'static,
    {
        let [first, second] = requests;
        let cache = || Cache::<u8, T>::builder("c").build().unwrap();
        let stack = Policy::new("s").cache(cache()).build().unwrap();
        let alone = cache().layer(|_: &Q| Some(1)).layer(inner.clone()).oneshot(first);
        let stacked = stack.layer(|_: &Q| Some(1)).repeat(|_: &Q| None).layer(inner).oneshot(second);
        [tokio::spawn(alone), tokio::spawn(stacked)]
    }
    let inner = service_fn(|Only(number): Only| ready(Ok::<_, ()>(number + 1)));
    for spawned in coalesced(inner, [Only(6), Only(6)]) {
        assert_eq!(spawned.await.unwrap(), Ok(7));
    }
    let inner = service_fn(|Only(number): Only| ready(if number == 0 { Err(Only(0)) } else { Ok(number + 1) }));
    for spawned in cached(inner, [Only(6), Only(6)]) {
        assert_eq!(spawned.await.unwrap(), Ok(7));
    }
}
