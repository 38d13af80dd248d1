//! What the seeds came to.

use super::Plan;
use partita_testkit::explore::{Fault, Kind, Run};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// Seeds from which on everything must have happened at least once.
const MANY: u64 = 40;

/// What must have happened somewhere among many seeds.
const SOMETIMES: [&str; 18] = [
    "answered_5xx",
    "cancel_accepted",
    "cancel_refused",
    "crashes",
    "end: cancelled",
    "end: confirmed",
    "end: parked",
    "end: rejected, out of stock",
    "end: rejected, payment declined",
    "in_doubt_settled",
    "late_refused",
    "ledger_replayed",
    "probe_found",
    "probe_not_found",
    "provider_replayed",
    "recovered",
    "replayed_key",
    "tombstone_first",
];

/// What the seeds came to.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    plan: Plan,
    seeds: u64,
    processes: usize,
    virtually: Duration,
    faults: BTreeMap<(Kind, Fault), u64>,
    counters: BTreeMap<&'static str, u64>,
    /// Seeds that failed, and what did not hold; the end of the trace, of a single seed.
    failures: BTreeMap<u64, (Vec<String>, Vec<String>)>,
    /// Of all traces, by seed.
    hashes: BTreeMap<u64, u64>,
}

impl Report {
    pub(crate) fn of(plan: Plan) -> Self {
        Self {
            plan,
            seeds: 0,
            processes: 0,
            virtually: Duration::ZERO,
            faults: BTreeMap::new(),
            counters: BTreeMap::new(),
            failures: BTreeMap::new(),
            hashes: BTreeMap::new(),
        }
    }

    pub(crate) fn add(&mut self, seed: u64, run: &Run) {
        self.seeds += 1;
        self.processes += run.processes.len();
        self.virtually += run.elapsed;
        for (fault, count) in &run.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
        for (counter, count) in &run.counters {
            *self.counters.entry(counter).or_default() += count;
        }
        self.hashes.insert(seed, run.trace.hash());
        if !run.violations.is_empty() {
            let mut trace = if self.plan.seeds == 1 { run.trace.lines() } else { vec![] };
            trace.drain(..trace.len().saturating_sub(self.plan.trace));
            self.failures.insert(seed, (run.violations.clone(), trace));
        }
    }

    /// Seeds that are done.
    pub(crate) const fn seeds(&self) -> u64 {
        self.seeds
    }

    /// Seeds that failed.
    pub(crate) fn failed(&self) -> usize {
        self.failures.len()
    }

    /// What must have happened, and never did.
    pub(crate) fn never(&self) -> Vec<&'static str> {
        let struck = |fault: &Fault| self.faults.keys().any(|(_, met)| met == fault);
        let faults = Fault::ALL.into_iter().filter(|fault| !struck(fault)).map(Fault::name);
        let silent = SOMETIMES.into_iter().filter(|counter| !self.counters.contains_key(counter));
        if self.seeds < MANY { vec![] } else { faults.chain(silent).collect() }
    }

    /// Whether everything held, and everything happened that must happen.
    pub(crate) fn is_good(&self) -> bool {
        self.failures.is_empty() && self.never().is_empty()
    }

    fn violations(&self) -> usize {
        self.failures.values().map(|(violations, _)| violations.len()).sum()
    }

    fn orders(&self) -> u64 {
        self.seeds * self.plan.orders as u64
    }

    fn hours(&self) -> f64 {
        self.virtually.as_secs_f64() / 3_600.0
    }

    /// The command that shows one seed again.
    pub(crate) fn again(&self, seed: u64) -> String {
        format!("cargo xtask simulate --seeds 1 --seed {seed} --orders {}", self.plan.orders)
    }

    /// For people; `took` is real time.
    pub(crate) fn text(&self, took: Duration) -> String {
        let mut text = String::new();
        let crashes = self.processes as u64 - self.seeds;
        let _ = writeln!(text, "{} seeds from {}: {} sagas", self.seeds, self.plan.first, self.orders());
        let _ = writeln!(text, "\nfaults               commits     calls");
        for fault in Fault::ALL {
            let of = |kind| self.faults.get(&(kind, fault)).copied().unwrap_or(0);
            let (commits, calls) = (of(Kind::Commit), of(Kind::Call));
            let _ = writeln!(text, "{:<20}{commits:>8}{calls:>10}", fault.name());
        }
        let _ = writeln!(text, "processes that ended and were started again: {crashes}\n\nends");
        let (ends, other): (Vec<_>, Vec<_>) =
            self.counters.iter().partition(|(counter, _)| counter.starts_with("end: "));
        for (end, count) in ends {
            let _ = writeln!(text, "{:<34}{count:>8}", end.trim_start_matches("end: "));
        }
        let other: Vec<String> = other.iter().map(|(counter, count)| format!("{counter} {count}")).collect();
        let _ = writeln!(text, "\n{}\n", other.join(", "));
        for counter in self.never() {
            let _ = writeln!(text, "`{counter}` never happened");
        }
        for (seed, (violations, trace)) in &self.failures {
            let _ = writeln!(text, "seed {seed}: {}\n    again: {}", violations.join("; "), self.again(*seed));
            trace.iter().for_each(|line| {
                let _ = writeln!(text, "    {line}");
            });
        }
        let (hours, seconds) = (self.hours(), took.as_secs_f64());
        let _ = write!(
            text,
            "{} violations in {} of {} seeds; {hours:.1} simulated hours in {seconds:.1} s: {:.2} hours a second",
            self.violations(),
            self.failed(),
            self.seeds,
            hours / seconds.max(0.001)
        );
        text
    }

    /// For scripts, on one line.
    pub(crate) fn json(&self, took: Duration) -> Value {
        let faults: BTreeMap<String, u64> =
            self.faults.iter().map(|((kind, fault), count)| (format!("{}, {kind}", fault.name()), *count)).collect();
        let failures: Vec<Value> = self
            .failures
            .iter()
            .map(|(seed, (violations, _))| json!({"seed": seed, "violations": violations, "again": self.again(*seed)}))
            .collect();
        let all = self.hashes.values().fold(0_u64, |all, hash| all.rotate_left(1) ^ hash);
        json!({
            "seeds": self.seeds,
            "first": self.plan.first,
            "orders": self.orders(),
            "crashes": self.processes as u64 - self.seeds,
            "faults": faults,
            "counters": self.counters,
            "violations": self.violations(),
            "failures": failures,
            "never": self.never(),
            "trace": format!("{all:016x}"),
            "simulated_hours": self.hours(),
            "seconds": took.as_secs_f64(),
            "hours_per_second": self.hours() / took.as_secs_f64().max(0.001),
        })
    }
}
