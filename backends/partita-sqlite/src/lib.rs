//! The embedded store: one SQLite file, one writer thread, group commit.
//!
//! Commits wait in a bounded queue. One thread takes whatever waits, writes it in one physical transaction, flushes once,
//! and answers each caller by itself: a conflict fails its own commit and no other. Readers have connections of their own
//! and see every commit whose receipt was given before. A file is held by one process at a time; after a crash the next
//! opening needs no hand. The folder's README says what lies in a file and what is promised about it.
//!
//! ```no_run
//! use partita_core::{Commit, Expect, Part, Put, Space, Store};
//! use partita_sqlite::{SqliteConfig, SqliteStore};
//!
//! # async fn example() -> partita_core::Result<()> {
//! let (host, _tasks) = partita_time::Host::system();
//! let store = SqliteStore::open(SqliteConfig::at("data/ordering.db"), vec![Space::named("ledger")], &host)?;
//! let put = Put::value("ledger", "order-1", Expect::Absent, r#"{"paid":true}"#.into());
//! let receipt = store.commit(Commit::of(Part::new().put(put))).await?;
//! println!("durable with flush {}", receipt.transaction);
//! store.close().await;
//! # Ok(())
//! # }
//! ```

mod checkpoint;
mod config;
mod connection;
mod copy;
mod disk;
mod error;
mod event;
mod inspect;
mod journals;
mod label;
mod lock;
mod log;
mod many;
mod migrate;
mod offline;
mod places;
mod queue;
mod reader;
mod record;
mod records;
mod relayout;
mod runs;
mod schema;
mod space;
mod store;
mod tail;
mod wal;
mod writer;

pub use config::{OnFatal, SqliteConfig};
pub use copy::{Copying, Frozen};
pub use inspect::{Contents, inspect};
pub use label::{Label, SetId};
pub use offline::{OfflineFile, Survey};
pub use store::SqliteStore;

/// A number of rows as SQLite takes it.
fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
