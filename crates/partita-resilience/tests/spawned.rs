//! Every policy's call can be spawned from code that knows no more of the work than these bounds: neither the answer nor
//! the error is cloned, and the work need not be shared among threads.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, and spawning is what it is about")]

use partita_resilience::adaptive::Adaptive;
use partita_resilience::breaker::Breaker;
use partita_resilience::bulkhead::Bulkhead;
use partita_resilience::cache::Cache;
use partita_resilience::coalesce::Coalesce;
use partita_resilience::deadline::{Attempt, Context, Deadline};
use partita_resilience::fallback::Fallback;
use partita_resilience::hedge::Hedge;
use partita_resilience::join::{Join, critical};
use partita_resilience::keyed::{Bounds, Keyed};
use partita_resilience::limiter::{KeyedLimiter, Limiter};
use partita_resilience::pool::Pool;
use partita_resilience::retry::Retry;
use partita_resilience::shed::{Priority, Shed};
use partita_resilience::stack::Answered;
use partita_resilience::timeout::Timeout;
use partita_resilience::{ByResult, Error, Policy, Stack};
use std::cell::Cell;
use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Cannot be cloned.
#[derive(Debug, PartialEq)]
struct Only(u32);

type Spawned<T, E> = JoinHandle<Result<T, Error<E>>>;

/// A test for each policy, with what its work is told.
macro_rules! spawned {
    ($($test:ident: |$policy:ident: $type:ty = $new:expr, $work:ident($($told:ty)?)| $call:expr;)+) => {$(
        #[tokio::test(start_paused = true)]
        async fn $test() {
            fn generic<T, E, F, Fut>($policy: $type, $work: F) -> Spawned<T, E>
            where
                T: Send + 'static,
                E: Debug + Send + 'static,
                F: Fn($($told)?) -> Fut + Send + 'static,
                Fut: Future<Output = Result<T, E>> + Send + 'static,
            {
                tokio::spawn(async move { $call })
            }
            let owned = Cell::new(7);
            let work = move |$(_: $told)?| {
                let answer = Only(owned.get());
                async { Ok::<_, Only>(answer) }
            };
            assert_eq!(generic($new, work).await.unwrap(), Ok(Only(7)));
        }
    )+};
}

spawned! {
    a_breaker: |breaker: Breaker = Breaker::builder("b").build().unwrap(), work()| breaker.call(work).await;
    a_breaker_with_a_fallback: |breaker: Breaker = Breaker::builder("b").build().unwrap(), work()|
        { let second = work(); breaker.call_or(work, |_| second).await };
    a_breaker_of_a_key: |breakers: Keyed<u8, Breaker> =
        Breaker::builder("b").build_keyed(Bounds::default()).unwrap(), work()| breakers.call(&1, work).await;
    a_bulkhead: |bulkhead: Bulkhead = Bulkhead::builder("b").build().unwrap(), work()| bulkhead.call(work).await;
    a_limiter: |limiter: Limiter = Limiter::builder("l").build().unwrap(), work()| limiter.call(work).await;
    a_limiter_of_a_key: |limiter: KeyedLimiter<String> =
        Limiter::builder("l").build_keyed().unwrap(), work()| limiter.call("ada", work).await;
    an_adaptive_limit: |limit: Adaptive = Adaptive::builder("a").build().unwrap(), work()| limit.call(work).await;
    load_shed: |shed: Shed = Shed::builder("s").build().unwrap(), work()| shed.call(Priority::Normal, work).await;
    a_timeout: |timeout: Timeout = Timeout::builder("t").build().unwrap(), work()| timeout.call(work).await;
    a_deadline: |deadline: Deadline = Deadline::builder("d").build().unwrap(), work(Context)| deadline.call(work).await;
    a_retry: |retry: Retry = Retry::builder("r").build().unwrap(), work(Attempt)| retry.call(work).await;
    a_hedge: |hedge: Hedge = Hedge::builder("h").idempotent(true).build().unwrap(), work(Attempt)| hedge.call(work).await;
    a_fallback: |fallback: Fallback = Fallback::builder("f").build(), work()|
        { let second = work(); fallback.call(work, |_| second).await };
    a_join: |join: Join = Join::new("j", Duration::from_secs(1)), work()| {
        let optional = join.optional("o", work(), || unreachable!("it answers"));
        let (first, _) = join.all((critical(work()), optional)).await.map_err(Error::Inner)?;
        Ok(first)
    };
    a_stack: |stack: Stack = stack(Policy::new("s")), work(Attempt)| stack.call(work).await;
    a_stack_with_hedges: |stack: Stack =
        stack(Policy::new("s").hedge(Hedge::builder("h"))), work(Attempt)| stack.call(work).await;
    a_stack_with_a_fallback: |stack: Stack<ByResult, (), Answered> =
        parts(Policy::new("s")).fallback(Fallback::builder("f")).build().unwrap(), work(Attempt)| stack.call_or(work, |_| async { unreachable!("it answers") }).await;
    a_stack_whose_work_is_done_once: |stack: Stack =
        stack(Policy::new("s")), work()| stack.call_once(Context::new(), work).await;
}

/// Every policy that does not clone answers.
fn stack(policy: Policy) -> Stack {
    parts(policy).build().unwrap()
}

fn parts(policy: Policy) -> Policy {
    policy
        .idempotent()
        .deadline(Duration::from_secs(10))
        .rate_limit(Limiter::builder("l").build().unwrap())
        .retry(Retry::builder("r"))
        .breaker(Breaker::builder("b").build().unwrap())
        .bulkhead(Bulkhead::builder("b").build().unwrap())
        .attempt_timeout(Duration::from_secs(1))
}

#[tokio::test]
async fn a_pool() {
    fn generic<T, E, F>(pool: Pool, work: F) -> Spawned<T, E>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        tokio::spawn(async move { pool.run(work).await })
    }
    let owned = Cell::new(7);
    let work = move || Ok::<_, Only>(Only(owned.get()));
    assert_eq!(generic(Pool::builder("p").build().unwrap(), work).await.unwrap(), Ok(Only(7)));
}

/// What several callers get is cloned; nothing else is.
#[tokio::test(start_paused = true)]
async fn what_is_shared_among_callers() {
    fn coalesced<K, T, E, F, Fut>(coalesce: Coalesce<K, T, E>, key: K, work: F) -> Spawned<T, E>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        T: Clone + Send + Sync + 'static,
        E: Clone + Send + Sync + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        tokio::spawn(async move { coalesce.call(key, work).await })
    }
    fn cached<K, T, E, F, Fut>(cache: Cache<K, T>, key: K, work: F) -> Spawned<T, E>
    where
        K: Hash + Eq + Send + Sync + 'static,
        T: Clone + Send + Sync + 'static,
        E: Send + 'static,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        tokio::spawn(async move { cache.call(key, work).await })
    }
    let coalesce = Coalesce::<u8, u32, ()>::builder("c").build().unwrap();
    assert_eq!(coalesced(coalesce, 1, || async { Ok(7) }).await.unwrap(), Ok(7));
    let cache = Cache::<u8, u32>::builder("c").build().unwrap();
    assert_eq!(cached(cache, 1, || async { Err(Only(1)) }).await.unwrap(), Err(Error::Inner(Only(1))));
}

/// What several callers of a stack get is cloned; nothing else is.
#[tokio::test(start_paused = true)]
async fn what_a_stack_shares_among_callers() {
    fn coalesced<K, T, E, F, Fut>(stack: Stack<ByResult, Coalesce<K, T, E>>, key: K, work: F) -> Spawned<T, E>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        T: Clone + Send + Sync + 'static,
        E: Clone + Debug + Send + Sync + 'static,
        F: Fn(Attempt) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        tokio::spawn(async move { stack.call_keyed(key, work).await })
    }
    fn cached<K, T, E, F, Fut>(stack: Stack<ByResult, Cache<K, T>, Answered>, key: K, work: F) -> Spawned<T, E>
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
        T: Clone + Send + Sync + 'static,
        E: Debug + Send + 'static,
        F: Fn(Attempt) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
    {
        tokio::spawn(async move {
            let first = stack.call_keyed_or(key.clone(), work.clone(), |_| async { unreachable!("it answers") }).await;
            drop(first);
            stack.call_refreshing_or(key, work, |_| async { unreachable!("it is kept") }).await
        })
    }
    let coalesce = Coalesce::<u8, u32, ()>::builder("c").build().unwrap();
    let stack = parts(Policy::new("s")).coalesce(coalesce).build().unwrap();
    assert_eq!(coalesced(stack, 1, |_| async { Ok(7) }).await.unwrap(), Ok(7));
    let cache = Cache::<u8, u32>::builder("c").build().unwrap();
    let stack = parts(Policy::new("s")).cache(cache).fallback(Fallback::builder("f")).build().unwrap();
    assert_eq!(cached(stack, 1, |_| async { Ok::<_, Only>(7) }).await.unwrap(), Ok(7));
}
