//! One commit inside a physical transaction.
//!
//! Every item that can be refused is either known to hold from memory, or is written first and proven by its own row
//! count. Only a commit with two or more unproven items needs a savepoint, because only such a one can fail half way.

use super::heads::Heads;
use crate::error::{is_of_one_commit, of};
use crate::record::{Field, record};
use crate::space::Spaces;
use partita_core::{
    Append, Commit, Conflict, Effect, Error, ErrorKind, Expect, Found, Item, JournalAppend, Prune, Put, Receipt,
    Record, Version, Write,
};
use rusqlite::{Connection, OptionalExtension, Params, params};
use std::collections::BTreeMap;

/// Writes commits into the open transaction.
pub(super) struct Pen<'a> {
    pub(super) connection: &'a Connection,
    pub(super) spaces: &'a Spaces,
    pub(super) incarnation: u64,
    /// What is remembered of the state that the transaction has reached.
    pub(super) heads: &'a mut Heads,
    /// The newest position that the transaction has given away.
    pub(super) head: &'a mut u64,
    /// By how much counters move in this transaction: one write each at its end, however many commits move them.
    pub(super) counters: BTreeMap<(&'a str, &'a str), i64>,
}

/// Why a commit was not applied.
pub(super) enum Refused {
    /// It alone: nothing of it is left in the transaction.
    One(Error),
    /// The transaction cannot go on.
    All(rusqlite::Error),
    /// What was remembered is not what the file says: roll back and forget.
    Stale,
}

enum Stop {
    Conflict,
    Stale,
    Sql(rusqlite::Error),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::All(error)
    }
}

/// How long each journal and stream of a commit is; `None`: believed empty, the insert will tell.
struct Lengths {
    journals: Vec<Option<u64>>,
    streams: Vec<Option<u64>>,
}

impl<'a> Pen<'a> {
    /// Applies a commit whole, or refuses it. A `careful` one can fail by itself in any way.
    pub(super) fn apply(&mut self, commit: &'a Commit, careful: bool) -> Result<Receipt, Refused> {
        if commit.fence.is_some_and(|fence| fence.epoch != self.incarnation) {
            return Err(Refused::One(Error::new(ErrorKind::Fenced, "a newer owner holds the shard")));
        }
        let lengths = match self.lengths(commit) {
            Ok(lengths) => lengths,
            Err(stop) => return Err(self.refuse(commit, stop, careful)),
        };
        let savepoint = careful || lengths.unproven(commit) > 1;
        if savepoint {
            self.run("SAVEPOINT one_commit", [])?;
        }
        let before = *self.head;
        let stop = match self.write(commit, &lengths) {
            Ok(receipt) => {
                for add in &commit.part.adds {
                    let moved = self.counters.entry((add.space, &add.key)).or_default();
                    *moved = moved.saturating_add(add.by);
                }
                if savepoint {
                    self.run("RELEASE one_commit", [])?;
                }
                return Ok(receipt);
            }
            Err(stop) => stop,
        };
        *self.head = before;
        commit.journals.iter().for_each(|append| self.heads.journals.forget(append.saga));
        commit.part.appends.iter().for_each(|append| self.heads.streams.forget(append.stream));
        if savepoint && !self.connection.is_autocommit() {
            self.run("ROLLBACK TO one_commit", [])?;
            self.run("RELEASE one_commit", [])?;
        }
        Err(self.refuse(commit, stop, careful))
    }

    fn refuse(&mut self, commit: &Commit, stop: Stop, careful: bool) -> Refused {
        match stop {
            Stop::Conflict => match self.first_conflict(commit) {
                Ok(Some(conflict)) => Refused::One(Error::conflict_at(conflict)),
                Ok(None) => Refused::Stale,
                Err(error) => Refused::All(error),
            },
            Stop::Sql(error) if careful && is_of_one_commit(&error) => Refused::One(of(error).effect(Effect::None)),
            Stop::Sql(error) => Refused::All(error),
            Stop::Stale => Refused::Stale,
        }
    }

    fn run(&self, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
        self.connection.prepare_cached(sql)?.execute(params)
    }

    /// Moves the counters; the last thing before the transaction ends.
    pub(super) fn count(&mut self) -> rusqlite::Result<()> {
        for ((space, name), by) in std::mem::take(&mut self.counters) {
            self.run(include_str!("../sql/counter_add.sql"), params![space, name, by])?;
        }
        Ok(())
    }

    fn lengths(&mut self, commit: &Commit) -> Result<Lengths, Stop> {
        let mut journals = Vec::with_capacity(commit.journals.len());
        for append in &commit.journals {
            let known = self.heads.journals.get(append.saga);
            journals.push(agreed(known, Some(u64::from(append.expect)), || self.journal_length(append.saga))?);
        }
        let mut streams = Vec::with_capacity(commit.part.appends.len());
        for append in &commit.part.appends {
            let known = self.heads.streams.get(append.stream);
            streams.push(agreed(known, expected(append), || self.stream_length(append))?);
        }
        Ok(Lengths { journals, streams })
    }

    fn journal_length(&self, saga: u64) -> rusqlite::Result<u64> {
        let mut statement = self.connection.prepare_cached(include_str!("../sql/journal_length.sql"))?;
        let length: Option<i64> = statement.query_row([saga.cast_signed()], |row| row.get(0)).optional()?;
        Ok(length.unwrap_or(0).cast_unsigned())
    }

    fn stream_length(&self, append: &Append) -> rusqlite::Result<u64> {
        let mut statement = self.connection.prepare_cached(include_str!("../sql/stream_length.sql"))?;
        let length: Option<i64> = statement.query_row([append.stream.as_bytes()], |row| row.get(0)).optional()?;
        Ok(length.unwrap_or(0).cast_unsigned())
    }

    fn write(&mut self, commit: &Commit, lengths: &Lengths) -> Result<Receipt, Stop> {
        let mut receipt = Receipt::default();
        let mut head = *self.head;
        for (append, length) in commit.part.appends.iter().zip(&lengths.streams) {
            receipt.positions.push(head + 1);
            receipt.versions.push(length.unwrap_or(0) + append.events.len() as u64 - 1);
            head += append.events.len() as u64;
        }
        for unproven in [true, false] {
            for (append, length) in commit.journals.iter().zip(&lengths.journals) {
                if length.is_none() == unproven {
                    self.journal(append, *length)?;
                }
            }
            for ((append, length), first) in commit.part.appends.iter().zip(&lengths.streams).zip(&receipt.positions) {
                if length.is_none() == unproven {
                    self.append(append, *length, *first)?;
                }
            }
            for put in commit.part.puts.iter().filter(|put| (put.expect != Expect::Any) == unproven) {
                self.put(put)?;
            }
        }
        for prune in &commit.prunes {
            self.prune(prune)?;
        }
        *self.head = head;
        Ok(receipt)
    }

    fn journal(&mut self, append: &JournalAppend, length: Option<u64>) -> Result<(), Stop> {
        let mut statement = self.connection.prepare_cached(include_str!("../sql/journal_append.sql"))?;
        let mut seq = length.unwrap_or(0);
        for body in &append.records {
            let rows = statement.execute(params![append.saga.cast_signed(), seq.cast_signed(), body])?;
            proven(rows, length.is_none() && seq == 0)?;
            seq += 1;
        }
        self.heads.journals.set(append.saga, seq);
        Ok(())
    }

    fn append(&mut self, append: &Append, length: Option<u64>, first: u64) -> Result<(), Stop> {
        let mut statement = self.connection.prepare_cached(include_str!("../sql/append.sql"))?;
        let mut version = length.unwrap_or(0);
        for (position, event) in (first..).zip(&append.events) {
            let rows = statement.execute(params![
                position.cast_signed(),
                append.stream.as_bytes(),
                version.cast_signed(),
                event.id.as_bytes(),
                event.kind,
                event.time.as_millis(),
                crate::event::meta(event),
                event.data.get(),
            ])?;
            proven(rows, length.is_none() && version == 0)?;
            version += 1;
        }
        self.heads.streams.set(append.stream, version);
        Ok(())
    }

    fn put(&self, put: &Put) -> Result<(), Stop> {
        let unknown = || rusqlite::Error::InvalidParameterName(put.space.to_owned());
        let table = self.spaces.table(put.space).ok_or_else(unknown)?;
        let rows = match (&put.write, put.expect) {
            (Write::Value { .. }, Expect::Any) => self.value(put, &table.upsert)?,
            (Write::Value { .. }, Expect::Absent) => self.value(put, &table.insert)?,
            (Write::Value { .. }, Expect::Exactly(_)) => self.value(put, &table.update)?,
            (Write::Delete, Expect::Any) => self.run(&table.delete, [&put.key])?.max(1),
            (Write::Delete, Expect::Exactly(revision)) => {
                self.run(&table.delete_exactly, params![put.key, revision.cast_signed()])?
            }
            (Write::Delete, Expect::Absent) => usize::from(self.record(put)?.is_none()),
        };
        proven(rows, true)
    }

    fn value(&self, put: &Put, sql: &str) -> rusqlite::Result<usize> {
        let (Write::Value { value, due, fields, keep_until }, Some(table)) = (&put.write, self.spaces.table(put.space))
        else {
            return Ok(0);
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.raw_bind_parameter(1, &put.key)?;
        statement.raw_bind_parameter(2, value)?;
        statement.raw_bind_parameter(3, keep_until.map(|end| end.as_millis()))?;
        let mut place = 4;
        if table.space.due {
            statement.raw_bind_parameter(place, due.map(|due| due.as_millis()))?;
            place += 1;
        }
        for (name, _) in &table.space.fields {
            let field = fields.iter().rev().find(|(given, _)| given == name);
            statement.raw_bind_parameter(place, field.map(|(_, value)| Field(value)))?;
            place += 1;
        }
        if let Expect::Exactly(revision) = put.expect {
            statement.raw_bind_parameter(place, revision.cast_signed())?;
        }
        statement.raw_execute()
    }

    fn record(&self, put: &Put) -> rusqlite::Result<Option<Record>> {
        let Some(table) = self.spaces.table(put.space) else { return Ok(None) };
        self.connection.prepare_cached(&table.get)?.query_row([&put.key], record).optional()
    }

    fn prune(&mut self, prune: &Prune) -> rusqlite::Result<()> {
        match prune {
            Prune::Journal { saga } => {
                self.run(include_str!("../sql/journal_prune.sql"), [saga.cast_signed()])?;
                self.heads.journals.forget(*saga);
            }
            Prune::Expired { space, until, most } => {
                let Some(table) = self.spaces.table(space) else { return Ok(()) };
                self.run(&table.prune, params![until.as_millis(), most])?;
            }
        }
        Ok(())
    }

    /// Looks up every expectation in order. Only after a refusal, on the state before the commit.
    fn first_conflict(&self, commit: &Commit) -> rusqlite::Result<Option<Conflict>> {
        for (index, append) in commit.journals.iter().enumerate() {
            let length = self.journal_length(append.saga)?;
            if length != u64::from(append.expect) {
                let found = Found::Length(u32::try_from(length).unwrap_or(u32::MAX));
                return Ok(Some(Conflict { item: Item::Journal(index), found }));
            }
        }
        for (index, append) in commit.part.appends.iter().enumerate() {
            let length = self.stream_length(append)?;
            if expected(append).is_some_and(|expected| expected != length) {
                return Ok(Some(Conflict { item: Item::Append(index), found: Found::Version(length.checked_sub(1)) }));
            }
        }
        for (index, put) in commit.part.puts.iter().enumerate().filter(|(_, put)| put.expect != Expect::Any) {
            let record = self.record(put)?;
            let holds = match put.expect {
                Expect::Exactly(revision) => record.as_ref().is_some_and(|record| record.revision == revision),
                Expect::Any | Expect::Absent => record.is_none(),
            };
            if !holds {
                return Ok(Some(Conflict { item: Item::Put(index), found: Found::Record(record) }));
            }
        }
        Ok(None)
    }
}

impl Lengths {
    /// How many items may still be refused while the commit is written.
    fn unproven(&self, commit: &Commit) -> usize {
        let lengths = self.journals.iter().chain(&self.streams);
        let puts = commit.part.puts.iter().filter(|put| put.expect != Expect::Any);
        lengths.filter(|length| length.is_none()).count() + puts.count()
    }
}

/// The length that an append asks for.
fn expected(append: &Append) -> Option<u64> {
    match append.expect {
        Version::Any => None,
        Version::Empty => Some(0),
        Version::Exactly(version) => Some(version.saturating_add(1)),
    }
}

/// The length as far as it is known; looked up only where an insert could not prove it.
fn agreed(
    known: Option<u64>,
    expected: Option<u64>,
    look_up: impl FnOnce() -> rusqlite::Result<u64>,
) -> Result<Option<u64>, Stop> {
    let length = match (known, expected) {
        (None, Some(0)) => return Ok(None),
        (None, _) => look_up()?,
        (Some(length), _) => length,
    };
    if expected.is_some_and(|expected| expected != length) { Err(Stop::Conflict) } else { Ok(Some(length)) }
}

fn proven(rows: usize, can_conflict: bool) -> Result<(), Stop> {
    match (rows, can_conflict) {
        (0, true) => Err(Stop::Conflict),
        (0, false) => Err(Stop::Stale),
        _ => Ok(()),
    }
}
