//! What survives: the state of a memory store, and how a batch of commits changes it.

use crate::commit::{Conflict, Found, Item};
use crate::{
    Append, Commit, Error, ErrorKind, Expect, FieldValue, LogId, Position, Prune, Put, Receipt, Record, Recorded,
    Result, StoreFacts, StreamId, Version, Write,
};
use partita_time::{Entropy, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use uuid::Uuid;

/// The durable part of a memory store. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk(Arc<Mutex<State>>);

/// A record with what only the store looks at.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) record: Record,
    pub(super) fields: BTreeMap<&'static str, FieldValue>,
    pub(super) keep_until: Option<Timestamp>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) log_id: Option<LogId>,
    pub(super) incarnation: u64,
    pub(super) log: Vec<Recorded>,
    pub(super) streams: BTreeMap<StreamId, Vec<Position>>,
    pub(super) spaces: BTreeMap<&'static str, BTreeMap<String, Row>>,
    pub(super) counters: BTreeMap<(&'static str, String), i64>,
    pub(super) journals: BTreeMap<u64, Vec<Vec<u8>>>,
    facts: StoreFacts,
}

impl MemoryDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn open(&self, entropy: &Entropy) -> (u64, Position) {
        let mut state = self.state();
        let fresh = LogId { uuid: Uuid::from_bytes(entropy.bytes16()), restore_epoch: 0 };
        state.log_id.get_or_insert(fresh);
        state.incarnation += 1;
        state.facts = StoreFacts::default();
        (state.incarnation, state.log.len() as Position)
    }

    pub(super) fn facts(&self) -> StoreFacts {
        self.state().facts.clone()
    }

    /// Applies a batch as one physical transaction; each commit stands or falls by itself.
    pub(super) fn apply(&self, batch: Vec<Commit>) -> (Vec<Result<Receipt>>, Position) {
        let mut state = self.state();
        state.facts.flushes += 1;
        let answers = batch.into_iter().map(|commit| state.apply(commit)).collect();
        (answers, state.log.len() as Position)
    }
}

impl State {
    fn apply(&mut self, commit: Commit) -> Result<Receipt> {
        if commit.fence.is_some_and(|fence| fence.epoch != self.incarnation) {
            return Err(Error::new(ErrorKind::Fenced, "a newer owner holds the shard"));
        }
        self.compare(&commit)?;
        let mut receipt = Receipt { transaction: self.facts.flushes, ..Receipt::default() };
        self.facts.commits += 1;
        for append in commit.journals {
            self.journals.entry(append.saga).or_default().extend(append.records);
        }
        for append in commit.part.appends {
            self.append(append, &mut receipt);
        }
        for put in commit.part.puts {
            self.put(put);
        }
        for add in commit.part.adds {
            let counter = self.counters.entry((add.space, add.key)).or_default();
            *counter = counter.saturating_add(add.by);
        }
        for prune in commit.prunes {
            self.prune(&prune);
        }
        Ok(receipt)
    }

    /// Checks every expectation against the state before the commit.
    fn compare(&self, commit: &Commit) -> Result<()> {
        for (index, append) in commit.journals.iter().enumerate() {
            let length = self.journals.get(&append.saga).map_or(0, Vec::len);
            if length != append.expect as usize {
                let found = Found::Length(u32::try_from(length).unwrap_or(u32::MAX));
                return Err(Error::conflict_at(Conflict { item: Item::Journal(index), found }));
            }
        }
        for (index, append) in commit.part.appends.iter().enumerate() {
            let newest = self.streams.get(&append.stream).map(|places| places.len() as u64 - 1);
            let holds = match append.expect {
                Version::Any => true,
                Version::Empty => newest.is_none(),
                Version::Exactly(version) => newest == Some(version),
            };
            if !holds {
                return Err(Error::conflict_at(Conflict { item: Item::Append(index), found: Found::Version(newest) }));
            }
        }
        for (index, put) in commit.part.puts.iter().enumerate() {
            let row = self.row(put.space, &put.key);
            let holds = match put.expect {
                Expect::Any => true,
                Expect::Absent => row.is_none(),
                Expect::Exactly(revision) => row.is_some_and(|row| row.record.revision == revision),
            };
            if !holds {
                let found = Found::Record(row.map(|row| row.record.clone()));
                return Err(Error::conflict_at(Conflict { item: Item::Put(index), found }));
            }
        }
        Ok(())
    }

    pub(super) fn row(&self, space: &str, key: &str) -> Option<&Row> {
        self.spaces.get(space)?.get(key)
    }

    fn append(&mut self, append: Append, receipt: &mut Receipt) {
        let places = self.streams.entry(append.stream).or_default();
        receipt.positions.push(self.log.len() as Position + 1);
        for event in append.events {
            let position = self.log.len() as Position + 1;
            let version = places.len() as u64;
            places.push(position);
            self.log.push(Recorded { position, stream: append.stream, version, event });
        }
        receipt.versions.push(places.len() as u64 - 1);
    }

    fn put(&mut self, put: Put) {
        let rows = self.spaces.entry(put.space).or_default();
        match put.write {
            Write::Delete => {
                rows.remove(&put.key);
            }
            Write::Value { value, due, fields, keep_until } => {
                let revision = rows.get(&put.key).map_or(0, |row| row.record.revision) + 1;
                let record = Record { key: put.key.clone(), revision, value, due };
                rows.insert(put.key, Row { record, fields: fields.into_iter().collect(), keep_until });
            }
        }
    }

    fn prune(&mut self, prune: &Prune) {
        match prune {
            Prune::Journal { saga } => {
                self.journals.remove(saga);
            }
            Prune::Expired { space, until, most } => {
                let Some(rows) = self.spaces.get_mut(space) else { return };
                let expired = rows.iter().filter(|(_, row)| row.keep_until.is_some_and(|end| end <= *until));
                let keys: Vec<String> = expired.map(|(key, _)| key.clone()).take(*most as usize).collect();
                for key in keys {
                    rows.remove(&key);
                }
            }
        }
    }
}
