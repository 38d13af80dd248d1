//! What all handlers share.

use crate::About;
use crate::view::Snapshot;
use partita_saga::Sagas;
use partita_time::{Clock, Host, Timestamp};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Live streams at once; each one re-reads its page up to four times a second.
pub(crate) const MAX_STREAMS: usize = 64;

#[derive(Debug)]
pub(crate) struct Console {
    pub(crate) sagas: Arc<dyn Sagas>,
    pub(crate) about: About,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) streams: Arc<Semaphore>,
    run: u64,
}

impl Console {
    pub(crate) fn new(sagas: Arc<dyn Sagas>, about: About, host: &Host) -> Arc<Self> {
        let streams = Arc::new(Semaphore::new(MAX_STREAMS));
        Arc::new(Self { sagas, about, clock: host.clock.clone(), streams, run: host.entropy.next_u64() })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Names what a client shows: equal only within one run of the process and for equal data.
    pub(crate) fn event_id(&self, shown: &Snapshot) -> String {
        format!("{:016x}-{:016x}", self.run, shown.fingerprint())
    }
}
