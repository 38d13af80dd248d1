//! Where the limit begins, and between what it moves.

use super::Adaptive;
use super::core::Core;
use crate::{BuildError, Event, Listeners, PolicyKind, Timing};
use std::sync::Arc;
use std::time::Duration;

/// Builds an [`Adaptive`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    pub(super) name: crate::Name,
    pub(super) initial: u32,
    pub(super) min: u32,
    pub(super) max: u32,
    pub(super) window: Duration,
    pub(super) timing: Timing,
    pub(super) listeners: Listeners,
}

impl Builder {
    pub(super) fn new(name: crate::Name) -> Self {
        Self {
            name,
            initial: 20,
            min: 1,
            max: 1_000,
            window: Duration::from_millis(500),
            timing: Timing::default(),
            listeners: Listeners::default(),
        }
    }

    /// The first limit. Default 20: enough to learn from, and no stampede.
    pub const fn initial(mut self, limit: u32) -> Self {
        self.initial = limit;
        self
    }

    /// The least limit. Default 1: a dependency that serves one call at a time is served one at a time.
    pub const fn min(mut self, limit: u32) -> Self {
        self.min = limit;
        self
    }

    /// The greatest limit. Default 1,000: a guard against a dependency that never saturates.
    pub const fn max(mut self, limit: u32) -> Self {
        self.max = limit;
        self
    }

    /// Shortest window; one ends when it also holds 60 calls and two latencies, or after ten times as long with ten calls. Default 500 ms: some hundred calls at a few hundred a second.
    pub const fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Time.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Adds a listener that hears refusals and moves of the limit.
    pub fn listener(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.add(listener);
        self
    }

    /// The limit.
    ///
    /// # Errors
    /// Limits out of order, or no window.
    pub fn build(self) -> Result<Adaptive, BuildError> {
        let refuse = |option, why: String| Err(BuildError::new(PolicyKind::Adaptive, option, why));
        if self.min == 0 {
            return refuse("min", "a limit of 0 lets no call pass to learn from; write at least 1".to_owned());
        }
        if self.max < self.min || self.max > 1_000_000 {
            return refuse("max", format!("{} is below `min`, or no limit at all; write up to 1000000", self.max));
        }
        if !(self.min..=self.max).contains(&self.initial) {
            return refuse("initial", format!("{} is not from {} to {}", self.initial, self.min, self.max));
        }
        if self.window < Duration::from_millis(1) {
            return refuse("window", "too short to hold calls; write at least 1 ms, as 500 ms".to_owned());
        }
        Ok(Adaptive(Arc::new(Core::new(self))))
    }
}
