//! Looks, and what has changed between two of them.

use super::config::MonitorBuilder;
use super::measure::{self, Count, Measure};
use super::{Change, Finding, PolicySnapshot, Severity, What};
use crate::sync::{Mutex, lock};
use crate::{Name, PolicyKind};
use partita_time::Lag;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub(super) type Hook = Box<dyn Fn(&Change) + Send + Sync>;

/// A measurement's identity.
type Key = (PolicyKind, Name, What);

/// One look at every policy of a dependency. Clones share it.
#[derive(Clone)]
pub struct Monitor(Arc<Shared>);

struct Shared {
    settings: MonitorBuilder,
    memory: Mutex<Memory>,
}

/// What the look before saw.
#[derive(Default)]
struct Memory {
    counts: BTreeMap<Key, Count>,
    findings: BTreeMap<Key, Finding>,
}

/// What one look saw.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The monitor's name.
    pub name: Name,
    /// When, as time since the clock was made.
    pub at: Duration,
    /// Where each policy stands, in the order in which they are watched.
    pub policies: Vec<PolicySnapshot>,
    /// What is at or above a threshold, the worst first.
    pub findings: Vec<Finding>,
    /// How late the readings of the monitor's coarse clock are.
    pub lag: Lag,
}

impl Report {
    /// The worst severity; None while all is well.
    pub fn severity(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}`: {} policies, {}",
            self.name,
            self.policies.len(),
            self.severity().map_or("well", Severity::as_str)
        )?;
        let Lag { ticks, mean, worst, stops, .. } = self.lag;
        if ticks > 0 {
            let micros = [mean, worst].map(|late| late.as_micros());
            write!(f, "; clock late by {} µs, {} µs at worst, stood {stops} times", micros[0], micros[1])?;
        }
        self.findings.iter().try_for_each(|finding| write!(f, "\n{finding}"))
    }
}

impl Monitor {
    /// Begins a monitor of this name.
    pub fn builder(name: impl Into<Name>) -> MonitorBuilder {
        MonitorBuilder::new(name.into())
    }

    pub(super) fn new(settings: MonitorBuilder) -> Self {
        let monitor = Self(Arc::new(Shared { settings, memory: Mutex::default() }));
        let mut counts = BTreeMap::new();
        for policy in monitor.gather() {
            for (what, measure) in measure::of(&policy) {
                if let Measure::Counted(count) = measure {
                    counts.insert((policy.kind(), policy.name().clone(), what), count);
                }
            }
        }
        lock(&monitor.0.memory).counts = counts;
        monitor
    }

    /// A kind and name that two policies have.
    pub(super) fn twice(&self) -> Option<(PolicyKind, Name)> {
        let mut seen = BTreeSet::new();
        let mut keys = self.gather().into_iter().map(|policy| (policy.kind(), policy.name().clone()));
        keys.find(|key| !seen.insert(key.clone()))
    }

    fn gather(&self) -> Vec<PolicySnapshot> {
        let mut policies = Vec::new();
        self.0.settings.watched.iter().for_each(|watched| watched.look(&mut policies));
        policies
    }

    /// Looks at every policy and tells the hooks what has changed since the look before.
    pub fn look(&self) -> Report {
        let Shared { settings, memory } = &*self.0;
        let at = settings.timing.now();
        // Before the lock: a snapshot makes changes that are due, and a listener told of one may look itself.
        let policies = self.gather();
        let mut memory = lock(memory);
        let findings = policies.iter().flat_map(|policy| self.judge(policy, &mut memory)).collect();
        let before = std::mem::replace(&mut memory.findings, findings);
        let changes = changes(before, &memory.findings);
        let mut findings: Vec<_> = memory.findings.values().cloned().collect();
        drop(memory);
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        for change in &changes {
            settings.hooks.iter().for_each(|hook| hook(change));
        }
        Report { name: settings.name.clone(), at, policies, findings, lag: settings.timing.lag() }
    }

    /// Looks at every policy each `period`, until the future is dropped.
    pub async fn run(&self, period: Duration) -> Infallible {
        loop {
            self.0.settings.timing.sleep(period.max(Duration::from_millis(1))).await;
            self.look();
        }
    }

    /// The findings of one policy. Of too few calls the judgement before stands, and they are counted again next time.
    fn judge(&self, policy: &PolicySnapshot, memory: &mut Memory) -> Vec<(Key, Finding)> {
        let settings = &self.0.settings;
        let mut found = Vec::new();
        for (what, measure) in measure::of(policy) {
            let key = (policy.kind(), policy.name().clone(), what);
            let value = match measure {
                Measure::Now(value) => Some(value),
                Measure::Counted(count) => {
                    let least = if what == What::BudgetSpent { 1 } else { settings.min_calls };
                    let before = memory.counts.get(&key).copied().unwrap_or_default();
                    let share = count.share_since(before, least);
                    if share.is_some() {
                        memory.counts.insert(key.clone(), count);
                    } else {
                        found.extend(memory.findings.get(&key).map(|finding| (key.clone(), finding.clone())));
                    }
                    share
                }
            };
            let threshold = settings.thresholds.get(&what).copied();
            let judged = value.zip(threshold).and_then(|(value, at)| Some((value, at.judge(value)?)));
            if let Some((value, (severity, threshold))) = judged {
                let finding = Finding { policy: key.0, name: key.1.clone(), what, severity, value, threshold };
                found.push((key, finding));
            }
        }
        found
    }
}

/// What appeared, changed its severity or went.
fn changes(before: BTreeMap<Key, Finding>, now: &BTreeMap<Key, Finding>) -> Vec<Change> {
    let severity = |finding: &Finding| finding.severity;
    let mut changes: Vec<_> = now
        .iter()
        .map(|(key, finding)| Change {
            finding: finding.clone(),
            before: before.get(key).map(severity),
            now: Some(finding.severity),
        })
        .filter(|change| change.before != change.now)
        .collect();
    let went = before.into_iter().filter(|(key, _)| !now.contains_key(key));
    changes.extend(went.map(|(_, finding)| Change { before: Some(finding.severity), finding, now: None }));
    changes
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Monitor").field(&self.0.settings.name).finish()
    }
}
