//! Who runs when: the due-scan, the timers of sagas at rest, and the slots.
//!
//! Recovery is not a phase. A live saga's line is itself due from its start, so the same scan that finds sagas that waited
//! for a slot finds those that an earlier process left.

use super::row::Row;
use super::runner::{Runner, SPACE};
use super::{Inner, cancel, lock};
use crate::definition::Definition;
use crate::journal::{Instance, Record};
use partita_core::{DuePage, Result};
use partita_time::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

const TIMERS: usize = 65_536;
const PAGE: usize = 256;
/// After an error of the store the scan is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// What the scheduler has in mind.
#[derive(Debug)]
pub(crate) struct Agenda {
    /// Sagas at rest and when they go on; the nearest ones, if there are too many.
    timers: BTreeSet<(Timestamp, Arc<str>)>,
    /// The store may hold sagas that are due, or at rest, and not in `timers`.
    scan: bool,
    /// Then it is looked at again at this time.
    scan_at: Option<Timestamp>,
}

impl Default for Agenda {
    fn default() -> Self {
        Self { timers: BTreeSet::new(), scan: true, scan_at: None }
    }
}

impl Agenda {
    fn rest(&mut self, wake: Timestamp, id: Arc<str>) {
        self.timers.insert((wake, id));
        if self.timers.len() > TIMERS
            && let Some((dropped, _)) = self.timers.pop_last()
        {
            self.scan_at = Some(self.scan_at.map_or(dropped, |at| at.min(dropped)));
        }
    }

    fn take_due(&mut self, now: Timestamp) -> Option<Arc<str>> {
        let (wake, _) = self.timers.first()?;
        if *wake > now {
            return None;
        }
        self.timers.pop_first().map(|(_, id)| id)
    }

    fn next(&self) -> Option<Timestamp> {
        let timer = self.timers.first().map(|(wake, _)| *wake);
        timer.into_iter().chain(self.scan_at).min()
    }
}

pub(super) fn rest(inner: &Inner, wake: Timestamp, id: &Arc<str>) {
    let mut agenda = lock(&inner.agenda);
    let is_next = agenda.next().is_none_or(|next| wake < next);
    agenda.rest(wake, id.clone());
    drop(agenda);
    if is_next {
        inner.wake.notify_one();
    }
}

pub(super) fn overflow(inner: &Inner) {
    lock(&inner.agenda).scan = true;
}

/// A saga left memory: another may come in.
pub(super) fn left(inner: &Inner, id: &Arc<str>) {
    let empty = {
        let mut active = lock(&inner.active);
        active.remove(id);
        active.is_empty()
    };
    if empty {
        inner.idle.notify_waiters();
    }
    let enough = (inner.settings.max_running / 4).max(1);
    if (empty || inner.slots.available_permits() >= enough) && lock(&inner.agenda).scan {
        inner.wake.notify_one();
    }
}

/// The scheduler's loop.
pub(super) async fn run(inner: Arc<Inner>) {
    loop {
        let retry = match admit(&inner).await {
            Ok(()) => None,
            Err(error) => {
                tracing::warn!(%error, "the store cannot be scanned for sagas that are due");
                Some(inner.host.clock.now().plus(RETRY))
            }
        };
        let next = lock(&inner.agenda).next().into_iter().chain(retry).min();
        let wait = next.map(|next| next.since(inner.host.clock.now()));
        let sleep = async {
            match wait {
                Some(wait) => inner.host.clock.sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = inner.stopped() => return,
            () = inner.wake.notified() => {}
            () = sleep => {}
        }
    }
}

/// Brings in what is due, as far as there are slots.
async fn admit(inner: &Arc<Inner>) -> Result<()> {
    let now = inner.host.clock.now();
    loop {
        let Ok(slot) = inner.slots.clone().try_acquire_owned() else {
            lock(&inner.agenda).scan = true;
            return Ok(());
        };
        let Some(id) = lock(&inner.agenda).take_due(now) else { break };
        fetch(inner, &id, Some(slot));
    }
    let scans = {
        let mut agenda = lock(&inner.agenda);
        let overdue = agenda.scan_at.is_some_and(|at| at <= now);
        if overdue {
            agenda.scan_at = None;
        }
        std::mem::take(&mut agenda.scan) || overdue
    };
    if scans && let Err(error) = scan(inner, now).await {
        lock(&inner.agenda).scan = true;
        return Err(error);
    }
    Ok(())
}

/// Looks through all live sagas, in pages, earliest due first.
async fn scan(inner: &Arc<Inner>, now: Timestamp) -> Result<()> {
    let mut after = None;
    loop {
        let page = DuePage { space: SPACE, until: Timestamp::MAX, after, limit: PAGE };
        let records = inner.store.due(page).await?;
        for record in &records {
            let due = record.due.unwrap_or(now);
            if lock(&inner.active).contains_key(record.key.as_str()) {
                continue;
            }
            if due > now {
                lock(&inner.agenda).rest(due, record.key.as_str().into());
                continue;
            }
            let Ok(slot) = inner.slots.clone().try_acquire_owned() else {
                lock(&inner.agenda).scan = true;
                return Ok(());
            };
            fetch(inner, &record.key, Some(slot));
        }
        let full = lock(&inner.agenda).scan_at.is_some();
        match records.last() {
            Some(last) if records.len() == PAGE && !full => after = Some((last.due.unwrap_or(now), last.key.clone())),
            _ => return Ok(()),
        }
    }
}

/// Brings a saga from the store into memory, unless it is there.
pub(super) fn fetch(inner: &Arc<Inner>, id: &str, slot: Option<OwnedSemaphorePermit>) {
    if inner.stopping() {
        return;
    }
    let id: Arc<str> = id.into();
    let bell = {
        let mut active = lock(&inner.active);
        if let Some(bell) = active.get(&id) {
            bell.notify_one();
            return;
        }
        active.entry(id.clone()).or_default().clone()
    };
    let owner = inner.clone();
    inner.host.spawner.spawn(Box::pin(async move {
        match load(&owner, &id).await {
            Ok(Some(mut runner)) => {
                (runner.bell, runner.slot) = (bell, slot);
                if take_over(&mut runner).await {
                    runner.run().await;
                    return;
                }
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(saga = &*id, %error, "a saga cannot be read");
                rest(&owner, owner.host.clock.now().plus(RETRY), &id);
            }
        }
        left(&owner, &id);
    }));
}

/// Recovers, reads letters, and parks what does not fit its definition. False when the store refuses.
async fn take_over(runner: &mut Runner) -> bool {
    let misfit = misfit(runner);
    let taken = async {
        match misfit {
            Some(why) if runner.instance.parked.is_none() => runner.park(why).await?,
            Some(_) => {}
            None => runner.recover().await?,
        }
        runner.read_letters().await
    };
    match taken.await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(saga = &*runner.instance.id, %error, "a saga cannot be taken over");
            false
        }
    }
}

/// Why the instance cannot run on the definition at hand.
fn misfit(runner: &Runner) -> Option<String> {
    let instance = &runner.instance;
    if instance.print.is_empty() {
        return Some("its journal cannot be read by this version".to_owned());
    }
    if *runner.def.fingerprint == *instance.print {
        return None;
    }
    let here = if runner.def.leaves.is_empty() { "none" } else { &*runner.def.fingerprint };
    Some(format!(
        "it was started from {} v{} with fingerprint {}, and the definition registered now has fingerprint {here}",
        instance.name, instance.version, instance.print
    ))
}

/// Reads a saga; `None` when it has ended or is parked.
async fn load(inner: &Arc<Inner>, id: &Arc<str>) -> Result<Option<Runner>> {
    let Some(record) = inner.store.get(SPACE, id).await? else { return Ok(None) };
    let row = Row::read(&record)?;
    let at_rest = row.class().is_ended() || row.class() == crate::Class::Parked;
    if at_rest && cancel::letters(inner, row.value.number).await?.is_empty() {
        return Ok(None);
    }
    let (records, written, length) = journal(inner, row.value.number).await?;
    let instance = match records.and_then(|records| Instance::replay(id.clone(), row.value.number, &records)) {
        Ok(instance) => instance,
        Err(error) => {
            tracing::error!(saga = &**id, %error, "a journal cannot be read");
            Instance { length, ..Instance::new(id.clone(), row.value.number) }
        }
    };
    let key = (instance.name.clone(), instance.version);
    let definition = lock(&inner.definitions).get(&key).cloned();
    let definition = definition.unwrap_or_else(|| Arc::new(nothing()));
    let mut runner = Runner::new(inner.clone(), definition, instance, row);
    runner.count_written(written);
    Ok(Some(runner))
}

/// All records of a journal, their bytes, and how many there are even if one cannot be decoded.
pub(super) async fn journal(inner: &Inner, number: u64) -> Result<(Result<Vec<Record>>, usize, u32)> {
    let (mut records, mut written, mut length) = (Ok(vec![]), 0, 0);
    loop {
        let page = inner.store.journal(number, length, PAGE).await?;
        for entry in &page {
            length += 1;
            written += entry.body.len();
            records = records.and_then(|mut records: Vec<Record>| {
                records.push(Record::decode(&entry.body)?);
                Ok(records)
            });
        }
        if page.len() < PAGE {
            return Ok((records, written, length));
        }
    }
}

/// Stands in for a definition that is not registered.
fn nothing() -> Definition {
    Definition {
        name: "",
        version: 0,
        deadline: None,
        leaves: vec![],
        nodes: vec![],
        at_end: None,
        fingerprint: "".into(),
    }
}
