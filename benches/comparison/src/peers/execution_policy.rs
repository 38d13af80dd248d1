//! execution-policy 0.0.6.

use crate::peer::{Breaker, End, Fault, Setup, Work};
use execution_policy::{CircuitBreaker, ExecutionError, ExecutionPolicy};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::sync::{Arc, Mutex};

struct Peer<C>(Arc<ExecutionPolicy<C, (), Fault>>);

impl<C> Breaker for Peer<C>
where
    C: execution_policy::core::Core + Send + Sync + 'static,
{
    fn call(&self, work: Work) -> BoxFuture<'static, End> {
        let policy = Arc::clone(&self.0);
        let work = Mutex::new(Some(work));
        async move {
            let end = policy
                .run_boxed(move || {
                    let work = work.lock().ok().and_then(|mut work| work.take());
                    async move {
                        match work {
                            Some(work) => work.await,
                            None => Err(Fault::Ignored),
                        }
                    }
                    .boxed()
                })
                .await;
            match end {
                Err(ExecutionError::CircuitOpen { .. }) => End::Rejected,
                Ok(()) | Err(_) => End::Worked,
            }
        }
        .boxed()
    }
}

pub(crate) fn make(setup: Setup) -> Box<dyn Breaker> {
    let breaker = CircuitBreaker::failure_ratio()
        .ratio(setup.failure_rate)
        .minimum_throughput(u32::try_from(setup.min_calls).unwrap_or(u32::MAX))
        .sampling_window(setup.reach)
        .open_for(setup.open)
        .half_open_max_calls(u32::try_from(setup.probes).unwrap_or(u32::MAX))
        .record_when(|fault: &Fault| *fault == Fault::Failure);
    Box::new(Peer(Arc::new(ExecutionPolicy::builder::<(), Fault>().circuit_breaker(breaker).build())))
}
