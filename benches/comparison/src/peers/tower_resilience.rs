//! tower-resilience-circuitbreaker 0.14.0.

use crate::peer::{Breaker, End, Fault, Setup, Work};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::task::{Context, Poll};
use tower::{Service, ServiceExt};
use tower_resilience_circuitbreaker::{CircuitBreakerError, CircuitBreakerLayer};

struct Peer<S>(S);

impl<S> Breaker for Peer<S>
where
    S: Service<Job, Response = (), Error = CircuitBreakerError<Fault>> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    fn call(&self, work: Work) -> BoxFuture<'static, End> {
        let service = self.0.clone();
        async move {
            match service.oneshot(Job(work)).await {
                Err(CircuitBreakerError::OpenCircuit) => End::Rejected,
                Ok(()) | Err(CircuitBreakerError::Inner(_)) => End::Worked,
            }
        }
        .boxed()
    }
}

pub(crate) fn make(setup: Setup) -> Box<dyn Breaker> {
    let layer = CircuitBreakerLayer::builder()
        .failure_rate_threshold(setup.failure_rate)
        .sliding_window_size(setup.window)
        .minimum_number_of_calls(setup.min_calls)
        .wait_duration_in_open(setup.open)
        .slow_call_duration_threshold(setup.slow)
        .permitted_calls_in_half_open(setup.probes)
        .failure_classifier(is_failure as fn(&Result<(), Fault>) -> bool)
        .build()
        .expect("the settings of a scenario");
    Box::new(Peer(layer.layer_fn(Run)))
}

fn is_failure(result: &Result<(), Fault>) -> bool {
    matches!(result, Err(Fault::Failure))
}

/// A request; a name of its own spares the compiler a question about lifetimes.
struct Job(Work);

/// The service beneath.
#[derive(Clone)]
struct Run;

impl Service<Job> for Run {
    type Response = ();
    type Error = Fault;
    type Future = Work;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, job: Job) -> Work {
        job.0
    }
}
