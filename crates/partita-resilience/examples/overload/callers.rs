//! Ways to call the dependency.

use crate::world::{Caller, Dependency, NoAnswer, PATIENCE, RATE};
use partita_resilience::adaptive::Adaptive;
use partita_resilience::breaker::Breaker;
use partita_resilience::bulkhead::Bulkhead;
use partita_resilience::cache::Cache;
use partita_resilience::coalesce::Coalesce;
use partita_resilience::deadline::Deadline;
use partita_resilience::fallback::Fallback;
use partita_resilience::hedge::Hedge;
use partita_resilience::limiter::{Limiter, Quota};
use partita_resilience::retry::Retry;
use partita_resilience::shed::{Priority, Shed};
use partita_resilience::stack::Policy;
use partita_resilience::timeout::Timeout;
use partita_resilience::{BuildError, Error, Timing};
use partita_time::timeout;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// A title, and how the caller is made.
pub(crate) type Way = (&'static str, fn(&Timing) -> Result<Caller, BuildError>);

/// Time for one attempt: three of them fit into a client's patience.
const ATTEMPT: Duration = Duration::from_millis(300);

/// Products that clients ask for, each as often.
const PRODUCTS: u64 = 30;

/// Every way, in the order of the panels.
pub(crate) const WAYS: [Way; 14] = [
    ("Nothing", nothing),
    ("Retry by hand, 3 attempts at once", by_hand),
    ("Retry with its budget", retry),
    ("Deadline and attempt timeout", deadline),
    ("Rate limit, 300 a second", rate_limit),
    ("Circuit breaker", breaker),
    ("Bulkhead", bulkhead),
    ("Adaptive limit", adaptive),
    ("Load shed", shed),
    ("Hedge after the observed p95", hedge),
    ("Coalesce, 30 products", coalesce),
    ("Cache, 30 products, fresh for 1 s", cache),
    ("Fallback after 300 ms, its answers count", fallback),
    ("Stack: deadline, retry, breaker, bulkhead, timeout", stack),
];

fn way<F, Fut>(call: F) -> Caller
where
    F: Fn(Dependency) -> Fut + 'static,
    Fut: Future<Output = bool> + 'static,
{
    Rc::new(move |dependency| Box::pin(call(dependency)))
}

type Answer = Result<(), Error<NoAnswer>>;

fn good(answer: &Answer) -> bool {
    answer.is_ok()
}

fn nothing(_: &Timing) -> Result<Caller, BuildError> {
    Ok(way(|dependency| async move { dependency.call().await.is_ok() }))
}

fn by_hand(timing: &Timing) -> Result<Caller, BuildError> {
    let clock = Arc::clone(timing.clock());
    Ok(way(move |dependency| {
        let clock = Arc::clone(&clock);
        async move {
            for _ in 0..3 {
                if timeout(clock.as_ref(), ATTEMPT, dependency.clone().call()).await == Ok(Ok(())) {
                    return true;
                }
            }
            false
        }
    }))
}

fn retry(timing: &Timing) -> Result<Caller, BuildError> {
    let retry = Policy::new("retry").retry(Retry::builder("retry")).attempt_timeout(ATTEMPT).idempotent();
    let retry = retry.timing(timing.clone()).build()?;
    Ok(way(move |dependency| {
        let retry = retry.clone();
        async move { good(&retry.call(|_| dependency.clone().call()).await) }
    }))
}

fn deadline(timing: &Timing) -> Result<Caller, BuildError> {
    let deadline = Deadline::builder("deadline").limit(PATIENCE).timing(timing.clone()).build()?;
    let attempt = Timeout::builder("timeout").fixed(ATTEMPT).timing(timing.clone()).build()?;
    Ok(way(move |dependency| {
        let (deadline, attempt) = (deadline.clone(), attempt.clone());
        async move {
            let call = |context| async move { attempt.around(&context, || ours(dependency)).await };
            good(&deadline.around(partita_resilience::deadline::Context::new(), call).await)
        }
    }))
}

async fn ours(dependency: Dependency) -> Answer {
    dependency.call().await.map_err(Error::Inner)
}

fn rate_limit(timing: &Timing) -> Result<Caller, BuildError> {
    let most = u32::try_from(RATE).unwrap_or(u32::MAX) * 6 / 5;
    let limiter = Limiter::builder("limit").quota(Quota::per_second(most)).timing(timing.clone()).build()?;
    Ok(way(move |dependency| {
        let limiter = limiter.clone();
        async move { good(&limiter.call(|| dependency.call()).await) }
    }))
}

fn a_breaker(timing: &Timing) -> Result<Breaker, BuildError> {
    Breaker::builder("breaker").open(Duration::from_secs(1)).timing(timing.clone()).build()
}

fn breaker(timing: &Timing) -> Result<Caller, BuildError> {
    let breaker = a_breaker(timing)?;
    let stack = Policy::new("breaker").breaker(breaker).attempt_timeout(ATTEMPT).timing(timing.clone()).build()?;
    Ok(way(move |dependency| {
        let stack = stack.clone();
        async move { good(&stack.call(|_| dependency.clone().call()).await) }
    }))
}

fn a_bulkhead(timing: &Timing) -> Result<Bulkhead, BuildError> {
    Bulkhead::builder("bulkhead").timing(timing.clone()).build()
}

fn bulkhead(timing: &Timing) -> Result<Caller, BuildError> {
    let bulkhead = a_bulkhead(timing)?;
    Ok(way(move |dependency| {
        let bulkhead = bulkhead.clone();
        async move { good(&bulkhead.call(|| dependency.call()).await) }
    }))
}

fn adaptive(timing: &Timing) -> Result<Caller, BuildError> {
    let limit = Adaptive::builder("adaptive").timing(timing.clone()).build()?;
    Ok(way(move |dependency| {
        let limit = limit.clone();
        async move { good(&limit.call(|| dependency.call()).await) }
    }))
}

fn shed(timing: &Timing) -> Result<Caller, BuildError> {
    let shed = Shed::builder("shed").max_in_flight(50).timing(timing.clone()).build()?;
    Ok(way(move |dependency| {
        let shed = shed.clone();
        async move { good(&shed.call(Priority::Normal, || dependency.call()).await) }
    }))
}

fn hedge(timing: &Timing) -> Result<Caller, BuildError> {
    let hedge = Hedge::builder("hedge").idempotent(true).timing(timing.clone()).build()?;
    Ok(way(move |dependency| {
        let hedge = hedge.clone();
        async move { good(&hedge.call(|_| dependency.clone().call()).await) }
    }))
}

fn coalesce(timing: &Timing) -> Result<Caller, BuildError> {
    let coalesce = Coalesce::builder("coalesce").timing(timing.clone()).build()?;
    let timing = timing.clone();
    Ok(way(move |dependency| {
        let (coalesce, product) = (coalesce.clone(), timing.entropy().below(PRODUCTS));
        async move { good(&coalesce.call(product, || dependency.call()).await) }
    }))
}

fn cache(timing: &Timing) -> Result<Caller, BuildError> {
    let cache = Cache::builder("cache").ttl(Duration::from_secs(1)).timing(timing.clone()).build()?;
    let timing = timing.clone();
    Ok(way(move |dependency| {
        let (cache, product) = (cache.clone(), timing.entropy().below(PRODUCTS));
        async move { good(&cache.call(product, || dependency.call()).await) }
    }))
}

fn fallback(timing: &Timing) -> Result<Caller, BuildError> {
    let stack = Policy::new("fallback").fallback(Fallback::builder("fallback")).attempt_timeout(ATTEMPT);
    let stack = stack.timing(timing.clone()).build()?;
    Ok(way(move |dependency| {
        let stack = stack.clone();
        async move { good(&stack.call_or(|_| dependency.clone().call(), |_| async { Ok(()) }).await) }
    }))
}

fn stack(timing: &Timing) -> Result<Caller, BuildError> {
    let stack = Policy::new("stack").deadline(PATIENCE).retry(Retry::builder("retry")).breaker(a_breaker(timing)?);
    let stack = stack.bulkhead(a_bulkhead(timing)?).attempt_timeout(2 * ATTEMPT).idempotent();
    let stack = stack.timing(timing.clone()).build()?;
    Ok(way(move |dependency| {
        let stack = stack.clone();
        async move { good(&stack.call(|_| dependency.clone().call()).await) }
    }))
}
