//! What an attempt holds beyond its answer.

use crate::breaker::{self, Breaker};
use crate::bulkhead::{self, Bulkhead};
use crate::{Outcome, adaptive};

/// What an attempt holds while the body of its answer comes: its place in the bulkhead or under the adaptive limit, and
/// what it has to say to the breaker.
#[derive(Debug)]
pub struct Permits {
    breaker: Option<breaker::Headed>,
    bulkhead: Option<bulkhead::Permit>,
    adaptive: Option<adaptive::Permit>,
}

impl Permits {
    /// Those of an attempt whose answer was judged so.
    pub(super) fn new(
        judged: Outcome,
        breaker: Option<(&Breaker, breaker::Permit<'_>)>,
        bulkhead: Option<(&Bulkhead, bulkhead::Held<&bulkhead::Core>)>,
        adaptive: Option<adaptive::Permit>,
    ) -> Self {
        Self {
            breaker: breaker.and_then(|(breaker, permit)| breaker.headed(permit, judged)),
            bulkhead: bulkhead.map(|(bulkhead, held)| bulkhead.own(held)),
            adaptive,
        }
    }

    /// Gives all back, with how the call ended.
    pub fn finish(self, outcome: Outcome) {
        self.breaker.into_iter().for_each(|permit| permit.finish(outcome));
        self.bulkhead.into_iter().for_each(|permit| permit.finish(outcome));
        self.adaptive.into_iter().for_each(|permit| permit.finish(outcome));
    }
}
