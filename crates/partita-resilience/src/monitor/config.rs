//! What a monitor looks at, and what it takes for bad.

use super::look::Hook;
use super::{Change, Monitor, Severity, Watch, What};
use crate::{BuildError, Name, PolicyKind, Timing};
use std::collections::BTreeMap;
use std::fmt;

/// From where on a measurement is a finding, 0 to 1. Above 1 it never is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// A warning.
    pub warning: f64,
    /// A critical one.
    pub critical: f64,
}

impl Threshold {
    /// Thresholds of both severities.
    pub const fn new(warning: f64, critical: f64) -> Self {
        Self { warning, critical }
    }

    /// The severity of a measurement, and the threshold that it reached.
    pub(super) fn judge(self, value: f64) -> Option<(Severity, f64)> {
        let Self { warning, critical } = self;
        let critical = (value >= critical).then_some((Severity::Critical, critical));
        critical.or_else(|| (value >= warning).then_some((Severity::Warning, warning)))
    }
}

/// Builds a [`Monitor`].
#[must_use]
pub struct MonitorBuilder {
    pub(super) name: Name,
    pub(super) watched: Vec<Box<dyn Watch>>,
    pub(super) thresholds: BTreeMap<What, Threshold>,
    pub(super) min_calls: u64,
    pub(super) hooks: Vec<Hook>,
    pub(super) timing: Timing,
}

impl MonitorBuilder {
    pub(super) fn new(name: Name) -> Self {
        let thresholds = [
            (What::Breaker, Threshold::new(0.5, 1.0)),
            (What::Saturated, Threshold::new(0.8, 1.0)),
            (What::Rejected, Threshold::new(0.01, 0.1)),
            (What::BudgetSpent, Threshold::new(0.01, 0.5)),
            (What::TimedOut, Threshold::new(0.05, 0.5)),
            (What::Defaulted, Threshold::new(0.05, 0.5)),
        ];
        Self {
            name,
            watched: Vec::new(),
            thresholds: thresholds.into(),
            min_calls: 20,
            hooks: Vec::new(),
            timing: Timing::default(),
        }
    }

    /// Looks at this: a policy, a stack with all of its policies, a registry, or the breakers of many keys: these together,
    /// and at most eight that are not closed.
    pub fn watch(mut self, policy: impl Watch + 'static) -> Self {
        self.watched.push(Box::new(policy));
        self
    }

    /// From where on this measurement is a finding, in every policy that has it. Defaults: the table of the
    /// [module](crate::monitor). They tell the first per cent of callers turned away, and wake nobody before a tenth is.
    pub fn threshold(mut self, what: What, threshold: Threshold) -> Self {
        self.thresholds.insert(what, threshold);
        self
    }

    /// Shares of fewer calls say nothing: the judgement before stands until there are so many since then. Default 20, as for
    /// a breaker: below it one bad call is 5 % and more. The budget needs no least: each attempt that it refuses was wanted.
    pub const fn min_calls(mut self, calls: u64) -> Self {
        self.min_calls = calls;
        self
    }

    /// Hears of each finding that appears, changes its severity or goes; on the thread that looks, outside any lock.
    pub fn on_change(mut self, hook: impl Fn(&Change) + Send + Sync + 'static) -> Self {
        self.hooks.push(Box::new(hook));
        self
    }

    /// Reads time and waits here; default [`Timing::system`].
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// The monitor. Shares of its first look count from here.
    ///
    /// # Errors
    /// Nothing to watch, two policies of one kind and name, or a warning above its critical threshold.
    pub fn build(self) -> Result<Monitor, BuildError> {
        let refuse = |option, why: String| Err(BuildError::new(PolicyKind::Monitor, option, why));
        if self.watched.is_empty() {
            return refuse("watch", "nothing to look at: add a stack or a policy".to_owned());
        }
        for (what, Threshold { warning, critical }) in &self.thresholds {
            if !(*warning > 0.0 && warning <= critical) {
                let what = what.as_str();
                let why =
                    format!("{what}: a warning from {warning} on is not above 0 and up to its critical {critical}");
                return refuse("threshold", why);
            }
        }
        let monitor = Monitor::new(self);
        match monitor.twice() {
            Some((kind, name)) => {
                let why = format!("there are two policies `{name}` of kind {kind}: watch it once, or rename one");
                refuse("watch", why)
            }
            None => Ok(monitor),
        }
    }
}

impl fmt::Debug for MonitorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, min_calls, thresholds, .. } = self;
        let mut shown = f.debug_struct("MonitorBuilder");
        shown.field("name", name).field("min_calls", min_calls).field("thresholds", thresholds).finish_non_exhaustive()
    }
}
