//! Settings of a timeout policy.

use super::Timeout;
use super::core::{Core, Rule};
use crate::histogram::Tracked;
use crate::{BuildError, Event, Listeners, Name, PolicyKind, Timing};
use std::time::Duration;

/// One step of a limit that is taken in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Taken while the observed quantile is below this.
    pub below: Duration,
    /// The limit then.
    pub limit: Duration,
}

/// Settings of a [`Timeout`].
#[derive(Debug)]
#[must_use]
pub struct TimeoutBuilder {
    rule: Rule,
    quantile: f64,
    min_samples: u64,
    unknown: Option<Duration>,
    listeners: Listeners,
    timing: Timing,
    name: Name,
}

impl TimeoutBuilder {
    pub(super) fn new(name: Name) -> Self {
        Self {
            rule: Rule::Fixed(Duration::from_secs(5)),
            quantile: 0.99,
            min_samples: 100,
            unknown: None,
            listeners: Listeners::default(),
            timing: Timing::system(),
            name,
        }
    }

    /// The same limit for each attempt. This is the rule by default, with 5 s: a person has given up by then.
    pub fn fixed(mut self, limit: Duration) -> Self {
        self.rule = Rule::Fixed(limit);
        self
    }

    /// `limit` times the attempt's number: 5 s gives 5 s, 10 s, 15 s.
    pub fn growing(mut self, limit: Duration) -> Self {
        self.rule = Rule::Growing(limit);
        self
    }

    /// The observed quantile and half of it more, at least `floor` and at most `ceiling`. The half is room for a call
    /// that is slow and healthy; the p99 itself would cut off one call in a hundred.
    pub fn adaptive(self, floor: Duration, ceiling: Duration) -> Self {
        self.adaptive_by(1.5, floor, ceiling)
    }

    /// As [`TimeoutBuilder::adaptive`], with `factor` times the quantile, from 1.
    pub fn adaptive_by(mut self, factor: f64, floor: Duration, ceiling: Duration) -> Self {
        self.rule = Rule::Adaptive { factor, floor, ceiling };
        self
    }

    /// By the observed quantile in steps: 2 s while it is below 1 s, 5 s below 3 s, else 10 s.
    pub fn in_steps(self) -> Self {
        let step = |below, limit| Step { below: Duration::from_secs(below), limit: Duration::from_secs(limit) };
        self.in_steps_of([step(1, 2), step(3, 5)], Duration::from_secs(10))
    }

    /// By the observed quantile in steps of one's own, the lowest first, and the limit `above` all of them.
    pub fn in_steps_of(mut self, steps: impl Into<Vec<Step>>, above: Duration) -> Self {
        self.rule = Rule::Steps { steps: steps.into(), above };
        self
    }

    /// The quantile that is observed, above 0 and below 1. Default 0.99: the rest are the calls that a limit is for.
    pub const fn quantile(mut self, quantile: f64) -> Self {
        self.quantile = quantile;
        self
    }

    /// Calls within the window from which on the quantile is believed. Default 100: the p99 of fewer is their maximum.
    pub const fn min_samples(mut self, samples: u64) -> Self {
        self.min_samples = samples;
        self
    }

    /// The limit until then. Default the longest that the rule gives: an unknown dependency is given time.
    pub const fn until_known(mut self, limit: Duration) -> Self {
        self.unknown = Some(limit);
        self
    }

    /// Hears of each call that was cut off.
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
    /// A setting that can only be a mistake.
    pub fn build(self) -> Result<Timeout, BuildError> {
        self.check()?;
        let longest = self.rule.longest();
        let tracked = self.rule.observes().then(|| Tracked::new(self.quantile, self.min_samples));
        let unknown = self.unknown.unwrap_or(longest);
        let core = Core::new(self.name, self.rule, unknown, self.timing);
        Ok(Timeout::new(Core { tracked, listeners: self.listeners, ..core }))
    }

    fn check(&self) -> Result<(), BuildError> {
        let refuse = |option, why: &str| Err(BuildError::new(PolicyKind::Timeout, option, why));
        match &self.rule {
            Rule::Fixed(limit) | Rule::Growing(limit) if limit.is_zero() => {
                return refuse("limit", "no call ends in no time: give it some, or leave the policy out");
            }
            Rule::Adaptive { floor, ceiling, .. } if floor.is_zero() || floor > ceiling => {
                return refuse("floor", "must be above zero and at most `ceiling`");
            }
            Rule::Adaptive { factor, .. } if !(1.0..=100.0).contains(factor) => {
                return refuse(
                    "factor",
                    "must be from 1 to 100: below 1 it cuts off calls that are usual; 1.5 is usual",
                );
            }
            Rule::Steps { steps, above } => {
                let rising = steps.windows(2).all(|two| two[0].below < two[1].below);
                if steps.is_empty() || !rising || above.is_zero() || steps.iter().any(|step| step.limit.is_zero()) {
                    return refuse("steps", "need at least one, with rising `below`, and limits above zero");
                }
            }
            _ => {}
        }
        if !(self.quantile > 0.0 && self.quantile < 1.0) {
            return refuse("quantile", "must be above 0 and below 1; 0.99 is usual");
        }
        if self.unknown.is_some_and(|limit| limit.is_zero()) {
            return refuse("until_known", "no call ends in no time: give it some, or leave it out");
        }
        Ok(())
    }
}
