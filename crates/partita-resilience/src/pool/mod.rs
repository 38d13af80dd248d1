//! Threads for blocking work, so many and no more, apart from those that drive async calls.
//!
//! Work goes to an idle thread; else to a new one while there are fewer than `core_threads`; else into the queue; else to
//! a new one while there are fewer than `max_threads`. When all of that is full, the async entry waits its turn for at
//! most the longest wait, and the blocking entry runs the work on the caller's own thread, which slows the caller down to
//! what the pool can do. An async caller's thread never runs the work: it drives other calls too.
//!
//! Work that was begun cannot be stopped: dropping the call then leaves the thread busy, and the place taken, until the
//! work ends. Work that was not begun is taken out. Panics go to the caller; no thread is lost to them.

mod call;
mod config;
mod crew;
mod snapshot;
mod task;
#[cfg(test)]
mod tests;

use crate::bulkhead::Core;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub use config::Builder;
pub use snapshot::PoolSnapshot;

/// A bulkhead with threads of its own. Clones share it; when the last one is dropped, the threads end after the work that
/// was handed in.
#[derive(Clone, Debug)]
pub struct Pool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    gate: Arc<Core>,
    crew: Arc<crew::Crew>,
    outside: Outside,
}

/// Work that callers ran on their own threads.
#[derive(Debug, Default)]
struct Outside {
    ran: AtomicU64,
    failed: AtomicU64,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.crew.close();
    }
}
