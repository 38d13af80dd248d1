//! The crates under comparison, each behind the same shape.

mod circuitbreaker_rs;
mod execution_policy;
mod failsafe;
mod partita;
mod recloser;
mod tower_resilience;

use crate::peer::Peer;
use crate::scenarios::{CIRCUITBREAKER_RS, EXECUTION_POLICY, FAILSAFE, OURS, RECLOSER, TOWER_RESILIENCE};

pub(crate) const BREAKERS: [Peer; 6] = [
    Peer { name: OURS, make: partita::make },
    Peer { name: TOWER_RESILIENCE, make: tower_resilience::make },
    Peer { name: RECLOSER, make: recloser::make },
    Peer { name: FAILSAFE, make: failsafe::make },
    Peer { name: CIRCUITBREAKER_RS, make: circuitbreaker_rs::make },
    Peer { name: EXECUTION_POLICY, make: execution_policy::make },
];
