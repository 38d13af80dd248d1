//! What an exploration came to.

use super::point::{Judged, Point};
use super::{Fault, Kind, Run};
use std::collections::BTreeMap;
use std::fmt;

/// Lines of the trace that a failure shows.
const SHOWN: usize = 40;

/// A schedule under which something does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The schedule, in words.
    pub schedule: String,
    /// What does not hold.
    pub violations: Vec<String>,
    /// What happened, the end of it.
    pub trace: Vec<String>,
}

/// What an exploration came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exploration {
    /// Commits of all stores in the run without faults.
    pub commits: usize,
    /// Calls in the run without faults.
    pub calls: usize,
    /// Points: an operation and a fault that strikes it.
    pub points: usize,
    /// Points where it did.
    pub explored: usize,
    /// Of them, by fault.
    pub by_fault: BTreeMap<Fault, usize>,
    /// Second crashes, during the recovery from a first one.
    pub twice: Twice,
    /// Everything that did not hold, the shortest schedule first.
    pub failures: Vec<Failure>,
    /// How often happened what must happen at least once.
    pub sometimes: BTreeMap<&'static str, u64>,
}

/// Second crashes of a story.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Twice {
    /// Points of all recoveries together.
    pub possible: usize,
    /// Points that were to be crashed.
    pub points: usize,
    /// Points that were.
    pub explored: usize,
}

impl Failure {
    pub(super) fn new(schedule: &str, violations: Vec<String>, run: &Run) -> Self {
        let mut trace = run.trace.lines();
        trace.drain(..trace.len().saturating_sub(SHOWN));
        Self { schedule: schedule.to_owned(), violations, trace }
    }
}

impl Exploration {
    /// Before anything was struck.
    pub(super) fn of(calm: &Run, counters: &[&'static str]) -> Self {
        let operations = || calm.processes.iter().flatten();
        let count = |kind| operations().filter(|operation| operation.kind == kind).count();
        Self {
            commits: count(Kind::Commit),
            calls: count(Kind::Call),
            sometimes: counters.iter().map(|counter| (*counter, 0)).collect(),
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, point: &Point, judged: Judged) {
        if let (true, Some(fault)) = (judged.explored, point.fault()) {
            self.explored += 1;
            *self.by_fault.entry(fault).or_default() += 1;
        }
        self.take(judged);
    }

    pub(super) fn add_second(&mut self, judged: Judged) {
        self.twice.explored += usize::from(judged.explored);
        self.take(judged);
    }

    fn take(&mut self, judged: Judged) {
        self.count(&judged.counters);
        self.failures.extend(judged.failure);
    }

    fn count(&mut self, counters: &BTreeMap<&'static str, u64>) {
        for (counter, count) in &mut self.sometimes {
            *count += counters.get(counter).copied().unwrap_or(0);
        }
    }

    pub(super) fn judge(&mut self, schedule: &str, run: &Run) {
        self.count(&run.counters);
        if !run.violations.is_empty() {
            self.fails(schedule, run.violations.clone(), run);
        }
    }

    pub(super) fn fails(&mut self, schedule: &str, violations: Vec<String>, run: &Run) {
        self.failures.push(Failure::new(schedule, violations, run));
    }

    /// Everything that did not hold, over all schedules.
    pub fn violations(&self) -> usize {
        self.failures.iter().map(|failure| failure.violations.len()).sum()
    }

    /// What must have happened and never did.
    pub fn never(&self) -> Vec<&'static str> {
        self.sometimes.iter().filter(|(_, count)| **count == 0).map(|(counter, _)| *counter).collect()
    }

    /// Whether every point that was to be explored was, everything held, and everything happened that must happen.
    pub fn is_good(&self) -> bool {
        let all = self.explored == self.points && self.twice.explored == self.twice.points;
        self.points > 0 && all && self.failures.is_empty() && self.never().is_empty()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.schedule)?;
        for violation in &self.violations {
            writeln!(f, "  does not hold: {violation}")?;
        }
        for line in &self.trace {
            writeln!(f, "    {line}")?;
        }
        Ok(())
    }
}
