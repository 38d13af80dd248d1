//! How all the breakers of a registry are.

use super::{Breaker, Snapshot, State};
use crate::Registry;

impl Registry<Breaker> {
    /// Where they all stand, the worst first: open, half-open, ramp, closed; then by failure rate, then by name.
    pub fn health(&self) -> Vec<Snapshot> {
        worst_first(self.all().iter().map(|(_, breaker)| breaker.snapshot()).collect())
    }
}

pub(super) fn worst_first(mut all: Vec<Snapshot>) -> Vec<Snapshot> {
    all.sort_by(|a, b| {
        let by_state = severity(b.state).cmp(&severity(a.state));
        by_state.then_with(|| b.rates.failure_rate.total_cmp(&a.rates.failure_rate)).then_with(|| a.name.cmp(&b.name))
    });
    all
}

const fn severity(state: State) -> u8 {
    match state {
        State::Closed => 0,
        State::Ramp => 1,
        State::HalfOpen => 2,
        State::Open => 3,
    }
}
