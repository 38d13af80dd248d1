//! Every layer over another policy: the error stays one level deep, and a refusal from beneath is told from an error of
//! the dependency.

use http_body_util::{BodyExt, Empty};
use partita_resilience::adaptive::Adaptive;
use partita_resilience::breaker::{Breaker, BreakerLayer, State};
use partita_resilience::bulkhead::Bulkhead;
use partita_resilience::cache::Cache;
use partita_resilience::coalesce::Coalesce;
use partita_resilience::deadline::Deadline;
use partita_resilience::fallback::Fallback;
use partita_resilience::hedge::Hedge;
use partita_resilience::keyed::Bounds;
use partita_resilience::limiter::{KeyedLimiter, Limiter, Quota, Tier, Tiers};
use partita_resilience::retry::Retry;
use partita_resilience::shed::{Priority, Shed};
use partita_resilience::timeout::Timeout;
use partita_resilience::{Error, Policy, PolicyKind, Timing};
use partita_time::ManualClock;
use std::convert::Infallible;
use std::time::Duration;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

type End = Result<u32, Error<&'static str>>;

fn timing() -> Timing {
    Timing::manual(&ManualClock::new(), 1)
}

/// A dependency behind a bulkhead of one place: 0 fails, all else is answered.
fn beneath(
    bulkhead: &Bulkhead,
) -> impl Service<u32, Response = u32, Error = Error<&'static str>, Future: Send> + Clone + Send + use<> {
    let dependency = service_fn(|n: u32| async move { if n == 0 { Err("down") } else { Ok(n) } });
    bulkhead.layer().layer(dependency)
}

/// An answer passes, an error is the dependency's own, and a refusal is the bulkhead's, all as if nothing stood between.
macro_rules! nested {
    ($($name:ident: $layer:expr;)+) => {$(
        #[tokio::test]
        async fn $name() {
            let bulkhead = Bulkhead::builder("b").max_concurrent(1).max_wait(Duration::ZERO).build().unwrap();
            let layer = $layer;
            let ask = |n: u32| layer.layer(beneath(&bulkhead)).oneshot(n);
            assert_eq!(ask(7).await, Ok(7));
            assert_eq!(ask(0).await.unwrap_err().inner(), Some(&"down"));
            let held = bulkhead.try_acquire().unwrap();
            let refused: End = ask(8).await;
            assert_eq!(refused.unwrap_err().rejected().map(|refused| refused.policy), Some(PolicyKind::Bulkhead));
            drop(held);
            assert_eq!(ask(9).await, Ok(9));
        }
    )+};
}

nested! {
    over_another_policy_a_bulkhead: Bulkhead::builder("over").build().unwrap().layer().nested();
    over_another_policy_a_limiter:
        Limiter::builder("over").quota(Quota::per_second(9)).build().unwrap().layer().nested();
    over_another_policy_a_waiting_limiter:
        Limiter::builder("over").quota(Quota::per_second(9)).max_wait(Duration::from_secs(1)).build().unwrap().layer().nested();
    over_another_policy_an_adaptive_limit: Adaptive::builder("over").build().unwrap().layer().nested();
    over_another_policy_load_shedding:
        Shed::builder("over").max_in_flight(9).build().unwrap().layer(Priority::Low).nested();
    over_another_policy_a_breaker: BreakerLayer::new(Breaker::builder("over").build().unwrap()).nested();
    over_another_policy_a_timeout:
        Timeout::builder("over").fixed(Duration::from_secs(1)).build().unwrap().layer().nested();
    over_another_policy_a_deadline:
        Deadline::builder("over").limit(Duration::from_secs(1)).build().unwrap().layer().nested();
    over_another_policy_a_retry: Retry::builder("over").build().unwrap().layer().nested();
    over_another_policy_a_hedge: Hedge::builder("over").idempotent(true).build().unwrap().layer().nested();
    over_another_policy_coalescing: Coalesce::builder("over").build().unwrap().layer(|n: &u32| Some(*n)).nested();
    over_another_policy_a_cache: Cache::builder("over").build().unwrap().layer(|n: &u32| Some(*n)).nested();
    over_another_policy_a_stack: Policy::new("over").build().unwrap().layer().nested();
    over_another_policy_a_stack_that_coalesces:
        Policy::new("over").coalesce(Coalesce::builder("over").build().unwrap()).build().unwrap().layer(|n: &u32| Some(*n)).nested();
    over_another_policy_a_stack_that_caches:
        Policy::new("over").cache(Cache::builder("over").build().unwrap()).build().unwrap().layer(|n: &u32| Some(*n)).nested();
    over_another_policy_keyed_breakers:
        Breaker::builder("over").build_keyed::<u32>(Bounds::default()).unwrap().layer(|n: &u32| *n).nested();
    over_another_policy_a_keyed_limiter:
        KeyedLimiter::<u32>::builder("over").quota(Quota::per_second(9)).build_keyed::<u32>().unwrap().layer(|n: &u32| *n).nested();
    over_another_policy_tiers: Tiers::hourly(&timing()).unwrap().layer(|n: &u32| (Tier::Premium, *n)).nested();
}

#[tokio::test]
async fn over_another_policy_a_fallback_answers_refusals_too() {
    let bulkhead = Bulkhead::builder("b").max_concurrent(1).max_wait(Duration::ZERO).build().unwrap();
    let second = |_: &u32| {
        |error: Option<&Error<&'static str>>| {
            let refused = error.is_some_and(|error| error.rejected().is_some());
            async move { Ok(if refused { 1 } else { 2 }) }
        }
    };
    let layer = Fallback::builder("over").build().layer(second).nested();
    let ask = |n: u32| layer.layer(beneath(&bulkhead)).oneshot(n);
    assert_eq!((ask(7).await, ask(0).await), (Ok(7), Ok(2)));
    let _held = bulkhead.try_acquire().unwrap();
    assert_eq!(ask(7).await, Ok(1));
}

#[tokio::test]
async fn over_another_policy_a_bulkhead_that_holds_bodies() {
    let bulkhead = Bulkhead::builder("b").max_concurrent(1).max_wait(Duration::ZERO).build().unwrap();
    let dependency = service_fn(|(): ()| async { Ok::<_, Infallible>(http::Response::new(Empty::<&[u8]>::new())) });
    let service =
        ServiceBuilder::new().layer(bulkhead.body_layer().nested()).layer(bulkhead.layer()).service(dependency);
    let end = service.clone().oneshot(()).await.map(drop);
    assert_eq!(end.unwrap_err().rejected().map(|refused| refused.policy), Some(PolicyKind::Bulkhead));
    let outer = Bulkhead::builder("outer").max_concurrent(1).build().unwrap();
    let service = ServiceBuilder::new().layer(outer.body_layer().nested()).layer(bulkhead.layer()).service(dependency);
    assert_eq!(service.oneshot(()).await.unwrap().collect().await.map(|body| body.to_bytes().len()), Ok(0));
}

#[tokio::test]
async fn p7_refusals_from_beneath_tell_an_adaptive_limit_nothing() {
    let clock = ManualClock::new();
    let adaptive = Adaptive::builder("over").timing(Timing::manual(&clock, 1)).build().unwrap();
    let bulkhead = Bulkhead::builder("b").max_concurrent(1).max_wait(Duration::ZERO).build().unwrap();
    let service = adaptive.layer().nested().layer(beneath(&bulkhead));
    let _held = bulkhead.try_acquire().unwrap();
    for _ in 0..1_000 {
        clock.advance(Duration::from_millis(10));
        assert!(service.clone().oneshot(7).await.is_err());
    }
    let seen = adaptive.snapshot();
    assert_eq!((seen.in_flight, seen.latency, seen.limit), (0, Duration::ZERO, 20));
}

#[tokio::test]
async fn single_layers_stack_in_any_order() {
    let breaker = Breaker::builder("x").timing(timing()).build().unwrap();
    let service = ServiceBuilder::new()
        .layer(Shed::builder("x").max_in_flight(9).build().unwrap().layer(Priority::Critical).nested())
        .layer(Bulkhead::builder("x").build().unwrap().layer().nested())
        .layer(BreakerLayer::new(breaker.clone()).nested())
        .layer(Limiter::builder("x").quota(Quota::per_hour(2)).timing(timing()).build().unwrap().layer().nested())
        .layer(Adaptive::builder("x").build().unwrap().layer().nested())
        .layer(Retry::builder("x").max_attempts(2).timing(timing()).build().unwrap().layer().nested())
        .layer(Timeout::builder("x").fixed(Duration::from_secs(1)).build().unwrap().layer())
        .service(service_fn(|n: u32| async move { if n == 0 { Err("down") } else { Ok(n) } }));
    let ask = |n: u32| service.clone().oneshot(n);
    assert_eq!(ask(7).await, Ok(7));
    assert_eq!(ask(0).await.unwrap_err().inner(), Some(&"down"));
    for _ in 0..100 {
        assert_eq!(ask(7).await.unwrap_err().rejected().map(|refused| refused.policy), Some(PolicyKind::RateLimit));
    }
    assert_eq!((breaker.state(), breaker.snapshot().failed), (State::Closed, 1));
}

#[tokio::test]
async fn a_breaker_over_retries_hedges_or_a_fallback_sees_that_the_dependency_fails() {
    macro_rules! opens {
        ($layer:expr) => {{
            let breaker = Breaker::builder("over").min_calls(3).timing(timing()).build().unwrap();
            let failing = service_fn(|_: u32| async { Err::<u32, _>("down") });
            let service = BreakerLayer::new(breaker.clone()).nested().layer($layer.layer(failing));
            for _ in 0..3 {
                assert!(service.clone().oneshot(7).await.is_err());
            }
            assert_eq!(breaker.state(), State::Open);
        }};
    }
    opens!(Retry::builder("r").max_attempts(2).idempotent(true).initial(Duration::ZERO).build().unwrap().layer());
    opens!(Hedge::builder("h").delay(Duration::from_secs(9)).idempotent(true).build().unwrap().layer());
    opens!(Fallback::builder("f").build().layer(|_: &u32| |_: Option<&Error<&'static str>>| async { Err("none") }));
}
