//! How many threads, how much work behind them.

use super::crew::{Crew, Size};
use super::{Outside, Pool, Shared};
use crate::bulkhead::{self, Bulkhead};
use crate::{BuildError, Event, PolicyKind, Timing};
use std::sync::Arc;
use std::time::Duration;

/// Builds a [`Pool`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    gate: bulkhead::Builder,
    size: Size,
    timing: Timing,
}

impl Builder {
    pub(super) fn new(name: crate::Name) -> Self {
        let size = Size { core: 4, max: 16, queue: 64, keep_alive: Duration::from_secs(60) };
        Self { gate: Bulkhead::builder(name), size, timing: Timing::default() }
    }

    /// Threads kept while there is no work. Default 4: blocking work waits for disks and peers, not for processors.
    pub const fn core_threads(mut self, threads: u32) -> Self {
        self.size.core = threads;
        self
    }

    /// Most threads, reached when the queue is full. Default 16: four times the kept ones, for a slow peer.
    pub const fn max_threads(mut self, threads: u32) -> Self {
        self.size.max = threads;
        self
    }

    /// Work that may stand in the queue. Default 64: sixteen for each kept thread.
    pub const fn queue(mut self, queue: u32) -> Self {
        self.size.queue = queue;
        self
    }

    /// How long a thread above `core_threads` may be idle. Default 60 s: a burst an hour should not keep threads for the
    /// hour. On the machine's clock, whatever the timing: idle threads are parked by the operating system, which wakes
    /// nobody when virtual time moves.
    pub const fn keep_alive(mut self, keep_alive: Duration) -> Self {
        self.size.keep_alive = keep_alive;
        self
    }

    /// Longest wait of the async entry when threads and queue are full; zero refuses at once. Default 100 ms: it bridges a
    /// burst.
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.gate = self.gate.max_wait(max_wait);
        self
    }

    /// Async callers that may wait so. Default 100: as for a bulkhead; more would wait in vain.
    pub fn waiters(mut self, waiters: usize) -> Self {
        self.gate = self.gate.queue(waiters);
        self
    }

    /// Time, for waits and their statistics.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.gate = self.gate.timing(timing.clone());
        self.timing = timing;
        self
    }

    /// Adds a listener that hears refusals.
    pub fn listener(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.gate = self.gate.listener(listener);
        self
    }

    /// The pool; its threads start with the work.
    ///
    /// # Errors
    /// No thread at all, more kept than allowed, or more than can be counted.
    pub fn build(self) -> Result<Pool, BuildError> {
        let Size { core, max, queue, .. } = self.size;
        let refuse = |option, why: String| Err(BuildError::new(PolicyKind::Pool, option, why));
        if max == 0 || max > 10_000 {
            return refuse("max_threads", format!("{max} threads run nothing, or too much; write 1 to 10000"));
        }
        if core > max {
            return refuse(
                "core_threads",
                format!("{core} are more than `max_threads`, {max}; raise that, or lower this"),
            );
        }
        if queue > 1_000_000 {
            return refuse("queue", format!("{queue} is a queue nobody waits to the end of; write at most 1000000"));
        }
        let mut gate = self.gate.max_concurrent(max + queue);
        gate.policy = PolicyKind::Pool;
        let crew = Crew::new(&gate.name, self.size, self.timing);
        let gate = Arc::new(bulkhead::Core::new(gate));
        Ok(Pool(Arc::new(Shared { gate, crew: Arc::new(crew), outside: Outside::default() })))
    }
}
