//! failsafe 1.3.0.

use crate::peer::{Breaker, End, Fault, Setup, Work};
use failsafe::failure_policy::FailurePolicy;
use failsafe::futures::CircuitBreaker;
use failsafe::{Config, Error, backoff, failure_policy};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

struct Peer<B>(B);

impl<B> Breaker for Peer<B>
where
    B: CircuitBreaker + Clone + Send + Sync + 'static,
{
    fn call(&self, work: Work) -> BoxFuture<'static, End> {
        let breaker = self.0.clone();
        async move {
            let end = breaker.call_with(|fault: &Fault| *fault == Fault::Failure, work).await;
            match end {
                Err(Error::Rejected) => End::Rejected,
                Ok(()) | Err(Error::Inner(_)) => End::Worked,
            }
        }
        .boxed()
    }
}

pub(crate) fn make(setup: Setup) -> Box<dyn Breaker> {
    let least = u32::try_from(setup.min_calls).unwrap_or(u32::MAX);
    let backoff = backoff::constant(setup.open);
    let rate = 1.0 - setup.failure_rate;
    let policy = failure_policy::success_rate_over_time_window(rate, least, setup.reach, backoff.clone())
        .or_else(failure_policy::consecutive_failures(least, backoff));
    Box::new(Peer(Config::new().failure_policy(policy).build()))
}
