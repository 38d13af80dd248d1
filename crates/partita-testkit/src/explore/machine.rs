//! What one simulated process runs on.

use super::{Explorer, Seam, SeamStore, Strike, Trace};
use partita_core::Store;
use partita_time::{Clock, Entropy, Host, TaskGroup, Timestamp, TokioClock};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// When every simulated run begins: 2026-11-21T08:00:00Z.
const BEGINNING: Timestamp = Timestamp::from_millis(1_795_248_000_000);

/// What the processes of one run share: time, the trace, and the counters.
pub(super) struct Simulation {
    clock: TokioClock,
    trace: Trace,
    counters: Mutex<BTreeMap<&'static str, u64>>,
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
        Arc::new(Self { clock, trace: Trace::default(), counters: Mutex::default() })
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
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner).entry(counter).or_default() += 1;
    }

    pub(super) fn counters(&self) -> BTreeMap<&'static str, u64> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Machine {
    /// The machine of the run's process with this number, from 1. Each process draws other ids than the one before.
    pub(super) fn boot(simulation: &Arc<Simulation>, number: u64, strike: Option<Strike>, explorer: &Explorer) -> Self {
        let group = TaskGroup::new();
        let entropy = Entropy::seeded(explorer.seed.wrapping_mul(1_000).wrapping_add(number));
        let host =
            Host { clock: Arc::new(simulation.clock), spawner: Arc::new(group.clone()), entropy: Arc::new(entropy) };
        let seam = Seam::new(host.clone(), simulation.clone(), strike, explorer.latency);
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

    /// Puts a store behind the seam.
    pub fn store(&self, name: &'static str, inner: Arc<dyn Store>) -> Arc<dyn Store> {
        SeamStore::new(name, inner, self.seam.clone())
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
