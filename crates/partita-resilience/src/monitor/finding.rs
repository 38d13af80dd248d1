//! What a look finds.

use crate::{Name, PolicyKind};
use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Somebody should look when there is time.
    Warning,
    /// Callers are being turned away, or soon will be.
    Critical,
}

impl Severity {
    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum What {
    /// The breaker is not closed: 1 is open, 0.5 is half-open or ramp.
    Breaker,
    /// Places in use out of all there are.
    Saturated,
    /// Calls refused out of all that came.
    Rejected,
    /// Extra attempts that the budget refused out of all that were wanted.
    BudgetSpent,
    /// Calls cut off out of all that were begun.
    TimedOut,
    /// Optional calls of a join that yielded their default out of all that ended.
    Defaulted,
}

impl What {
    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Breaker => "not_closed",
            Self::Saturated => "saturated",
            Self::Rejected => "rejected",
            Self::BudgetSpent => "budget_spent",
            Self::TimedOut => "timed_out",
            Self::Defaulted => "defaulted",
        }
    }
}

/// A measurement at or above its threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The policy's kind.
    pub policy: PolicyKind,
    /// The policy's name.
    pub name: Name,
    /// What was measured.
    pub what: What,
    /// How bad it is.
    pub severity: Severity,
    /// The measurement, 0 to 1.
    pub value: f64,
    /// The threshold that it reached.
    pub threshold: f64,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { policy, name, what, severity, value, threshold } = self;
        write!(f, "{severity}: {policy} `{name}`: {} {value:.2}, from {threshold:.2} on", what.as_str())
    }
}

/// A finding that appeared, changed its severity, or went.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The finding; as it last was, if it went.
    pub finding: Finding,
    /// Its severity at the look before; None if it was not there.
    pub before: Option<Severity>,
    /// Its severity now; None if it went.
    pub now: Option<Severity>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.now {
            Some(_) => self.finding.fmt(f),
            None => write!(f, "over: {}", self.finding),
        }
    }
}
