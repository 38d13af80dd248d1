//! Looking at sagas: lists from their lines, one saga from its journal.

use super::load::Journal;
use super::row::Row;
use super::{Engine, Inner, SAGAS, lock};
use crate::definition::Definition;
use crate::journal::{Fact, Instance, Phase, Record, Slot, Verb};
use crate::view::{Class, SagaDetail, SagaRow, Sagas, StepView, TimelineEntry};
use partita_core::{Read, Result};
use partita_time::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::broadcast;

impl Sagas for Engine {
    fn counts(&self) -> Read<'_, Vec<(Class, u64)>> {
        Box::pin(async move {
            let counters = self.0.store.counters(SAGAS).await?;
            let count = |class: Class| {
                let counter = counters.iter().find(|(name, _)| name == class.word());
                counter.and_then(|(_, count)| u64::try_from(*count).ok()).unwrap_or(0)
            };
            Ok(Class::ALL.into_iter().map(|class| (class, count(class))).collect())
        })
    }

    fn page(&self, class: Option<Class>, after: Option<(Timestamp, String)>, limit: usize) -> Read<'_, Vec<SagaRow>> {
        Box::pin(async move {
            let classes = class.as_ref().map_or(&Class::ALL[..], std::slice::from_ref);
            let mut rows: Vec<SagaRow> = vec![];
            // A page of all classes is put together from theirs: an index of its own would cost each start.
            for class in classes {
                let found = of_class(&self.0, *class, after.clone(), limit).await?;
                rows.retain(|row| found.iter().all(|other| other.id != row.id));
                rows.extend(found);
            }
            rows.sort_by(|a, b| (b.started_at, &b.id).cmp(&(a.started_at, &a.id)));
            rows.truncate(limit);
            Ok(rows)
        })
    }

    fn detail<'a>(&'a self, id: &'a str) -> Read<'a, Option<SagaDetail>> {
        Box::pin(detail(&self.0, id))
    }

    fn changes(&self) -> broadcast::Receiver<Arc<str>> {
        self.0.changes.subscribe()
    }
}

/// Sagas of one class, newest first.
async fn of_class(
    inner: &Inner,
    class: Class,
    after: Option<(Timestamp, String)>,
    limit: usize,
) -> Result<Vec<SagaRow>> {
    let now = inner.host.clock.now();
    let records = inner.store.find(Row::of_class(class, true, after, limit)).await?;
    records.iter().map(|record| Ok(Row::read(record)?.show(&record.key, now))).collect()
}

impl Engine {
    /// A saga's line and what happened to it, oldest first; `None` when there is no such saga. It costs less than all of it.
    ///
    /// # Errors
    /// Those of the store; `Corrupt` when the line cannot be read.
    pub async fn timeline(&self, id: &str) -> Result<Option<(SagaRow, Vec<TimelineEntry>)>> {
        if let Some(ended) = lock(&self.0.lately).get(id).cloned() {
            return Ok(Some(self.0.lived(id, &ended.row, &ended.records)));
        }
        let Some(record) = self.0.store.get(SAGAS, id).await? else { return Ok(None) };
        let row = Row::read(&record)?;
        let journal = Journal::read(&self.0, row.value.number).await?;
        Ok(Some(self.0.lived(id, &row, &journal.records)))
    }
}

impl Inner {
    fn lived(&self, id: &str, row: &Row, records: &[Record]) -> (SagaRow, Vec<TimelineEntry>) {
        let definition = self.definition(&row.value.name, row.value.version);
        (row.show(id, self.host.clock.now()), timeline(records, &Names(definition.as_deref())))
    }

    pub(super) fn definition(&self, name: &str, version: u32) -> Option<Arc<Definition>> {
        lock(&self.definitions).get(&(name.to_owned(), version)).cloned()
    }
}

async fn detail(inner: &Inner, id: &str) -> Result<Option<SagaDetail>> {
    let Some(record) = inner.store.get(SAGAS, id).await? else { return Ok(None) };
    let now = inner.host.clock.now();
    let row = Row::read(&record)?;
    let journal = Journal::read(inner, row.value.number).await?;
    let instance = journal.fold(&id.into(), &row);
    let records = &journal.records;
    let definition = inner.definition(&instance.name, instance.version);
    let names = Names(definition.as_deref());
    Ok(Some(SagaDetail {
        row: row.show(id, now),
        deadline: instance.deadline,
        waiting_for: waiting_for(&instance, &names, now),
        steps: steps(&instance, &names, records, now),
        timeline: timeline(records, &names),
        state: instance.state.json().to_string(),
    }))
}

/// Names of steps, also when the definition is not at hand.
struct Names<'a>(Option<&'a Definition>);

impl Names<'_> {
    fn of(&self, leaf: usize) -> String {
        let name = self.0.and_then(|definition| definition.leaves.get(leaf)).map(|leaf| leaf.name);
        name.map_or_else(|| format!("step {}", leaf + 1), ToOwned::to_owned)
    }
}

fn waiting_for(instance: &Instance, names: &Names<'_>, now: Timestamp) -> Option<String> {
    if let Some(why) = &instance.parked {
        return Some(format!("waits for an operator: {why}"));
    }
    let (leaf, intent) = instance.open().min_by_key(|(_, intent)| intent.due)?;
    let (name, n) = (names.of(leaf), intent.n);
    let verb = match intent.verb {
        Verb::Do => "",
        Verb::Settle => "to learn what became of ",
        Verb::Undo => "to undo ",
    };
    Some(if intent.due > now {
        format!("attempt {n} {verb}{name} is made at {}", intent.due)
    } else {
        format!("attempt {n} {verb}{name} is under way, or waits for its turn")
    })
}

fn steps(instance: &Instance, names: &Names<'_>, records: &[Record], now: Timestamp) -> Vec<StepView> {
    let count = names.0.map_or(instance.slots.len(), |definition| definition.leaves.len());
    let empty = Slot::default();
    (0..count)
        .map(|leaf| {
            let slot = instance.slots.get(leaf).unwrap_or(&empty);
            let kind =
                names.0.and_then(|definition| definition.leaves.get(leaf)).map_or("unknown", |leaf| leaf.kind.word());
            StepView {
                name: names.of(leaf),
                kind,
                state: state_of(slot, instance, now),
                attempts: slot.doing.opened,
                undo_attempts: slot.undoing.opened,
                started_at: slot.first,
                ended_at: ended_at(records, leaf),
                note: last_failure(records, leaf),
            }
        })
        .collect()
}

fn state_of(slot: &Slot, instance: &Instance, now: Timestamp) -> &'static str {
    match slot.open {
        Some(_) if instance.parked.is_some() => "parked",
        Some(intent) if intent.verb == Verb::Undo => "undoing",
        Some(intent) if intent.verb == Verb::Settle => "in doubt",
        Some(intent) if intent.due > now => "waiting",
        Some(_) => "running",
        None if slot.given_up => "parked",
        None if slot.undone => "undone",
        None if slot.rejected => "rejected",
        None if slot.done => "done",
        None if slot.doubt => "in doubt",
        None if slot.first.is_none() && instance.phase != Phase::Forward => "skipped",
        None => "pending",
    }
}

fn leaf_of(fact: &Fact) -> Option<usize> {
    match fact {
        Fact::Open { leaf, .. }
        | Fact::Done { leaf, .. }
        | Fact::Rejected { leaf, .. }
        | Fact::Unknown { leaf, .. }
        | Fact::Closed { leaf, .. }
        | Fact::Undone { leaf }
        | Fact::GivenUp { leaf } => Some(*leaf),
        Fact::Start { .. } | Fact::Cancel | Fact::Unwind { .. } | Fact::Parked { .. } | Fact::Recovered | Fact::End => {
            None
        }
    }
}

fn ended_at(records: &[Record], leaf: usize) -> Option<Timestamp> {
    let ends = |fact: &Fact| {
        matches!(fact, Fact::Done { .. } | Fact::Rejected { .. } | Fact::Undone { .. } | Fact::GivenUp { .. })
            && leaf_of(fact) == Some(leaf)
    };
    records.iter().rev().find(|record| record.facts.iter().any(ends)).map(|record| record.at)
}

fn last_failure(records: &[Record], leaf: usize) -> Option<String> {
    let facts = records.iter().rev().flat_map(|record| record.facts.iter().rev());
    let mut failures = facts.filter_map(|fact| match fact {
        Fact::Unknown { leaf: of, error, .. } if *of == leaf && !error.is_empty() => Some(error.clone()),
        Fact::Rejected { leaf: of, reason, .. } if *of == leaf => Some(in_words(reason)),
        _ => None,
    });
    failures.next()
}

fn in_words(reason: &serde_json::Value) -> String {
    reason.as_str().map_or_else(|| reason.to_string(), ToOwned::to_owned)
}

/// What happened, oldest first. Of attempts that were put off for one reason the first and the last are shown.
fn timeline(records: &[Record], names: &Names<'_>) -> Vec<TimelineEntry> {
    let facts = records.iter().flat_map(|record| record.facts.iter().map(|fact| (record.at, fact)));
    // Leaves whose next attempt was put off again.
    let mut again = BTreeSet::new();
    let mut shown: Vec<_> = facts
        .rev()
        .filter_map(|(at, fact)| {
            let is_shown = match fact {
                Fact::Unknown { leaf, error, put_off: true, .. } if error.is_empty() => again.insert(*leaf),
                Fact::Open { leaf, .. } => !again.contains(leaf),
                other => {
                    leaf_of(other).map(|leaf| again.remove(&leaf));
                    true
                }
            };
            is_shown.then(|| entry(at, fact, names))?
        })
        .collect();
    shown.reverse();
    shown
}

fn entry(at: Timestamp, fact: &Fact, names: &Names<'_>) -> Option<TimelineEntry> {
    let because =
        |error: &str| if error.is_empty() { "put off again, for the same reason".into() } else { error.to_owned() };
    let (event, attempt, detail) = match fact {
        Fact::Start { name, version, .. } => ("saga.started", None, Some(format!("{name} v{version}"))),
        Fact::Open { verb: Verb::Do, n: 1, .. } => ("step.started", Some(1), None),
        Fact::Open { verb: Verb::Do, n, due, .. } => {
            ("step.retried", Some(*n), due.map(|due| format!("not before {due}")))
        }
        Fact::Done { .. } => ("step.done", None, None),
        Fact::Rejected { reason, .. } => ("step.rejected", None, Some(in_words(reason))),
        Fact::Unknown { verb: Verb::Undo, n, error, .. } => ("undo.failed", Some(*n), Some(because(error))),
        Fact::Unknown { verb, n, error, .. } => {
            let asked = if *verb == Verb::Settle { "asked what became of it: " } else { "" };
            ("step.unknown", Some(*n), Some(format!("{asked}{}", because(error))))
        }
        Fact::Undone { .. } => ("step.undone", None, None),
        Fact::GivenUp { .. } => ("undo.failed", None, Some("given up; an operator is needed".to_owned())),
        Fact::Cancel => ("cancel.requested", None, None),
        Fact::Unwind { why } => ("unwind.started", None, Some(why.to_string())),
        Fact::Parked { why } => ("saga.parked", None, Some(why.clone())),
        Fact::Recovered => ("saga.recovered", None, Some("taken over by a new process".to_owned())),
        Fact::End => ("saga.ended", None, None),
        Fact::Open { .. } | Fact::Closed { .. } => return None,
    };
    Some(TimelineEntry { at, step: leaf_of(fact).map(|leaf| names.of(leaf)), event, attempt, detail })
}
