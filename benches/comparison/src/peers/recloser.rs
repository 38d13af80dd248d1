//! recloser 1.4.0.

use crate::peer::{Breaker, End, Fault, Setup, Work};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use recloser::{AsyncRecloser, Error, Recloser};

struct Peer(AsyncRecloser);

impl Breaker for Peer {
    fn call(&self, work: Work) -> BoxFuture<'static, End> {
        self.0
            .call_with(|fault: &Fault| *fault == Fault::Failure, work)
            .map(|end| match end {
                Err(Error::Rejected) => End::Rejected,
                Ok(()) | Err(Error::Inner(_)) => End::Worked,
            })
            .boxed()
    }
}

pub(crate) fn make(setup: Setup) -> Box<dyn Breaker> {
    #[allow(clippy::cast_possible_truncation, reason = "a rate of a scenario")]
    let rate = setup.failure_rate as f32;
    let recloser = Recloser::custom()
        .error_rate(rate)
        .closed_len(setup.window)
        .half_open_len(setup.probes)
        .open_wait(setup.open)
        .build();
    Box::new(Peer(AsyncRecloser::from(recloser)))
}
