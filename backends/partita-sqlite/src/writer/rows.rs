//! Rows of the log and of the journals on their way into the file: many of them go into one statement.
//!
//! They cannot be refused any more when they come here, so they may wait until there are enough of them.

use super::statements::Statements;
use partita_core::{Append, Envelope, JournalAppend, StreamId};
use rusqlite::{CachedStatement, Result};
use std::sync::LazyLock;

/// Rows of a statement: the most first.
const SIZES: [usize; 3] = [32, 8, 1];

type Texts = LazyLock<[String; SIZES.len()]>;

static EVENTS: Texts = LazyLock::new(|| SIZES.map(|rows| of_rows(include_str!("../sql/append.sql"), rows)));
static RECORDS: Texts = LazyLock::new(|| SIZES.map(|rows| of_rows(include_str!("../sql/journal_append.sql"), rows)));

/// The statement of one row, `INSERT .. VALUES (..)`, for so many rows.
fn of_rows(one: &str, rows: usize) -> String {
    let Some((head, places)) = one.split_once("VALUES ") else { return one.to_owned() };
    let columns = places.matches('?').count();
    let row = |at: usize| {
        let places: Vec<String> = (1..=columns).map(|column| format!("?{}", at * columns + column)).collect();
        format!("({})", places.join(", "))
    };
    format!("{head}VALUES {}", (0..rows).map(row).collect::<Vec<_>>().join(", "))
}

/// Rows that wait.
#[derive(Debug, Default)]
pub(super) struct Rows<'a> {
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

trait Row {
    const COLUMNS: usize;

    /// Binds the columns, the first of them at `at`.
    fn bind(&self, statement: &mut CachedStatement<'_>, at: usize) -> Result<()>;
}

impl Row for EventRow<'_> {
    const COLUMNS: usize = 8;

    fn bind(&self, statement: &mut CachedStatement<'_>, at: usize) -> Result<()> {
        statement.raw_bind_parameter(at, self.position.cast_signed())?;
        statement.raw_bind_parameter(at + 1, self.stream.as_bytes())?;
        statement.raw_bind_parameter(at + 2, self.version.cast_signed())?;
        statement.raw_bind_parameter(at + 3, self.event.id.as_bytes())?;
        statement.raw_bind_parameter(at + 4, &self.event.kind)?;
        statement.raw_bind_parameter(at + 5, self.event.time.as_millis())?;
        statement.raw_bind_parameter(at + 6, crate::event::meta(self.event))?;
        statement.raw_bind_parameter(at + 7, self.event.data.get())
    }
}

impl Row for RecordRow<'_> {
    const COLUMNS: usize = 4;

    fn bind(&self, statement: &mut CachedStatement<'_>, at: usize) -> Result<()> {
        statement.raw_bind_parameter(at, self.place.cast_signed())?;
        statement.raw_bind_parameter(at + 1, self.saga.cast_signed())?;
        statement.raw_bind_parameter(at + 2, self.seq.cast_signed())?;
        statement.raw_bind_parameter(at + 3, self.body)
    }
}

impl<'a> Rows<'a> {
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
        write(&mut self.events, statements, (0, &EVENTS), all)?;
        write(&mut self.records, statements, (SIZES.len(), &RECORDS), all)
    }

    /// Forgets what waits.
    pub(super) fn clear(&mut self) {
        self.events.clear();
        self.records.clear();
    }
}

fn write<R: Row>(
    rows: &mut Vec<R>,
    statements: &mut Statements<'_>,
    (number, texts): (usize, &Texts),
    all: bool,
) -> Result<()> {
    if !all && rows.len() < SIZES[0] {
        return Ok(());
    }
    let mut rest = &rows[..];
    for (index, (size, text)) in SIZES.into_iter().zip(texts.iter()).enumerate() {
        while let Some((some, behind)) = rest.split_at_checked(size) {
            let statement = statements.of_rows(number + index, text)?;
            for (at, row) in some.iter().enumerate() {
                row.bind(statement, at * R::COLUMNS + 1)?;
            }
            statement.raw_execute()?;
            rest = behind;
        }
        if !all {
            break;
        }
    }
    let written = rows.len() - rest.len();
    rows.drain(..written);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_of_many_rows_numbers_its_places() {
        assert_eq!(
            of_rows("INSERT INTO t (a, b) VALUES (?1, ?2)\n", 2),
            "INSERT INTO t (a, b) VALUES (?1, ?2), (?3, ?4)"
        );
        assert_eq!(EVENTS[2].matches('?').count(), EventRow::COLUMNS);
        assert_eq!(RECORDS[1].matches('?').count(), 8 * RecordRow::COLUMNS);
    }
}
