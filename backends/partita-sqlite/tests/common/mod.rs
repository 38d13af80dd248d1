//! What the tests share.
#![allow(dead_code, reason = "each test file uses its share")]

use partita_core::{
    Append, Commit, Envelope, Expect, FieldKind, NewEvent, Part, Put, Result, Space, StreamId, Version,
};
use partita_sqlite::{SqliteConfig, SqliteStore};
use partita_time::{Host, TaskGroup};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A folder for one file, and a host. What is made first is dropped last.
pub struct Bench {
    pub host: Host,
    tasks: TaskGroup,
    folder: TempDir,
}

impl Bench {
    pub fn new() -> Self {
        let (host, tasks) = Host::system();
        Self { host, tasks, folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    pub fn open(&self) -> Arc<SqliteStore> {
        self.try_open(SqliteConfig::at(self.path())).unwrap()
    }

    pub fn try_open(&self, config: SqliteConfig) -> Result<Arc<SqliteStore>> {
        SqliteStore::open(config, spaces(), &self.host)
    }

    pub fn event(&self, about: &str) -> Envelope {
        NewEvent::new("test.happened", about, &about).unwrap().seal("/test", &self.host)
    }

    pub fn append(&self, key: &str, expect: Version) -> Commit {
        Commit::of(Part::new().append(Append {
            stream: StreamId::named("test", key),
            expect,
            events: vec![self.event(key)],
        }))
    }
}

pub fn spaces() -> Vec<Space> {
    let ledger = Space::named("ledger").with_due().field("state", FieldKind::Text).field("at", FieldKind::Int);
    vec![ledger.index(Some("state"), "at").index(None, "at"), Space::named("order")]
}

/// A new record.
pub fn new_record(key: impl Into<String>) -> Commit {
    Commit::of(Part::new().put(Put::value("ledger", key, Expect::Absent, "{}".to_owned())))
}

/// Another program's connection.
pub fn shell(path: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(path).unwrap()
}
