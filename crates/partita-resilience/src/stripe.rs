//! Which stripe of a striped counter the calling thread uses, so that threads do not fight over a cache line.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// More stripes than this cost more to sum than they save.
const MOST: usize = 8;

/// Alone on its cache lines: two lines, because processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

/// Stripes worth having on this machine: one for each processor, a power of two, at most 8.
pub(crate) fn count() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from).next_power_of_two().min(MOST))
}

/// The calling thread's number; the caller takes it modulo its stripes.
#[inline]
pub(crate) fn mine() -> usize {
    const UNSET: usize = usize::MAX;
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: Cell<usize> = const { Cell::new(UNSET) };
    }
    MINE.with(|mine| {
        if mine.get() == UNSET {
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed) & (UNSET >> 1));
        }
        mine.get()
    })
}
