//! Rows of the log and of the journals on their way into the file: many of them go into one statement.
//!
//! They cannot be refused any more when they come here, so they may wait until there are enough of them. Their places follow
//! from those in the file: SQLite numbers a row that names none by the newest one, and looks for no other with its number.
//! What it counted is compared. Where somebody else has added rows, or the newest were pruned, each row names its place.

use super::statements::Statements;
use crate::many::{Lazy, Many, SIZES};
use partita_core::{Append, Envelope, JournalAppend, StreamId};
use rusqlite::{CachedStatement, Error, Result};

static EVENTS: Lazy = Lazy::new(|| Many::of(include_str!("../sql/append.sql")));
static RECORDS: Lazy = Lazy::new(|| Many::of(include_str!("../sql/journal_append.sql")));

/// Statements of a table: one for each size, and one that names the place.
const OF_TABLE: usize = SIZES.len() + 1;
/// Statements of both.
pub(super) const STATEMENTS: usize = 2 * OF_TABLE;

/// Rows that wait.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    /// Each row names its place.
    careful: bool,
    events: Vec<EventRow<'a>>,
    records: Vec<RecordRow<'a>>,
}

#[derive(Debug)]
struct EventRow<'a> {
    position: u64,
    stream: &'a StreamId,
    version: u64,
    event: &'a Envelope,
}

#[derive(Debug)]
struct RecordRow<'a> {
    place: u64,
    saga: u64,
    seq: u64,
    body: &'a [u8],
}

/// A table's statements: its first one's number, that of many rows, and that of one row which names its place.
struct Sql {
    number: usize,
    many: &'static Lazy,
    at: &'static str,
}

trait Row {
    const SQL: Sql;

    fn place(&self) -> i64;

    /// Binds the columns but for the place, the first of them at `at`.
    fn bind(&self, statement: &mut CachedStatement<'_>, at: usize) -> Result<()>;
}

impl Row for EventRow<'_> {
    const SQL: Sql = Sql { number: 0, many: &EVENTS, at: include_str!("../sql/append_at.sql") };

    fn place(&self) -> i64 {
        self.position.cast_signed()
    }

    fn bind(&self, statement: &mut CachedStatement<'_>, at: usize) -> Result<()> {
        statement.raw_bind_parameter(at, self.stream.as_bytes())?;
        statement.raw_bind_parameter(at + 1, self.version.cast_signed())?;
        statement.raw_bind_parameter(at + 2, self.event.id.as_bytes())?;
        statement.raw_bind_parameter(at + 3, &self.event.kind)?;
        statement.raw_bind_parameter(at + 4, self.event.time.as_millis())?;
        statement.raw_bind_parameter(at + 5, crate::event::meta(self.event))?;
        statement.raw_bind_parameter(at + 6, self.event.data.get())
    }
}

impl Row for RecordRow<'_> {
    const SQL: Sql = Sql { number: OF_TABLE, many: &RECORDS, at: include_str!("../sql/journal_append_at.sql") };

    fn place(&self) -> i64 {
        self.place.cast_signed()
    }

    fn bind(&self, statement: &mut CachedStatement<'_>, at: usize) -> Result<()> {
        statement.raw_bind_parameter(at, self.saga.cast_signed())?;
        statement.raw_bind_parameter(at + 1, self.seq.cast_signed())?;
        statement.raw_bind_parameter(at + 2, self.body)
    }
}

impl<'a> Rows<'a> {
    /// None yet. `careful` ones name their places.
    pub(super) const fn new(careful: bool) -> Self {
        Self { careful, events: vec![], records: vec![] }
    }

    /// Events behind this version and position.
    pub(super) fn append(&mut self, append: &'a Append, length: u64, position: u64) {
        let stream = &append.stream;
        let rows = (position + 1..).zip(length..).zip(&append.events);
        self.events.extend(rows.map(|((position, version), event)| EventRow { position, stream, version, event }));
    }

    /// Records behind this number and place.
    pub(super) fn journal(&mut self, append: &'a JournalAppend, length: u64, place: u64) {
        let saga = append.saga;
        let rows = (place + 1..).zip(length..).zip(&append.records);
        self.records.extend(rows.map(|((place, seq), body)| RecordRow { place, saga, seq, body }));
    }

    /// Writes what fills the largest statement, or everything.
    pub(super) fn write(&mut self, statements: &mut Statements<'_>, all: bool) -> Result<()> {
        write(&mut self.events, statements, self.careful, all)?;
        write(&mut self.records, statements, self.careful, all)
    }

    /// Forgets what waits.
    pub(super) fn clear(&mut self) {
        self.events.clear();
        self.records.clear();
    }
}

fn write<R: Row>(rows: &mut Vec<R>, statements: &mut Statements<'_>, careful: bool, all: bool) -> Result<()> {
    if careful {
        return rows.drain(..).try_for_each(|row| write_at(&row, statements));
    }
    if !all && rows.len() < SIZES[0] {
        return Ok(());
    }
    let mut written = 0;
    for (size, text, piece) in R::SQL.many.pieces(rows, all) {
        let statement = statements.of_rows(R::SQL.number + size, text)?;
        for (at, row) in piece.iter().enumerate() {
            row.bind(statement, at * R::SQL.many.columns + 1)?;
        }
        statement.raw_execute()?;
        let newest = statements.connection().last_insert_rowid();
        if piece.last().is_some_and(|last| last.place() != newest) {
            return Err(Error::IntegralValueOutOfRange(0, newest));
        }
        written += piece.len();
    }
    rows.drain(..written);
    Ok(())
}

fn write_at<R: Row>(row: &R, statements: &mut Statements<'_>) -> Result<()> {
    let statement = statements.of_rows(R::SQL.number + SIZES.len(), R::SQL.at)?;
    row.bind(statement, 1)?;
    statement.raw_bind_parameter(R::SQL.many.columns + 1, row.place())?;
    statement.raw_execute().map(drop)
}
