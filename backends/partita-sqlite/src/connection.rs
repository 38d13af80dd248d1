//! Connections and their settings.

use partita_core::{Effect, Error, ErrorKind, Result};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Writer,
    Checkpointer,
    Reader,
}

/// Opens a file that is known to be ours or new.
pub(crate) fn open(path: &Path, role: Role) -> Result<Connection> {
    let connection = connect(path, role).map_err(|error| crate::error::of(error).with("file", path.display()))?;
    let read_only = connection.is_readonly(rusqlite::MAIN_DB).unwrap_or(true);
    if read_only {
        let error =
            Error::new(ErrorKind::Io, "the file cannot be written; give this user the right to, or choose another");
        return Err(error.effect(Effect::None).with("file", path.display()));
    }
    Ok(connection)
}

fn connect(path: &Path, role: Role) -> rusqlite::Result<Connection> {
    let create = if role == Role::Writer { OpenFlags::SQLITE_OPEN_CREATE } else { OpenFlags::empty() };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | create;
    let connection = Connection::open_with_flags(path, flags)?;
    // A checkpoint that meets a lock is tried again later; everybody else waits for a human's transaction to end.
    let patience = if role == Role::Checkpointer { Duration::ZERO } else { Duration::from_secs(1) };
    connection.busy_timeout(patience)?;
    connection.set_prepared_statement_cache_capacity(256);
    // Without it SQLite plans a statement anew whenever a parameter of an ordered search has another value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    let cache_kib: i64 = if role == Role::Writer { 16 << 10 } else { 4 << 10 };
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    if role == Role::Reader {
        connection.pragma_update(None, "query_only", true)?;
    }
    Ok(connection)
}

/// Sets how large the file may grow.
pub(crate) fn limit_size(connection: &Connection, bytes: u64) -> rusqlite::Result<()> {
    let page_bytes: u64 = connection.query_row("PRAGMA page_size", [], |row| row.get::<_, u32>(0))?.into();
    let pages = (bytes / page_bytes).clamp(1, 0xffff_fffe);
    connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pragma(connection: &Connection, name: &str) -> String {
        connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0)).map(text).unwrap()
    }

    fn text(value: rusqlite::types::Value) -> String {
        match value {
            rusqlite::types::Value::Integer(number) => number.to_string(),
            rusqlite::types::Value::Text(text) => text,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn every_connection_is_set_to_flush_and_reads_it_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.db");
        for role in [Role::Writer, Role::Checkpointer, Role::Reader] {
            let connection = open(&path, role).unwrap();
            assert_eq!(pragma(&connection, "journal_mode"), "wal", "{role:?}");
            assert_eq!(pragma(&connection, "synchronous"), "2", "{role:?}: 2 is FULL");
            assert_eq!(pragma(&connection, "wal_autocheckpoint"), "0", "{role:?}");
            assert_eq!(pragma(&connection, "temp_store"), "2", "{role:?}: 2 is MEMORY");
            assert_eq!(pragma(&connection, "query_only"), if role == Role::Reader { "1" } else { "0" });
        }
    }
}
