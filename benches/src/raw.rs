//! The limit: rusqlite alone, in one thread, with the same settings and rows of the same size.
//!
//! Its tables have a primary key and nothing else: no index, no guard, no second thread, no answer to anybody. What is left
//! is what the medium takes.

use crate::Result;
use rusqlite::{Connection, params};
use std::path::Path;

const TABLES: &str = "
CREATE TABLE lines (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE counters (name INTEGER PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE entries (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
";
const ENTRY: &str = "INSERT INTO entries (body) VALUES (?1)";
const LINE: &str = "INSERT INTO lines (id, body) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET body = excluded.body";
const COUNTER: &str =
    "INSERT INTO counters (name, value) VALUES (?1, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1";

/// What one logical commit writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Bytes of each row that is added.
    pub(crate) entries: Vec<usize>,
    /// Bytes of the row that is kept for the thing itself: added the first time, rewritten from then on.
    pub(crate) line: Option<usize>,
    /// Counters that are moved.
    pub(crate) counters: u32,
}

/// A database of the limit's own.
#[derive(Debug)]
pub(crate) struct Raw {
    connection: Connection,
    ballast: Vec<u8>,
}

impl Raw {
    /// Opens a fresh file.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let connection = connect(path)?;
        connection.execute_batch(TABLES)?;
        Ok(Self { connection, ballast: (0..=255).cycle().take(1 << 20).collect() })
    }

    /// One physical transaction: these commits, each of the thing with this number, and one flush.
    pub(crate) fn flush<'a>(&self, commits: impl IntoIterator<Item = (&'a Shape, i64)>) -> Result<()> {
        let run = |sql: &str| self.connection.prepare_cached(sql)?.execute([]).map(drop);
        run("BEGIN IMMEDIATE")?;
        {
            let mut entry = self.connection.prepare_cached(ENTRY)?;
            let mut line = self.connection.prepare_cached(LINE)?;
            let mut counter = self.connection.prepare_cached(COUNTER)?;
            for (shape, thing) in commits {
                for bytes in &shape.entries {
                    entry.execute([self.body(*bytes)])?;
                }
                if let Some(bytes) = shape.line {
                    line.execute(params![thing, self.body(bytes)])?;
                }
                for name in 0..shape.counters {
                    counter.execute([name])?;
                }
            }
        }
        run("COMMIT")?;
        Ok(())
    }

    fn body(&self, bytes: usize) -> &[u8] {
        self.ballast.get(..bytes).unwrap_or(&self.ballast)
    }
}

/// Opens a file with the settings of a store: WAL, a flush at each commit. The log is moved by SQLite itself.
pub(crate) fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    Ok(connection)
}

/// Opens a store's file to look at it; the store stays open, and nothing is written.
pub(crate) fn look_at(path: &Path) -> Result<Connection> {
    let connection = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(std::time::Duration::from_secs(2))?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// A number that is never negative.
pub(crate) fn number(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|number| u64::try_from(number).unwrap_or(0))
}

/// A number of bytes or of a place.
pub(crate) fn size(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<usize> {
    number(row, column).map(|number| usize::try_from(number).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flush_writes_what_the_shapes_say() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("raw.db");
        let raw = Raw::create(&path).unwrap();
        let first = Shape { entries: vec![100, 200], line: Some(50), counters: 1 };
        let last = Shape { entries: vec![300], line: Some(60), counters: 2 };
        raw.flush([(&first, 1), (&first, 2)]).unwrap();
        raw.flush([(&last, 1)]).unwrap();
        let count = |sql: &str| look_at(&path).unwrap().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(count("SELECT sum(length(body)) FROM entries"), 900);
        assert_eq!(count("SELECT sum(length(body)) FROM lines"), 110);
        assert_eq!(count("SELECT sum(value) FROM counters"), 4);
        let level: i64 = raw.connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
        assert_eq!(level, 2, "2 is FULL");
    }
}
