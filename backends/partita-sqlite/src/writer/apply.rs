//! One commit inside a physical transaction.
//!
//! Whatever can be refused is known before the first row is written: lengths from memory or from the index, records from
//! their tables. Only one record is left to be proven by the row count of its own write, which is then the first one; or,
//! where new records share a statement, by the count of that one, and if it is short the whole batch is written anew. So no
//! commit can fail half way, and none needs a savepoint, unless a table refuses a row for reasons of its own.

use super::fresh::Fresh;
use super::ledger::Ledger;
use super::rows::Rows;
use super::statements::{Built, OfSpace, Statements};
use super::steady::Steady;
use crate::error::{is_of_one_commit, of};
use crate::places::{Run, count};
use crate::record::{Field, record};
use crate::space::{Spaces, Table};
use crate::tail::Tails;
use partita_core::{
    Append, Commit, Conflict, Effect, Error, ErrorKind, Expect, Found, Item, Prune, Put, Receipt, Record, StreamId,
    Version, Write,
};
use rusqlite::{CachedStatement, OptionalExtension, Statement, ToSql, params};
use std::collections::BTreeMap;

/// Writes commits into the open transaction.
pub(super) struct Pen<'a> {
    pub(super) statements: Statements<'a>,
    pub(super) rows: Rows<'a>,
    pub(super) fresh: Fresh<'a>,
    pub(super) spaces: &'a Spaces,
    pub(super) tails: &'a Tails,
    pub(super) incarnation: u64,
    pub(super) streams: &'a mut Ledger<StreamId>,
    pub(super) journals: &'a mut Ledger<u64>,
    /// No journal in the file or in the transaction has a greater number.
    pub(super) greatest_saga: &'a mut i64,
    /// Of each space.
    pub(super) steady: &'a mut [Steady],
    /// By how much counters move in this transaction: one write each at its end, however many commits move them.
    pub(super) counters: BTreeMap<(&'a str, &'a str), i64>,
}

/// Why a commit was not applied.
pub(super) enum Refused {
    /// It alone: nothing of it is left in the transaction.
    One(Error),
    /// The transaction cannot go on.
    All(rusqlite::Error),
    /// Something was written before it was refused: roll back, and be careful.
    HalfWay,
}

/// Lengths of the journals and streams of a commit, before it.
struct Lengths {
    journals: Vec<u64>,
    streams: Vec<u64>,
}

impl<'a> Pen<'a> {
    /// Applies a commit whole, or refuses it. A `careful` one can fail by itself in any way.
    pub(super) fn apply(&mut self, commit: &'a Commit, careful: bool) -> Result<Receipt, Refused> {
        if commit.fence.is_some_and(|fence| fence.epoch != self.incarnation) {
            return Err(Refused::One(Error::new(ErrorKind::Fenced, "a newer owner holds the shard")));
        }
        let lengths = self.lengths(commit)?;
        if careful {
            self.statements.run("SAVEPOINT one_commit", [])?;
        }
        let refused = match self.write(commit, &lengths, careful) {
            Ok(()) => {
                if careful {
                    self.statements.run("RELEASE one_commit", [])?;
                }
                return Ok(self.keep(commit, &lengths));
            }
            Err(refused) => refused,
        };
        if !careful {
            return Err(refused);
        }
        self.rows.clear();
        if !self.statements.is_autocommit() {
            self.statements.run("ROLLBACK TO one_commit", [])?;
            self.statements.run("RELEASE one_commit", [])?;
        }
        Err(match refused {
            Refused::All(error) if is_of_one_commit(&error) => Refused::One(of(error).effect(Effect::None)),
            other => other,
        })
    }

    /// Remembers what a commit has written, and says where.
    fn keep(&mut self, commit: &'a Commit, lengths: &Lengths) -> Receipt {
        let mut receipt = Receipt::default();
        for (append, length) in commit.journals.iter().zip(&lengths.journals) {
            self.journals.add(append.saga, *length, append.records.len());
            *self.greatest_saga = (*self.greatest_saga).max(append.saga.cast_signed());
        }
        for (append, length) in commit.part.appends.iter().zip(&lengths.streams) {
            receipt.positions.push(self.streams.newest + 1);
            receipt.versions.push(length + append.events.len() as u64 - 1);
            self.streams.add(append.stream, *length, append.events.len());
        }
        for add in &commit.part.adds {
            let moved = self.counters.entry((add.space, &add.key)).or_default();
            *moved = moved.saturating_add(add.by);
        }
        for prune in &commit.prunes {
            if let Prune::Journal { saga } = prune {
                self.journals.remove(*saga);
            }
        }
        receipt
    }

    /// Writes what waits, and moves the counters; the last thing before the transaction ends.
    pub(super) fn end(&mut self) -> rusqlite::Result<()> {
        self.fresh.write(&mut self.statements)?;
        self.rows.write(&mut self.statements, true)?;
        for ((space, name), by) in std::mem::take(&mut self.counters) {
            self.statements.run(include_str!("../sql/counter_add.sql"), params![space, name, by])?;
        }
        Ok(())
    }

    /// Looks at every journal and stream. The first one that is not as expected refuses the commit.
    fn lengths(&mut self, commit: &Commit) -> Result<Lengths, Refused> {
        let mut journals = Vec::with_capacity(commit.journals.len());
        for (index, append) in commit.journals.iter().enumerate() {
            let length = self.journal_length(append.saga)?;
            if length != u64::from(append.expect) {
                let found = Found::Length(u32::try_from(length).unwrap_or(u32::MAX));
                return Err(conflict(Item::Journal(index), found));
            }
            journals.push(length);
        }
        let mut streams = Vec::with_capacity(commit.part.appends.len());
        for (index, append) in commit.part.appends.iter().enumerate() {
            let length = self.stream_length(append.stream)?;
            if expected(append).is_some_and(|expected| expected != length) {
                return Err(conflict(Item::Append(index), Found::Version(length.checked_sub(1))));
            }
            streams.push(length);
        }
        Ok(Lengths { journals, streams })
    }

    fn journal_length(&mut self, saga: u64) -> rusqlite::Result<u64> {
        match self.journals.length(saga, || self.tails.lock().journals.length(saga)) {
            Some(length) => Ok(length),
            None if saga.cast_signed() > *self.greatest_saga => Ok(0),
            None => end(self.statements.built(Built::JournalEnd)?, &saga.cast_signed()),
        }
    }

    fn stream_length(&mut self, stream: StreamId) -> rusqlite::Result<u64> {
        match self.streams.length(stream, || self.tails.lock().streams.length(stream)) {
            Some(length) => Ok(length),
            None => end(self.statements.built(Built::StreamEnd)?, stream.as_bytes()),
        }
    }

    fn write(&mut self, commit: &'a Commit, lengths: &Lengths, careful: bool) -> Result<(), Refused> {
        self.puts(commit)?;
        let mut place = self.journals.newest;
        for (append, length) in commit.journals.iter().zip(&lengths.journals) {
            self.rows.journal(append, *length, place);
            place += append.records.len() as u64;
        }
        let mut position = self.streams.newest;
        for (append, length) in commit.part.appends.iter().zip(&lengths.streams) {
            self.rows.append(append, *length, position);
            position += append.events.len() as u64;
        }
        self.rows.write(&mut self.statements, careful || !commit.prunes.is_empty())?;
        if !commit.prunes.is_empty() {
            self.fresh.write(&mut self.statements)?;
        }
        for prune in &commit.prunes {
            self.prune(prune, commit)?;
        }
        Ok(())
    }

    /// Writes the records: those with expectations are looked at first, but for one, which is written first or
    /// waits with other new ones.
    fn puts(&mut self, commit: &'a Commit) -> Result<(), Refused> {
        let puts = &commit.part.puts;
        let first = puts.iter().position(|put| put.expect != Expect::Any);
        let Some(first) = first else { return puts.iter().try_for_each(|put| Ok(self.put(put).map(drop)?)) };
        let guarded = puts.iter().filter(|put| put.expect != Expect::Any).count();
        if guarded > 1 {
            for (index, put) in puts.iter().enumerate().filter(|(_, put)| put.expect != Expect::Any) {
                let found = self.record(put)?;
                if !holds(put, found.as_ref()) {
                    return Err(conflict(Item::Put(index), Found::Record(found)));
                }
            }
        }
        let Some(put) = puts.get(first) else { return Ok(()) };
        if guarded == 1 && self.fresh.takes(put, self.table(put)?) {
            let mut others = puts.iter().enumerate().filter(|(index, _)| *index != first);
            others.try_for_each(|(_, put)| self.put(put).map(drop))?;
            let table = self.table(put)?;
            return Ok(self.fresh.add(put, table, &mut self.statements)?);
        }
        if self.put(put)? == 0 {
            let found = self.record(put)?;
            return Err(conflict(Item::Put(first), Found::Record(found)));
        }
        for (_, put) in puts.iter().enumerate().filter(|(index, _)| *index != first) {
            if self.put(put)? == 0 && put.expect != Expect::Any {
                return Err(Refused::HalfWay);
            }
        }
        Ok(())
    }

    /// Writes a record; 0 if it is not as expected.
    fn put(&mut self, put: &Put) -> rusqlite::Result<usize> {
        let table = self.table(put)?;
        self.fresh.meet(put, &mut self.statements)?;
        match (&put.write, put.expect) {
            (Write::Value { .. }, Expect::Any) => self.value(put, table, OfSpace::Upsert),
            (Write::Value { .. }, Expect::Absent) => {
                let statement = self.statements.insert(table, table.insert.one())?;
                bind(statement, put, table, 0)?;
                statement.raw_execute()
            }
            (Write::Value { .. }, Expect::Exactly(_)) => self.update(put, table),
            (Write::Delete, Expect::Any) => self.statements.run(&table.delete, [&put.key]),
            (Write::Delete, Expect::Exactly(revision)) => {
                self.statements.run(&table.delete_exactly, params![put.key, revision.cast_signed()])
            }
            (Write::Delete, Expect::Absent) => Ok(usize::from(self.record(put)?.is_none())),
        }
    }

    fn table(&self, put: &Put) -> rusqlite::Result<&'a Table> {
        let unknown = || rusqlite::Error::InvalidParameterName(put.space.to_owned());
        self.spaces.table(put.space).ok_or_else(unknown)
    }

    fn value(&mut self, put: &Put, table: &Table, which: OfSpace) -> rusqlite::Result<usize> {
        let statement = self.statements.of_space(table, which)?;
        bind(statement, put, table, 0)?;
        statement.raw_execute()
    }

    fn update(&mut self, put: &Put, table: &Table) -> rusqlite::Result<usize> {
        let Some(steady) = self.steady.get_mut(table.number) else { return self.value(put, table, OfSpace::Update) };
        if let Some(sql) = steady.update() {
            let statement = self.statements.steady(table, sql)?;
            bind(statement, put, table, 0)?;
            if statement.raw_execute()? == 1 {
                steady.holds();
                return Ok(1);
            }
            if !steady.learn(self.statements.connection(), table, |statement| bind(statement, put, table, 0))? {
                return Ok(0);
            }
            self.statements.forget_steady(table);
        }
        self.value(put, table, OfSpace::Update)
    }

    fn record(&mut self, put: &Put) -> rusqlite::Result<Option<Record>> {
        let table = self.table(put)?;
        self.fresh.meet(put, &mut self.statements)?;
        self.statements.of_space(table, OfSpace::Get)?.query_row([&put.key], record).optional()
    }

    fn prune(&mut self, prune: &Prune, commit: &Commit) -> rusqlite::Result<()> {
        match prune {
            Prune::Journal { saga } => self.prune_journal(*saga, commit),
            Prune::Expired { space, until, most } => {
                let Some(table) = self.spaces.table(space) else { return Ok(()) };
                self.statements.run(&table.prune, params![until.as_millis(), most]).map(drop)
            }
        }
    }

    fn prune_journal(&mut self, saga: u64, commit: &Commit) -> rusqlite::Result<()> {
        let (connection, key) = (self.statements.connection(), saga.cast_signed());
        let mut runs = crate::runs::in_file(connection, include_str!("../sql/journal_runs.sql"), &key)?;
        runs.extend(self.tails.journal(saga));
        runs.extend(self.journals.added(saga).cloned());
        let mut drop_record = connection.prepare_cached(include_str!("../sql/journal_drop.sql"))?;
        for (_, place) in runs.iter().flat_map(Run::iter) {
            drop_record.execute([place.cast_signed(), key])?;
        }
        let mut place = self.journals.newest;
        for (of, _) in commit.journals.iter().flat_map(|append| append.records.iter().map(|body| (append.saga, body))) {
            place += 1;
            if of == saga {
                drop_record.execute([place.cast_signed(), key])?;
            }
        }
        self.statements.run(include_str!("../sql/journal_prune.sql"), [key]).map(drop)
    }
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::All(error)
    }
}

fn conflict(item: Item, found: Found) -> Refused {
    Refused::One(Error::conflict_at(Conflict { item, found }))
}

/// Whether a record is what a put asks for.
fn holds(put: &Put, found: Option<&Record>) -> bool {
    match put.expect {
        Expect::Any => true,
        Expect::Absent => found.is_none(),
        Expect::Exactly(revision) => found.is_some_and(|record| record.revision == revision),
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

/// Binds the parameters of a write behind so many others.
pub(super) fn bind(statement: &mut Statement<'_>, put: &Put, table: &Table, before: usize) -> rusqlite::Result<()> {
    let Write::Value { value, due, fields, keep_until } = &put.write else { return Ok(()) };
    statement.raw_bind_parameter(before + 1, &put.key)?;
    statement.raw_bind_parameter(before + 2, value)?;
    statement.raw_bind_parameter(before + 3, keep_until.map(|end| end.as_millis()))?;
    let mut place = before + 4;
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
    Ok(())
}

/// Where the index says that a stream or journal ends.
fn end(statement: &mut CachedStatement<'_>, key: &dyn ToSql) -> rusqlite::Result<u64> {
    let end = statement.query_row([key], |row| {
        let first: i64 = row.get(0)?;
        Ok(first.cast_unsigned() + count(row.get_ref(1)?.as_blob()?))
    });
    Ok(end.optional()?.unwrap_or(0))
}
