//! How much is too much.

use super::Shed;
use super::core::Core;
use crate::{BuildError, Event, Listeners, PolicyKind, Timing};
use std::fmt;
use std::sync::Arc;

pub(super) type Pressure = Arc<dyn Fn() -> f64 + Send + Sync>;

/// Builds a [`Shed`].
#[derive(Clone)]
#[must_use]
pub struct Builder {
    pub(super) name: crate::Name,
    pub(super) max_in_flight: u32,
    pub(super) low: f64,
    pub(super) normal: f64,
    pub(super) pressure: Option<Pressure>,
    pub(super) timing: Timing,
    pub(super) listeners: Listeners,
}

impl Builder {
    pub(super) fn new(name: crate::Name) -> Self {
        Self {
            name,
            max_in_flight: 256,
            low: 0.7,
            normal: 0.9,
            pressure: None,
            timing: Timing::default(),
            listeners: Listeners::default(),
        }
    }

    /// Calls under way at once, of every priority. Default 256: what a small server holds in memory without pain.
    pub const fn max_in_flight(mut self, calls: u32) -> Self {
        self.max_in_flight = calls;
        self
    }

    /// Share of the calls above which low and normal ones are refused. Default 0.7 and 0.9: a tenth is always kept for
    /// critical calls.
    pub const fn thresholds(mut self, low: f64, normal: f64) -> Self {
        (self.low, self.normal) = (low, normal);
        self
    }

    /// A gauge from 0 (none) to 1 (refuse all), read for each call: it must be quick. What is no number counts as none.
    pub fn pressure(mut self, gauge: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        self.pressure = Some(Arc::new(gauge));
        self
    }

    /// Time, for events.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Adds a listener that hears refusals.
    pub fn listener(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.add(listener);
        self
    }

    /// The policy.
    ///
    /// # Errors
    /// No call at all, or thresholds out of order.
    pub fn build(self) -> Result<Shed, BuildError> {
        let refuse = |option, why: String| Err(BuildError::new(PolicyKind::Shed, option, why));
        if self.max_in_flight == 0 {
            return refuse("max_in_flight", "no call would ever pass; write at least 1".to_owned());
        }
        let rises = 0.0 < self.low && self.low <= self.normal && self.normal <= 1.0;
        if !rises {
            let why =
                format!("{} and {} do not rise from above 0 to 1; write them as 0.7 and 0.9", self.low, self.normal);
            return refuse("thresholds", why);
        }
        Ok(Shed(Arc::new(Core::new(self))))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("max_in_flight", &self.max_in_flight)
            .field("thresholds", &(self.low, self.normal))
            .finish_non_exhaustive()
    }
}
