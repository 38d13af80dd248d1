//! What a backend hands to the kit.

use partita_core::{Result, Space, Store};
use partita_time::{BoxFuture, Host};
use std::sync::Arc;

/// One medium, fresh when it is made: a file, a schema, a piece of memory. Dropping it may remove it.
pub trait Backend: Send + Sync + 'static {
    /// Opens the medium, with what earlier openings of it left there.
    fn open<'a>(&'a self, spaces: Vec<Space>, host: &'a Host) -> BoxFuture<'a, Result<Arc<dyn Store>>>;

    /// What it can do; rules that need more are skipped, and say so.
    fn capabilities(&self) -> Capabilities;
}

/// What a backend can do beyond the pages of the traits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// What was closed can be opened again and holds what it held.
    pub restart: bool,
    /// A second opening succeeds while the first is still open, and takes over.
    pub concurrent_open: bool,
    /// So many commits, submitted without yielding on a current-thread runtime, certainly fill the queue.
    pub fills_at: Option<usize>,
}

impl Capabilities {
    /// Nothing beyond the pages of the traits.
    pub const fn none() -> Self {
        Self { restart: false, concurrent_open: false, fills_at: None }
    }

    /// It can be opened again after it was closed.
    #[must_use]
    pub const fn restart(mut self) -> Self {
        self.restart = true;
        self
    }

    /// A second opening takes over from the first.
    #[must_use]
    pub const fn concurrent_open(mut self) -> Self {
        self.concurrent_open = true;
        self
    }

    /// So many commits fill its queue.
    #[must_use]
    pub const fn fills_at(mut self, commits: usize) -> Self {
        self.fills_at = Some(commits);
        self
    }
}
