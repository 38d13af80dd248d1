//! Which of several counters a thread writes, so that two threads do not fight over one cache line.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering};

static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed);
}

/// This thread's stripe out of `count`; threads take them in turn.
pub(crate) fn mine(count: usize) -> usize {
    OWN.try_with(|own| own % count).unwrap_or(0)
}

/// A value with cache lines of its own: 128 bytes, as processors fetch them in pairs.
#[repr(align(128))]
#[derive(Debug, Default)]
pub(crate) struct Padded<T>(pub(crate) T);

impl<T> Deref for Padded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
