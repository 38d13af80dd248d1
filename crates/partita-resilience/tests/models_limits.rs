//! Models of the lock-free parts: every order of a few steps of a few threads, by loom.
//!
//! The sources are those of the crate, compiled against loom's atomics and locks.

#![allow(unreachable_pub, reason = "what the crate exports is private here")]

mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
    pub(crate) use loom::sync::{Mutex, MutexGuard};

    #[allow(clippy::unwrap_used, reason = "a panic ends the model")]
    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap()
    }
}

#[allow(dead_code, reason = "a model needs a part of it")]
#[path = "../src/stripe/cells.rs"]
mod cells;

mod stripe {
    pub(crate) use super::cells::{Mine, Padded, Striped};

    /// Of a thread that has no stripe alone.
    pub(crate) fn mine() -> usize {
        usize::MAX >> 1
    }
}

#[path = "models/bound.rs"]
mod bound;
#[path = "models/budget.rs"]
mod budget;
#[path = "models/bulkhead.rs"]
mod bulkhead;
#[path = "models/limiter.rs"]
mod limiter;
