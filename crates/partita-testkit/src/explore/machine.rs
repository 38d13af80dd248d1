//! What one simulated process runs on.

use super::chance::Plan;
use super::life::Terms;
use super::{Fault, Kind, Seam, SeamStore, Trace};
use partita_core::Store;
use partita_time::{Clock, Entropy, Host, TaskGroup, Timestamp, TokioClock};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// When every simulated run begins: 2026-11-21T08:00:00Z.
const BEGINNING: Timestamp = Timestamp::from_millis(1_795_248_000_000);

/// What the processes of one run share: time, the trace, and what was counted.
pub(super) struct Simulation {
    clock: TokioClock,
    trace: Trace,
    counted: Mutex<Counted>,
}

/// What was counted over all processes of a run.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) counters: BTreeMap<&'static str, u64>,
    pub(super) faults: BTreeMap<(Kind, Fault), u64>,
    pub(super) violations: Vec<String>,
}

/// What one simulated process runs on: a host of its own, and the seam that it acts through. Clones are the same machine.
#[derive(Clone)]
pub struct Machine {
    host: Host,
    group: TaskGroup,
    seam: Seam,
    simulation: Arc<Simulation>,
    number: u64,
}

impl Simulation {
    /// Begins now; there must be a runtime.
    pub(super) fn begin() -> Arc<Self> {
        let clock = TokioClock::anchored(BEGINNING);
        Arc::new(Self { clock, trace: Trace::default(), counted: Mutex::default() })
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &self.clock
    }

    pub(super) fn trace(&self, line: String, content: Option<&dyn fmt::Debug>) {
        self.trace.add(self.clock.elapsed(), line, content);
    }

    pub(super) fn whole_trace(&self) -> Trace {
        self.trace.clone()
    }

    pub(super) fn count(&self, counter: &'static str) {
        *self.counted().counters.entry(counter).or_default() += 1;
    }

    pub(super) fn strikes(&self, kind: Kind, fault: Fault) {
        *self.counted().faults.entry((kind, fault)).or_default() += 1;
    }

    /// Something does not hold, whatever the world finds when it is asked.
    pub(super) fn violated(&self, what: String) {
        self.trace(what.clone(), None);
        self.counted().violations.push(what);
    }

    pub(super) fn all_counted(&self) -> Counted {
        std::mem::take(&mut *self.counted())
    }
}

impl Machine {
    /// The machine of the run's process with this number, from 1. Each process draws other ids than the one before.
    pub(super) fn boot(simulation: &Arc<Simulation>, number: u64, plan: Plan, terms: &Terms) -> Self {
        let group = TaskGroup::new();
        let entropy = Entropy::seeded(terms.seed.wrapping_mul(1_000).wrapping_add(number));
        let host =
            Host { clock: Arc::new(simulation.clock), spawner: Arc::new(group.clone()), entropy: Arc::new(entropy) };
        let seam = Seam::new(host.clone(), simulation.clone(), plan, (terms.latency, terms.most));
        simulation.trace(format!("process {number} starts"), None);
        Self { host, group, seam, simulation: simulation.clone(), number }
    }

    /// Time, tasks and randomness of the process.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// What calls of other services must pass.
    pub fn seam(&self) -> &Seam {
        &self.seam
    }

    /// Number of the process in its run, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether anything was done to the process.
    pub fn is_struck(&self) -> bool {
        self.seam.has_struck()
    }

    /// Puts a store behind the seam. `late` is how long it stands still when it is struck by a delay: longer than its
    /// callers wait, and not longer than they are declared to put up with.
    pub fn store(&self, name: &'static str, inner: Arc<dyn Store>, late: Duration) -> Arc<dyn Store> {
        SeamStore::new(name, inner, self.seam.clone(), late)
    }

    /// Counts something that must happen in some run, or the exploration has shown nothing.
    pub fn count(&self, counter: &'static str) {
        self.simulation.count(counter);
    }

    /// Adds a line to the trace.
    pub fn note(&self, line: impl Into<String>) {
        self.simulation.trace(line.into(), None);
    }

    /// Ends the process: every task and all memory of it are dropped.
    pub(super) async fn end(&self) {
        self.group.end().await;
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("number", &self.number).finish_non_exhaustive()
    }
}
