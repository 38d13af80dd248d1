//! Where a run is to be struck, and what became of that.

use super::{Failure, Fault, Operation, Run, Schedule};
use std::collections::BTreeMap;

/// A schedule, and the operations that it must strike.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) schedule: Schedule,
    operations: Vec<Operation>,
}

/// What is kept of a run.
pub(super) struct Judged {
    pub(super) explored: bool,
    pub(super) counters: BTreeMap<&'static str, u64>,
    pub(super) failure: Option<Failure>,
    /// What passed the seam of the process behind the last strike, if there was one.
    pub(super) recovery: Vec<Operation>,
}

impl Point {
    pub(super) fn new(at: usize, fault: Fault, operation: &Operation) -> Self {
        Self { schedule: Schedule::one(at, fault), operations: vec![operation.clone()] }
    }

    /// Struck again in the process that follows.
    fn then(&self, at: usize, fault: Fault, operation: &Operation) -> Self {
        let mut operations = self.operations.clone();
        operations.push(operation.clone());
        Self { schedule: self.schedule.clone().then(at, fault), operations }
    }

    /// Every point of what followed it, before and behind.
    pub(super) fn recoveries<'a>(&'a self, recovery: &'a [Operation]) -> impl Iterator<Item = Self> + 'a {
        let crashes = [Fault::Before, Fault::After];
        let numbered = (1..).zip(recovery);
        numbered.flat_map(move |(at, operation)| crashes.map(|fault| self.then(at, fault, operation)))
    }

    /// The last fault.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.schedule.0.last().map(|strike| strike.fault)
    }

    pub(super) fn in_words(&self) -> String {
        let strikes = self.schedule.0.iter().zip(&self.operations);
        let words: Vec<String> = strikes.map(|(strike, operation)| format!("{} {operation}", strike.fault)).collect();
        words.join(", then ")
    }

    /// Whether a run got to every strike, and found there what the run before had found.
    fn is_explored(&self, run: &Run) -> bool {
        let mut strikes = self.schedule.0.iter().zip(&self.operations).zip(0..);
        let met = |((strike, operation), process): ((&super::Strike, &Operation), usize)| {
            run.processes.get(process).and_then(|met| met.get(strike.at.checked_sub(1)?)) == Some(operation)
        };
        run.struck == self.schedule.0.len() && strikes.all(met)
    }

    pub(super) fn judge(&self, mut run: Run) -> Judged {
        let explored = self.is_explored(&run);
        if !explored && run.violations.is_empty() {
            run.violations.push("the run did not come there".to_owned());
        }
        let failed = !run.violations.is_empty();
        let failure = failed.then(|| Failure::new(&self.in_words(), run.violations.clone(), &run));
        let counters = std::mem::take(&mut run.counters);
        let recovery = run.processes.into_iter().nth(self.schedule.0.len()).unwrap_or_default();
        Judged { explored, counters, failure, recovery }
    }
}
