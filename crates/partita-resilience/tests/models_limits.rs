//! Models of the lock-free parts: every order of a few steps of a few threads, by loom.
//!
//! The sources are those of the crate, compiled against loom's atomics and locks.

mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
    pub(crate) use loom::sync::{Mutex, MutexGuard};

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap()
    }
}

mod stripe {
    #[derive(Debug)]
    pub(crate) struct Padded<T>(pub(crate) T);
}

#[path = "models/bulkhead.rs"]
mod bulkhead;
