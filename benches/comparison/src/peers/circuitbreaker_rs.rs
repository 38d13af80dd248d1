//! circuitbreaker-rs 0.1.1.

use crate::peer::{Breaker, End, Fault, Setup, Work};
use circuitbreaker_rs::{BreakerError, CircuitBreaker, DefaultPolicy};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::sync::Arc;

struct Peer(Arc<CircuitBreaker<DefaultPolicy, Fault>>);

impl Breaker for Peer {
    fn call(&self, work: Work) -> BoxFuture<'static, End> {
        let breaker = Arc::clone(&self.0);
        async move {
            match breaker.call_async(|| work).await {
                Err(BreakerError::Open) => End::Rejected,
                Ok(()) | Err(_) => End::Worked,
            }
        }
        .boxed()
    }
}

pub(crate) fn make(setup: Setup) -> Box<dyn Breaker> {
    let probes = u32::try_from(setup.probes).unwrap_or(u32::MAX);
    let breaker = CircuitBreaker::<DefaultPolicy, Fault>::builder()
        .failure_threshold(setup.failure_rate)
        .min_throughput(setup.min_calls as u64)
        .consecutive_failures(u64::MAX)
        .consecutive_successes(setup.probes as u64)
        .probe_interval(probes)
        .cooldown(setup.open)
        .build();
    Box::new(Peer(Arc::new(breaker)))
}
