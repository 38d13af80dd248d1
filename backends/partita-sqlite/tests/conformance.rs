//! Every sentence of the traits' pages, held against this store.
#![allow(clippy::unwrap_used, reason = "a test may")]

use partita_core::{Result, Space, Store};
use partita_sqlite::{SqliteConfig, SqliteStore};
use partita_testkit::conformance::{Backend, Capabilities};
use partita_time::{BoxFuture, Host};
use std::sync::Arc;
use tempfile::TempDir;

struct Sqlite(TempDir);

impl Backend for Sqlite {
    fn open<'a>(&'a self, spaces: Vec<Space>, host: &'a Host) -> BoxFuture<'a, Result<Arc<dyn Store>>> {
        let config = SqliteConfig::at(self.0.path().join("store.db"));
        let store = SqliteStore::open(config, spaces, host).map(|store| store as Arc<dyn Store>);
        Box::pin(std::future::ready(store))
    }

    fn capabilities(&self) -> Capabilities {
        // A writer on a thread of its own empties the queue while it is filled; `commits.rs` fills one that is held up.
        Capabilities::none().restart()
    }
}

partita_testkit::conformance!(|| Sqlite(tempfile::tempdir().unwrap()));
