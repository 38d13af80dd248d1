//! What a store is told when it is opened.

use crate::Label;
use partita_core::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Settings of a [`crate::SqliteStore`].
#[derive(Clone, Debug)]
pub struct SqliteConfig {
    /// The file. Its folder must exist; `<path>-wal`, `<path>-shm` and `<path>.lock` lie beside it.
    pub path: PathBuf,
    /// Whose file it is; written on it at its first opening, and another one's is refused. Nobody's unless told. The set of
    /// files that are there is told by [`crate::inspect`].
    pub label: Option<Label>,
    /// Threads that read, each with a connection of its own; 2 unless told.
    pub readers: usize,
    /// Commits that may wait for the writer before `submit` answers `Busy`; 4,096 unless told.
    pub queue: usize,
    /// Write-ahead log, in bytes, from which the writer waits for the checkpoint; 64 MiB unless told.
    pub wal_limit_bytes: u64,
    /// Size in bytes that the file does not outgrow: beyond it commits answer `StorageFull`. No limit unless told.
    pub max_bytes: Option<u64>,
    /// What to do once the store has failed for good: a flush failed and nobody can tell any more what the disk holds, or the
    /// file was deleted, moved or replaced. That is found without a commit too, a second after the last one and when the store
    /// is closed: who deletes a folder of test data ends its store first.
    pub on_fatal: OnFatal,
}

impl SqliteConfig {
    /// The defaults for a file.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            label: None,
            readers: 2,
            queue: 4_096,
            wal_limit_bytes: 64 << 20,
            max_bytes: None,
            on_fatal: OnFatal::default(),
        }
    }
}

/// Called once, on the writer's thread, when a store has failed for good; all callers have been answered before.
///
/// The default ends the process with exit code 74, because only a restart can tell again what is durable.
#[derive(Clone)]
pub struct OnFatal(Arc<dyn Fn(&Error) + Send + Sync>);

impl OnFatal {
    /// Calls `hook` instead of ending the process. The store stays closed.
    pub fn new(hook: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }

    pub(crate) fn call(&self, error: &Error) {
        (self.0)(error);
    }
}

impl Default for OnFatal {
    fn default() -> Self {
        Self::new(|_| std::process::exit(74))
    }
}

impl fmt::Debug for OnFatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnFatal")
    }
}
