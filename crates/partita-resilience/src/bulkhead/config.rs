//! How many at once, how many behind them, and how long.

use super::Bulkhead;
use super::core::Core;
use super::slots::MOST;
use crate::{BuildError, Event, Listeners, Name, PolicyKind, Timing};
use std::sync::Arc;
use std::time::Duration;

/// Builds a [`Bulkhead`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    pub(crate) policy: PolicyKind,
    pub(crate) name: Name,
    pub(crate) max_concurrent: u32,
    pub(crate) max_wait: Duration,
    pub(crate) queue: usize,
    pub(crate) timing: Timing,
    pub(crate) listeners: Listeners,
}

impl Builder {
    pub(super) fn new(name: Name) -> Self {
        Self {
            policy: PolicyKind::Bulkhead,
            name,
            max_concurrent: 25,
            max_wait: Duration::from_millis(100),
            queue: 100,
            timing: Timing::default(),
            listeners: Listeners::default(),
        }
    }

    /// Calls under way at once, 1 to 1,048,575. Default 25: some 500 calls a second at 50 ms each.
    pub const fn max_concurrent(mut self, max_concurrent: u32) -> Self {
        self.max_concurrent = max_concurrent;
        self
    }

    /// Longest wait for a permit; zero refuses at once. Default 100 ms: a caller notices little, and a burst passes.
    pub const fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
        self
    }

    /// Calls that may wait, first come first served; zero refuses at once. Default 100: what 25 permits serve within the
    /// longest wait at 25 ms each.
    pub const fn queue(mut self, queue: usize) -> Self {
        self.queue = queue;
        self
    }

    /// Time.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Adds a listener that hears refusals, not the routine of healthy calls.
    pub fn listener(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.add(listener);
        self
    }

    /// Adds a listener that hears every event.
    pub fn tracing_listener(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.add_tracing(listener);
        self
    }

    /// The bulkhead.
    ///
    /// # Errors
    /// No permit at all, or more than can be counted.
    pub fn build(self) -> Result<Bulkhead, BuildError> {
        if self.max_concurrent == 0 || self.max_concurrent > MOST {
            let why = format!("{} lets no call pass, or limits none; write 1 to {MOST}", self.max_concurrent);
            return Err(BuildError::new(self.policy, "max_concurrent", why));
        }
        Ok(Bulkhead(Arc::new(Core::new(self))))
    }
}
