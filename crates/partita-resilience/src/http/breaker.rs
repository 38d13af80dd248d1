//! Breakers whose calls last as long as bodies.

use super::body::Held;
use super::{HeldBody, LimitedBody, UntilBodyEnds};
use crate::breaker::{Breaker, BreakerLayer, ByKey, Lasts, OwnedPermit, Running};
use crate::keyed::Keyed;
use crate::layered::{PolicyLayer, With};
use crate::{ByResult, Outcome, Plain};
use http::Response;
use http_body::Body;

/// Keyed breakers as a layer whose calls last until bodies end.
type Layered<K, F> = PolicyLayer<With<Keyed<K, Breaker>, ByKey<F, ByResult, UntilBodyEnds>>>;

impl Breaker {
    /// A tower layer whose calls last until the response body ends, which decides: one that is read to its end is a
    /// success, one that fails a failure, one that is dropped before is cancelled, and all of it counts when it is slow. A
    /// probe's lease is held so long, and a call timeout holds so long: the body then fails with
    /// [`Error::TimedOut`](crate::Error::TimedOut). A head that is judged bad decides at once.
    ///
    /// For callers who read what they asked for: calls whose bodies nobody reads to their end say nothing, and close
    /// nothing. [`BreakerLayer::with`] and [`BreakerLayer::until_body_ends`] take a judgement of one's own.
    pub fn body_layer(&self) -> BreakerLayer<ByResult, Plain, UntilBodyEnds> {
        BreakerLayer::new(self.clone()).until_body_ends()
    }
}

impl<K> Keyed<K, Breaker> {
    /// As [`Keyed::layer`], with calls that last until the response body ends, as [`Breaker::body_layer`] says.
    pub fn body_layer<F>(&self, key: F) -> Layered<K, F> {
        PolicyLayer::new(With { policy: self.clone(), ask: ByKey::new(key, ByResult) })
    }
}

impl<B: Body> Lasts<Response<B>> for UntilBodyEnds {
    type Answer = Response<HeldBody<LimitedBody<B>, OwnedPermit>>;

    fn last(answer: Response<B>, call: Running, judged: Outcome) -> Self::Answer {
        if judged != Outcome::Success {
            call.permit.record(judged);
            return answer.map(|body| HeldBody::free(LimitedBody::free(body)));
        }
        let (permit, limited) = call.go_on();
        answer.map(|body| {
            let body = match limited {
                Some(limited) => LimitedBody::new(body, limited),
                None => LimitedBody::free(body),
            };
            Held::new(permit, Outcome::Cancelled).until_end_of(body)
        })
    }
}
