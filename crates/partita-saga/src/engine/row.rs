//! The saga's line in the store: what lists show, and what the scan of live sagas finds. Until it first rests or turns
//! back it is not due, and found by its class: an entry less for the index, at start and end.

use super::{SAGAS, TASKS};
use crate::journal::Instance;
use crate::view::{Class, SagaRow};
use partita_core::{Expect, FieldValue, Find, Part, Put, Record, Result};
use partita_time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Value of a record in the space `sagas`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RowValue {
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) version: u32,
    pub(crate) class: String,
    pub(crate) started: Timestamp,
    pub(crate) changed: Timestamp,
    /// Since when it waits for its due time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rests: Option<Timestamp>,
    /// Digest of the state that it was started with.
    pub(crate) input: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// Until when its pivot must have begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deadline: Option<Timestamp>,
    /// A cancel was accepted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) cancelled: bool,
}

/// The line as this process last wrote or read it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) value: Arc<RowValue>,
    pub(crate) revision: u64,
    pub(crate) due: Option<Timestamp>,
}

impl Row {
    pub(crate) fn read(record: &Record) -> Result<Self> {
        Ok(Self { value: Arc::new(serde_json::from_str(&record.value)?), revision: record.revision, due: record.due })
    }

    /// A page of the lines of a class, in the order of their start.
    pub(super) fn of_class(class: Class, descending: bool, after: Option<(Timestamp, String)>, limit: usize) -> Find {
        let equals = Some(("class", FieldValue::from(class.word())));
        let after = after.map(|(started, id)| (started.into(), id));
        Find { space: SAGAS, equals, order_by: "started", descending, after, limit }
    }

    pub(crate) fn class(&self) -> Class {
        Class::of(&self.value.class).unwrap_or(Class::Running)
    }

    /// When it was last written, or before.
    pub(super) fn written(&self) -> Timestamp {
        self.value.rests.unwrap_or(self.value.changed)
    }

    /// When one that waits for a slot is looked at without: at its deadline. A line from a later time than now was written
    /// before the clock was set back; then only the journal tells when that is.
    pub(super) fn alarm(&self, now: Timestamp) -> Option<Timestamp> {
        self.value.deadline.map(|deadline| if self.written() > now { now } else { deadline })
    }

    /// The first line of a saga.
    pub(crate) fn first(id: &str, value: RowValue) -> Result<(Self, Part)> {
        let row = Self { value: Arc::new(value), revision: 1, due: None };
        let part = Part::new().put(row.put(id, Expect::Absent)?).add(SAGAS, row.value.class.clone(), 1);
        Ok((row, part))
    }

    fn put(&self, id: &str, expect: Expect) -> Result<Put> {
        let put = Put::value(SAGAS, id, expect, serde_json::to_string(&*self.value)?);
        let put = put.field("class", self.value.class.as_str()).field("started", self.value.started);
        Ok(put.due(self.due))
    }

    /// What changes in the line with a new record: nothing, unless its class or the time of its rest does.
    pub(crate) fn follow(&mut self, instance: &Instance, rest: Option<Timestamp>, now: Timestamp) -> Result<Part> {
        let class = instance.class(rest.is_none());
        let settled = matches!(class, Class::Parked) || class.is_ended();
        // One that turned back is due from then on: its class has those at rest in it, too.
        let unrested = (class == Class::Unwinding).then_some(now);
        let due = if settled { None } else { rest.or(self.due.map(|due| due.min(now))).or(unrested) };
        let mut part = Part::new();
        if class == self.class() && due == self.due {
            return Ok(part);
        }
        if class != self.class() {
            part = part.add(SAGAS, self.value.class.clone(), -1).add(SAGAS, class.word(), 1);
        }
        if class == Class::Parked {
            let task = serde_json::json!({ "saga": &*instance.id, "why": instance.parked, "at": now });
            part = part.put(Put::value(TASKS, &*instance.id, Expect::Any, task.to_string()));
        }
        let changed = class != self.class();
        let value = Arc::make_mut(&mut self.value);
        if changed {
            value.changed = now;
            class.word().clone_into(&mut value.class);
        }
        value.rests = rest.map(|_| now);
        value.reason = instance.reason();
        value.cancelled = instance.cancelled;
        self.due = due;
        let expect = Expect::Exactly(self.revision);
        self.revision += 1;
        Ok(part.put(self.put(&instance.id, expect)?))
    }

    pub(crate) fn show(&self, id: &str, now: Timestamp) -> SagaRow {
        let class = match self.class() {
            Class::Waiting if self.due.is_some_and(|due| due <= now) => Class::Running,
            class => class,
        };
        SagaRow {
            id: id.to_owned(),
            name: self.value.name.clone(),
            version: self.value.version,
            class,
            started_at: self.value.started,
            changed_at: self.value.changed,
            reason: self.value.reason.clone(),
            due: self.due.filter(|due| *due > now),
        }
    }
}
