//! Settings of a hedge policy.

use super::Hedge;
use super::core::{Core, Delay, Places};
use crate::budget::Budget;
use crate::histogram::Tracked;
use crate::retry::Gate;
use crate::{BuildError, ByResult, Event, Listeners, PolicyKind, Timing};
use std::sync::Arc;
use std::time::Duration;

/// Settings of a [`Hedge`].
#[must_use]
pub struct HedgeBuilder<C = ByResult> {
    delay: Wanted,
    floor: Duration,
    min_samples: u64,
    max_hedges: u32,
    idempotent: bool,
    budget: Option<Budget>,
    gate: Option<Arc<dyn Gate>>,
    room: Option<Arc<Places>>,
    listeners: Listeners,
    timing: Timing,
    name: crate::Name,
    classify: C,
}

#[derive(Clone, Copy, Debug)]
enum Wanted {
    Fixed(Duration),
    Quantile(f64),
}

impl HedgeBuilder<ByResult> {
    pub(super) fn new(name: crate::Name) -> Self {
        Self {
            delay: Wanted::Quantile(0.95),
            floor: Duration::from_millis(1),
            min_samples: 100,
            max_hedges: 1,
            idempotent: false,
            budget: None,
            gate: None,
            room: None,
            listeners: Listeners::default(),
            timing: Timing::system(),
            name,
            classify: ByResult,
        }
    }
}

impl<C> HedgeBuilder<C> {
    /// A hedge begins after this, whatever is observed. Zero begins all attempts at once.
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.delay = Wanted::Fixed(delay);
        self
    }

    /// A hedge begins after this quantile of the latencies observed, above 0 and below 1. Default 0.95: one call in twenty
    /// is hedged, and the slowest of them gain the most.
    pub const fn quantile(mut self, quantile: f64) -> Self {
        self.delay = Wanted::Quantile(quantile);
        self
    }

    /// No hedge begins sooner than this by an observed quantile. Default 1 ms: below it a hedge costs more than it gains.
    pub const fn min_delay(mut self, delay: Duration) -> Self {
        self.floor = delay;
        self
    }

    /// Calls within the window from which on the quantile is believed; none is hedged before. Default 100: the p95 of fewer is a
    /// handful of them.
    pub const fn min_samples(mut self, samples: u64) -> Self {
        self.min_samples = samples;
        self
    }

    /// Attempts beside the first one at most, 1 to 9. Default 1: a second hedge gains little.
    pub const fn max_hedges(mut self, hedges: u32) -> Self {
        self.max_hedges = hedges;
        self
    }

    pub(crate) const fn hedges(&self) -> u32 {
        self.max_hedges
    }

    /// Says that the calls may be made twice; required.
    pub const fn idempotent(mut self, idempotent: bool) -> Self {
        self.idempotent = idempotent;
        self
    }

    /// Takes the hedges from this budget. Default one of the policy's own, apart from that of retries: each call deposits a
    /// twentieth, and three a second are always allowed.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Asked before each hedge, as whether a breaker is closed.
    pub fn gate(mut self, gate: impl Gate + 'static) -> Self {
        self.gate = Some(Arc::new(gate));
        self
    }

    /// Looked at before each hedge: it leaves a fifth of these places free.
    pub(crate) fn room(mut self, places: impl Fn() -> (u32, u32) + Send + Sync + 'static) -> Self {
        self.room = Some(Arc::new(places));
        self
    }

    /// Judges how an attempt ended: failure and overloaded start the next, ignored is an answer. Default [`ByResult`].
    pub fn classify<D>(self, classify: D) -> HedgeBuilder<D> {
        let Self {
            delay, floor, min_samples, max_hedges, idempotent, budget, gate, room, listeners, timing, name, ..
        } = self;
        HedgeBuilder {
            delay,
            floor,
            min_samples,
            max_hedges,
            idempotent,
            budget,
            gate,
            room,
            listeners,
            timing,
            name,
            classify,
        }
    }

    /// Hears of each hedge begun or refused.
    pub fn listener(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.add(listener);
        self
    }

    /// Reads time and waits here; default [`Timing::system`].
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Makes the policy.
    ///
    /// # Errors
    /// A setting that can only be a mistake; above all calls that were not said to be idempotent.
    pub fn build(self) -> Result<Hedge<C>, BuildError> {
        let refuse = |option, why: &str| Err(BuildError::new(PolicyKind::Hedge, option, why));
        if !self.idempotent {
            let why = "a hedge makes a call twice at the same time: say `.idempotent(true)` if that does no harm";
            return refuse("idempotent", why);
        }
        if !(1..=9).contains(&self.max_hedges) {
            return refuse("max_hedges", "must be from 1 to 9; leave the policy out for none");
        }
        let delay = match self.delay {
            Wanted::Fixed(delay) => Delay::Fixed(delay),
            Wanted::Quantile(q) if q > 0.0 && q < 1.0 => {
                Delay::Observed { tracked: Tracked::new(q, self.min_samples), floor: self.floor }
            }
            Wanted::Quantile(_) => return refuse("quantile", "must be above 0 and below 1; 0.95 is usual"),
        };
        let budget = match self.budget {
            Some(budget) => budget,
            None => Budget::builder().ratio(0.05).timing(self.timing.clone()).build()?,
        };
        Ok(Hedge::new(
            Core {
                name: self.name,
                delay,
                max_hedges: self.max_hedges,
                budget,
                gate: self.gate,
                room: self.room,
                listeners: self.listeners,
                timing: self.timing,
                counts: Default::default(),
            },
            self.classify,
        ))
    }
}

impl<C> std::fmt::Debug for HedgeBuilder<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, delay, floor, min_samples, max_hedges, .. } = self;
        let mut shown = f.debug_struct("HedgeBuilder");
        shown.field("name", name).field("delay", delay).field("min_delay", floor);
        shown.field("min_samples", min_samples).field("max_hedges", max_hedges).finish_non_exhaustive()
    }
}
