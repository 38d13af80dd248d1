//! Settings of a deadline policy.

use super::core::Core;
use super::{Counts, Deadline};
use crate::{BuildError, Event, Listeners, PolicyKind, Timing};
use std::time::Duration;

/// Settings of a [`Deadline`].
#[derive(Debug)]
#[must_use]
pub struct DeadlineBuilder {
    limit: Duration,
    max: Duration,
    margin: Duration,
    listeners: Listeners,
    timing: Timing,
    name: crate::Name,
}

impl DeadlineBuilder {
    pub(super) fn new(name: crate::Name) -> Self {
        Self {
            limit: Duration::from_secs(30),
            max: Duration::from_secs(60),
            margin: Duration::from_millis(10),
            listeners: Listeners::default(),
            timing: Timing::system(),
            name,
        }
    }

    /// The time of a call that brings no deadline. Default 30 s: no call is without an end.
    pub const fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The most that a call is given, whatever it brings. Default 60 s: a caller cannot hold resources as long as it likes.
    pub const fn max(mut self, max: Duration) -> Self {
        self.max = max;
        self
    }

    /// What is kept back at each hop for the way there and back. Default 10 ms: the callee gives up first, and its word
    /// still reaches the caller in time.
    pub const fn margin(mut self, margin: Duration) -> Self {
        self.margin = margin;
        self
    }

    /// Hears of each call that was refused or ended for lack of time.
    pub fn listener(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.add(listener);
        self
    }

    /// Reads time and waits here; default [`Timing::system`]. Deadlines are moments of this clock: policies that share
    /// calls must share it.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Makes the policy.
    ///
    /// # Errors
    /// A setting that can only be a mistake.
    pub fn build(self) -> Result<Deadline, BuildError> {
        let refuse = |option, why: &str| Err(BuildError::new(PolicyKind::Deadline, option, why));
        if self.limit.is_zero() {
            return refuse("limit", "no call ends in no time: give it some, or leave the policy out");
        }
        if self.limit > self.max {
            return refuse("limit", "must not be above `max`; raise `max` or lower `limit`");
        }
        if self.margin >= self.limit {
            return refuse("margin", "must be below `limit`, or nothing is left for the next hop");
        }
        Ok(Deadline::new(Core {
            name: self.name,
            limit: self.limit,
            max: self.max,
            margin: self.margin,
            listeners: self.listeners,
            timing: self.timing,
            counts: Counts::default(),
        }))
    }
}
