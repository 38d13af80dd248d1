//! Moves the oldest places of the tail into the index of the file, beside the commits that make new ones.

use super::Writer;
use super::ledger::Ledger;
use super::transaction::Trouble;
use crate::many::{Lazy, Many};
use crate::places::Run;
use crate::tail::{Both, Moving, Tail};
use partita_core::StreamId;
use rusqlite::types::FromSql;
use rusqlite::{CachedStatement, Connection, OptionalExtension, ToSql, params};
use std::hash::Hash;

/// Lengths that the writer remembers at most, of streams in 20 bytes each and of journals in 16. A journal ends soon, and a
/// stream may come back after a million others.
const STREAMS_KNOWN: usize = 1_572_864;
const JOURNALS_KNOWN: usize = 98_304;

/// The statements of an index.
struct Sql {
    before: &'static str,
    index: &'static Lazy,
    indexed: &'static str,
}

static STREAM_INDEX: Lazy = Lazy::new(|| Many::of(include_str!("../sql/stream_index.sql")));
static JOURNAL_INDEX: Lazy = Lazy::new(|| Many::of(include_str!("../sql/journal_index.sql")));

const STREAMS: Sql = Sql {
    before: include_str!("../sql/stream_before.sql"),
    index: &STREAM_INDEX,
    indexed: include_str!("../sql/stream_indexed.sql"),
};
const JOURNALS: Sql = Sql {
    before: include_str!("../sql/journal_before.sql"),
    index: &JOURNAL_INDEX,
    indexed: include_str!("../sql/journal_indexed.sql"),
};

/// What the open transaction has moved.
#[derive(Debug, Default)]
pub(super) struct Moved {
    streams: Option<Moving<StreamId>>,
    journals: Option<Moving<u64>>,
}

impl Writer {
    /// Moves what is due, or all there is, within the open transaction.
    pub(super) fn move_places(&mut self, all: bool) -> rusqlite::Result<Moved> {
        let (streams, journals) = {
            let mut tails = self.shared.tails.lock();
            (self.streams.next(&mut tails.streams, all), self.journals.next(&mut tails.journals, all))
        };
        if let Some(moving) = &streams {
            write(&self.connection, &STREAMS, moving, |stream| *stream.as_bytes())?;
        }
        if let Some(moving) = &journals {
            write(&self.connection, &JOURNALS, moving, |saga| saga.cast_signed())?;
        }
        Ok(Moved { streams, journals })
    }

    /// The transaction is about to be committed. Whoever finds an event in the log must find it in its stream, too.
    pub(super) fn show(&mut self) {
        self.streams.show(&mut self.shared.tails.lock().streams);
    }

    /// The transaction is durable.
    pub(super) fn settle_places(&mut self, moved: &Moved) {
        let mut tails = self.shared.tails.lock();
        self.streams.settle(&mut tails.streams, moved.streams.as_ref());
        self.journals.settle(&mut tails.journals, moved.journals.as_ref());
    }

    /// The transaction was rolled back.
    pub(super) fn forget_places(&mut self) {
        let mut tails = self.shared.tails.lock();
        self.streams.forget(&mut tails.streams);
        self.journals.forget(&mut tails.journals);
    }

    /// Completes the index, so that the next opening has nothing to read.
    pub(super) fn move_all(&mut self) {
        let moved = self.try_to_move_all();
        if let Err(Trouble::Outage(error) | Trouble::Unknown(error) | Trouble::Fatal(error)) = moved {
            self.undo();
            tracing::warn!(%error, "the index is not complete; the next opening reads what is missing");
        }
    }

    fn try_to_move_all(&mut self) -> Result<(), Trouble> {
        // A generation that moves already, and the one behind it.
        for _ in 0..2 {
            self.begin()?;
            let moved = self.move_places(true)?;
            if moved.streams.is_none() && moved.journals.is_none() && self.numbered == self.seq {
                self.undo();
                return Ok(());
            }
            self.number(1)?;
            self.end_transaction(1)?;
            self.settle_places(&moved);
        }
        Ok(())
    }

    /// Reads what the index in the file lacks, after an opening or when memory may not be what the file is.
    pub(super) fn read_places(&mut self) -> rusqlite::Result<()> {
        let (events, records) = self.newest_in_file()?;
        let mut read_anew = Both::default();
        read(&self.connection, include_str!("../sql/stream_tail.sql"), &mut read_anew.streams, StreamId::from_bytes)?;
        read(&self.connection, include_str!("../sql/journal_tail.sql"), &mut read_anew.journals, i64::cast_unsigned)?;
        let greatest = |sql| self.connection.query_row(sql, [], |row| row.get(0));
        self.greatest_saga = greatest(include_str!("../sql/journal_greatest.sql"))?;
        *self.shared.tails.lock() = read_anew;
        self.streams = Ledger::ending_at(events, STREAMS_KNOWN);
        self.journals = Ledger::ending_at(records, JOURNALS_KNOWN);
        Ok(())
    }

    /// Where the newest event and the newest record of a journal lie.
    pub(super) fn newest_in_file(&self) -> rusqlite::Result<(u64, u64)> {
        let newest = |sql, column| self.connection.query_row(sql, [], |row| row.get::<_, i64>(column));
        let events = newest(include_str!("../sql/head.sql"), 2)?;
        let records = newest(include_str!("../sql/journal_newest.sql"), 0)?;
        Ok((events.cast_unsigned(), records.cast_unsigned()))
    }
}

fn write<K: Copy, T: Copy + ToSql>(
    connection: &Connection,
    sql: &Sql,
    moving: &Moving<K>,
    key: impl Fn(&K) -> T,
) -> rusqlite::Result<()> {
    let mut before = connection.prepare_cached(sql.before)?;
    let mut rows = Vec::with_capacity(moving.runs.len());
    for (of, run) in &moving.runs {
        let key = key(of);
        let continued = continued(&mut before, &key, run)?;
        let chunks = continued.as_ref().unwrap_or(run).chunks();
        rows.extend(chunks.into_iter().map(|(first, packed)| (key, first.cast_signed(), packed)));
    }
    for (_, text, piece) in sql.index.pieces(&rows, true) {
        let mut index = connection.prepare_cached(text)?;
        for (at, (key, first, packed)) in piece.iter().enumerate() {
            let at = at * sql.index.columns;
            index.raw_bind_parameter(at + 1, key)?;
            index.raw_bind_parameter(at + 2, first)?;
            index.raw_bind_parameter(at + 3, packed)?;
        }
        index.raw_execute()?;
    }
    if let Some(complete) = moving.complete {
        connection.prepare_cached(sql.indexed)?.execute([complete.cast_signed()])?;
    }
    Ok(())
}

/// The newest row of the index with a run behind it, as long as that has room; so the index grows with the streams, and not
/// with each time that one of them comes back.
fn continued(before: &mut CachedStatement<'_>, key: &dyn ToSql, run: &Run) -> rusqlite::Result<Option<Run>> {
    if run.first() == 0 {
        return Ok(None);
    }
    let row = before.query_row(params![key, run.first().cast_signed()], crate::runs::unpacked).optional()?;
    let row = row.map(|row| row.until(run.first())).filter(|row| row.end() == run.first() && !row.is_full());
    Ok(row.map(|mut row| {
        row.extend(run);
        row
    }))
}

fn read<K: Copy + Ord + Hash, T: FromSql>(
    connection: &Connection,
    sql: &str,
    tail: &mut Tail<K>,
    key: impl Fn(T) -> K,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (place, version): (i64, i64) = (row.get(0)?, row.get(2)?);
        tail.read(key(row.get(1)?), version.cast_unsigned(), place.cast_unsigned());
    }
    Ok(())
}
