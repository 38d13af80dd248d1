//! The limits: rusqlite alone, which adds the same rows, as many to a flush as there are callers.

use super::callers::{CALLERS, Caller, FILL, Kind};
use super::{Look, marks_with_commits};
use crate::proc::own_cpu;
use crate::raw::connect;
use crate::row::rounded;
use crate::{Result, say};
use partita::core::StreamId;
use partita::time::Host;
use rusqlite::{Connection, params};
use std::path::Path;
use std::time::Duration;

/// Bytes of a row beside its stream and version: what an event of these callers has more.
const BODY_BYTES: usize = 160;
const TABLE: &str = "CREATE TABLE events (
    pos INTEGER PRIMARY KEY, stream BLOB NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL
)";
const INDEX: &str = "CREATE UNIQUE INDEX events_by_stream ON events (stream, version)";
const ADD: &str = "INSERT INTO events (stream, version, body) VALUES (?1, ?2, ?3)";

/// What an append needs beside its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// Rows alone: nothing guards them, and a stream could be read only by reading all.
    Rows,
    /// A unique index of streams and versions, kept with each row.
    Index,
}

impl Limit {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Rows => "rusqlite, rows alone",
            Self::Index => "rusqlite, with an index",
        }
    }
}

/// Grows a file as [`super::grow`] does a store, and looks at it as often.
pub(super) fn grow(limit: Limit, kind: Kind, file: &Path, most: u64, json: bool) -> Result<Vec<Look>> {
    let (host, _tasks) = Host::system();
    let raw = Raw::create(limit, file)?;
    let mut callers = Caller::all(kind, &host);
    let (mut events, mut looks) = (0, vec![]);
    for (at, commits) in marks_with_commits(most)? {
        while events + ((CALLERS * (commits + FILL)) as u64) < at {
            events += raw.flush(&mut callers, FILL)?.0;
        }
        let (mut added, mut cpu) = (0, Duration::ZERO);
        for _ in 0..commits {
            let (rows, took) = raw.flush(&mut callers, 1)?;
            (added, cpu) = (added + rows, cpu + took);
        }
        events += added;
        let look = Look {
            streams: kind.name(),
            by: limit.name(),
            events,
            cpu_us_per_append: rounded(cpu.as_secs_f64() * 1e6 / added as f64, 2),
            writer_cpu_us_per_append: None,
            appends_per_s: None,
            wal_kib_per_append: None,
            file_mb: super::file_mb(file)?,
        };
        say(&if json { serde_json::to_string(&look)? } else { look.line() });
        looks.push(look);
    }
    Ok(looks)
}

struct Raw(Connection);

impl Raw {
    fn create(limit: Limit, file: &Path) -> Result<Self> {
        let connection = connect(file)?;
        connection.execute_batch(TABLE)?;
        if limit == Limit::Index {
            connection.execute_batch(INDEX)?;
        }
        Ok(Self(connection))
    }

    /// One transaction and one flush for all callers, each with so many rows; how many rows that were, and this thread's time.
    fn flush(&self, callers: &mut [Caller], each: usize) -> Result<(u64, Duration)> {
        let streams: Vec<(StreamId, u64)> =
            callers.iter_mut().flat_map(|caller| (0..each).map(|_| caller.next()).collect::<Vec<_>>()).collect();
        let body = [b'x'; BODY_BYTES];
        let begun = own_cpu();
        let transaction = self.0.unchecked_transaction()?;
        {
            let mut add = transaction.prepare_cached(ADD)?;
            for (stream, version) in &streams {
                add.execute(params![stream.as_bytes(), version.cast_signed(), body])?;
            }
        }
        transaction.commit()?;
        Ok((streams.len() as u64, own_cpu().saturating_sub(begun)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_has_as_many_rows_as_it_says_and_an_index_only_where_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for (limit, indexes) in [(Limit::Rows, 0), (Limit::Index, 1)] {
            let file = folder.path().join(format!("{limit:?}.db"));
            let looks = grow(limit, Kind::Spread, &file, 30_000, true).unwrap();
            let raw = crate::raw::look_at(&file).unwrap();
            let count = |sql| raw.query_row(sql, [], |row| crate::raw::number(row, 0)).unwrap();
            assert_eq!((looks.len(), looks[1].events), (2, count("SELECT count(*) FROM events")));
            assert_eq!(count("SELECT count(*) FROM sqlite_schema WHERE type = 'index'"), indexes);
            assert!(looks.iter().all(|look| look.cpu_us_per_append > 0.1));
        }
    }
}
