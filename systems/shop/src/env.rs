//! What a service is built from.

use partita::core::Store;
use partita::http::Ledger;
use partita::time::Host;
use std::sync::Arc;

/// What every service is given: a store of its own, and the machine.
#[derive(Clone, Debug)]
pub struct ServiceEnv {
    /// The service's own store; no other service can open it.
    pub store: Arc<dyn Store>,
    /// Time, tasks and randomness.
    pub host: Host,
}

impl ServiceEnv {
    /// A ledger in the service's store.
    pub fn ledger(&self) -> Ledger {
        Ledger::new(self.store.clone(), self.host.clock.clone())
    }
}
