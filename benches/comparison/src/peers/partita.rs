//! partita-resilience, of this repository.

use crate::peer::{Breaker, End, Fault, Setup, Work};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use partita_resilience::breaker::Breaker as Core;
use partita_resilience::{Error, Outcome};
use std::time::Duration;

struct Peer(Core);

fn judge(end: Result<&(), &Fault>) -> Outcome {
    match end {
        Ok(()) => Outcome::Success,
        Err(Fault::Failure) => Outcome::Failure,
        Err(Fault::Ignored) => Outcome::Ignored,
    }
}

impl Breaker for Peer {
    fn call(&self, work: Work) -> BoxFuture<'static, End> {
        let breaker = self.0.clone();
        async move {
            match breaker.call_with(&judge, || work).await {
                Err(Error::Rejected(_)) => End::Rejected,
                Ok(()) | Err(_) => End::Worked,
            }
        }
        .boxed()
    }
}

pub(crate) fn make(setup: Setup) -> Box<dyn Breaker> {
    let breaker = Core::builder("comparison")
        .window_calls(setup.window)
        .slow_call(setup.slow)
        .stuck(setup.min_calls as u64)
        .min_calls(setup.min_calls as u64)
        .failure_rate(setup.failure_rate)
        .open(setup.open)
        .open_jitter(0.0)
        .half_open_calls(u32::try_from(setup.probes).unwrap_or(u32::MAX))
        .half_open_successes(setup.probes as u64)
        .half_open_max(setup.half_open_max)
        .ramp(Duration::ZERO)
        .build();
    Box::new(Peer(breaker.expect("the settings of a scenario")))
}
