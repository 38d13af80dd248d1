//! The naive model: a commit is tried on a copy, which replaces the original if all of it holds.

use crate::conformance::Objection;
use crate::conformance::given::{ORDERS, OTHER, PLAIN, TASKS};
use crate::conformance::observe::{Sight, text};
use partita_core::{
    Append, Commit, Conflict, Expect, FieldValue, Found, Item, Position, Prune, Put, Record, StreamId, Version, Write,
};
use partita_time::Timestamp;
use std::collections::BTreeMap;

/// Everything in maps and vectors.
#[derive(Clone, Debug, Default)]
pub(in crate::conformance) struct Naive {
    log: Vec<(StreamId, u64, String)>,
    records: BTreeMap<(&'static str, String), Row>,
    counters: BTreeMap<(&'static str, String), i64>,
    journals: BTreeMap<u64, Vec<Vec<u8>>>,
}

#[derive(Clone, Debug)]
struct Row {
    record: Record,
    placed: Option<FieldValue>,
    keep_until: Option<Timestamp>,
}

/// Positions and versions of a receipt, or the conflict.
pub(in crate::conformance) type Answer = Result<(Vec<Position>, Vec<u64>), Conflict>;

impl Naive {
    /// All of the commit, or nothing.
    pub(in crate::conformance) fn apply(&mut self, commit: &Commit) -> Result<Answer, Objection> {
        let mut copy = self.clone();
        let answer = copy.try_all(commit)?;
        if answer.is_ok() {
            *self = copy;
        }
        Ok(answer)
    }

    fn try_all(&mut self, commit: &Commit) -> Result<Answer, Objection> {
        for (index, append) in commit.journals.iter().enumerate() {
            let records = self.journals.entry(append.saga).or_default();
            let length = u32::try_from(records.len()).unwrap_or(u32::MAX);
            if length != append.expect {
                return Ok(Err(Conflict { item: Item::Journal(index), found: Found::Length(length) }));
            }
            records.extend(append.records.iter().cloned());
        }
        let (mut positions, mut versions) = (vec![], vec![]);
        for (index, append) in commit.part.appends.iter().enumerate() {
            positions.push(self.log.len() as u64 + 1);
            match self.append(append)? {
                Ok(version) => versions.push(version),
                Err(found) => return Ok(Err(Conflict { item: Item::Append(index), found })),
            }
        }
        for (index, put) in commit.part.puts.iter().enumerate() {
            if let Err(found) = self.put(put) {
                return Ok(Err(Conflict { item: Item::Put(index), found }));
            }
        }
        for add in &commit.part.adds {
            *self.counters.entry((add.space, add.key.clone())).or_default() += add.by;
        }
        commit.prunes.iter().for_each(|prune| self.prune(prune));
        Ok(Ok((positions, versions)))
    }

    /// How many events a stream has.
    pub(super) fn events(&self, stream: StreamId) -> u64 {
        self.log.iter().filter(|(of, ..)| *of == stream).count() as u64
    }

    pub(super) fn revision(&self, space: &'static str, key: &str) -> Option<u64> {
        self.records.get(&(space, key.to_owned())).map(|row| row.record.revision)
    }

    pub(super) fn length(&self, saga: u64) -> u32 {
        self.journals.get(&saga).map_or(0, |records| u32::try_from(records.len()).unwrap_or(u32::MAX))
    }

    fn append(&mut self, append: &Append) -> Result<Result<u64, Found>, Objection> {
        let mut next = self.events(append.stream);
        let holds = match append.expect {
            Version::Any => true,
            Version::Empty => next == 0,
            Version::Exactly(version) => next == version + 1,
        };
        if !holds {
            return Ok(Err(Found::Version(next.checked_sub(1))));
        }
        for event in &append.events {
            self.log.push((append.stream, next, text(event)?));
            next += 1;
        }
        Ok(Ok(next - 1))
    }

    fn put(&mut self, put: &Put) -> Result<(), Found> {
        let place = (put.space, put.key.clone());
        let there = self.records.get(&place).map(|row| row.record.clone());
        let revision = there.as_ref().map(|record| record.revision);
        let holds = match put.expect {
            Expect::Any => true,
            Expect::Absent => revision.is_none(),
            Expect::Exactly(expected) => revision == Some(expected),
        };
        if !holds {
            return Err(Found::Record(there));
        }
        match &put.write {
            Write::Delete => drop(self.records.remove(&place)),
            Write::Value { value, due, fields, keep_until } => {
                let revision = revision.unwrap_or(0) + 1;
                let record = Record { key: put.key.clone(), revision, value: value.clone(), due: *due };
                let placed = fields.iter().find(|(name, _)| *name == "placed").map(|(_, field)| field.clone());
                self.records.insert(place, Row { record, placed, keep_until: *keep_until });
            }
        }
        Ok(())
    }

    fn prune(&mut self, prune: &Prune) {
        match prune {
            Prune::Journal { saga } => drop(self.journals.remove(saga)),
            Prune::Expired { space, until, .. } => {
                let expired = |row: &Row| row.keep_until.is_some_and(|end| end <= *until);
                self.records.retain(|(of, _), row| of != space || !expired(row));
            }
        }
    }

    /// What a store with the same content shows.
    pub(in crate::conformance) fn sight(&self) -> Sight {
        let events = (1..).zip(&self.log).map(|(position, (_, version, text))| (position, *version, text.clone()));
        let spaces = [PLAIN, OTHER, TASKS, ORDERS];
        let mut found: Vec<&Row> = self.rows(ORDERS).filter(|row| row.placed.is_some()).collect();
        found.sort_by_key(|row| (row.placed.clone(), row.record.key.clone()));
        Sight {
            events: events.collect(),
            records: spaces.map(|space| (space, self.rows(space).map(|row| row.record.clone()).collect())).into(),
            found: found.into_iter().map(|row| row.record.clone()).collect(),
            due: [TASKS, ORDERS].map(|space| (space, self.due(space))).into(),
            counters: spaces.map(|space| (space, self.counters_of(space))).into(),
            journals: (0..10).map(|saga| (saga, self.entries(saga))).collect(),
        }
    }

    fn rows(&self, space: &'static str) -> impl Iterator<Item = &Row> {
        self.records.iter().filter(move |((of, _), _)| *of == space).map(|(_, row)| row)
    }

    fn due(&self, space: &'static str) -> Vec<Record> {
        let mut due: Vec<Record> =
            self.rows(space).map(|row| row.record.clone()).filter(|row| row.due.is_some()).collect();
        due.sort_by_key(|record| (record.due, record.key.clone()));
        due
    }

    fn counters_of(&self, space: &'static str) -> Vec<(String, i64)> {
        let counters = self.counters.iter().filter(|((of, _), _)| *of == space);
        counters.map(|((_, name), value)| (name.clone(), *value)).collect()
    }

    fn entries(&self, saga: u64) -> Vec<partita_core::JournalEntry> {
        let records = self.journals.get(&saga).into_iter().flatten().cloned();
        (0..).zip(records).map(|(seq, body)| partita_core::JournalEntry { seq, body }).collect()
    }
}
