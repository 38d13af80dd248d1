//! What the tests share.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its share, and a test may panic")]

use partita_core::{
    Append, Commit, Envelope, Expect, FieldKind, NewEvent, Part, Put, Result, Space, StreamId, Version,
};
use partita_sqlite::{SqliteConfig, SqliteStore};
use partita_time::{Host, TaskGroup};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A folder for one file, and a host. What is made first is dropped last.
pub(crate) struct Bench {
    pub host: Host,
    tasks: TaskGroup,
    folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let (host, tasks) = Host::system();
        Self { host, tasks, folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    pub(crate) fn open(&self) -> Arc<SqliteStore> {
        self.try_open(SqliteConfig::at(self.path())).unwrap()
    }

    pub(crate) fn try_open(&self, config: SqliteConfig) -> Result<Arc<SqliteStore>> {
        SqliteStore::open(config, spaces(), &self.host)
    }

    pub(crate) fn event(&self, about: &str) -> Envelope {
        NewEvent::new("test.happened", about, &about).unwrap().seal("/test", &self.host)
    }

    pub(crate) fn append(&self, key: &str, expect: Version) -> Commit {
        Commit::of(Part::new().append(Append {
            stream: StreamId::named("test", key),
            expect,
            events: vec![self.event(key)],
        }))
    }
}

pub(crate) fn spaces() -> Vec<Space> {
    let ledger = Space::named("ledger").with_due().field("state", FieldKind::Text).field("at", FieldKind::Int);
    vec![ledger.index(Some("state"), "at").index(None, "at"), Space::named("order")]
}

/// A new record.
pub(crate) fn new_record(key: impl Into<String>) -> Commit {
    Commit::of(Part::new().put(Put::value("ledger", key, Expect::Absent, "{}".to_owned())))
}

/// Another program's connection.
pub(crate) fn shell(path: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(path).unwrap()
}

/// Bytes of a log's frame.
pub(crate) const FRAME: usize = 4_120;

/// The log beside a file as far as it was written in its newest round; zeros and older frames may lie behind.
pub(crate) fn logged(path: &Path) -> Vec<u8> {
    let mut bytes = std::fs::read(path.with_extension("db-wal")).unwrap();
    let (header, frames) = bytes.split_at(32);
    let frames = frames.chunks_exact(FRAME).take_while(|frame| frame[8..16] == header[16..24]).count();
    bytes.truncate(32 + frames * FRAME);
    bytes
}
