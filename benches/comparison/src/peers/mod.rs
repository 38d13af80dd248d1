//! The crates under comparison, each behind the same shape.

mod circuitbreaker_rs;
mod execution_policy;
mod failsafe;
mod partita;
mod recloser;
mod tower_resilience;

use crate::peer::Peer;

pub(crate) const BREAKERS: [Peer; 6] = [
    Peer { name: "partita-resilience", make: partita::make },
    Peer { name: "tower-resilience 0.14.0", make: tower_resilience::make },
    Peer { name: "recloser 1.4.0", make: recloser::make },
    Peer { name: "failsafe 1.3.0", make: failsafe::make },
    Peer { name: "circuitbreaker-rs 0.1.1", make: circuitbreaker_rs::make },
    Peer { name: "execution-policy 0.0.6", make: execution_policy::make },
];
