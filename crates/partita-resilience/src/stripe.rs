//! Which stripe of a striped counter the calling thread uses, so that threads do not fight over a cache line.

mod cells;

use std::cell::Cell;
use std::sync::{Mutex, OnceLock, PoisonError};

pub(crate) use cells::{Mine, Padded, Striped};

/// More stripes than this cost more to sum than they save.
const MOST: usize = 8;

/// Stripes worth having on this machine: one for each processor, a power of two, at most 8.
pub(crate) fn count() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from).next_power_of_two().min(MOST))
}

/// Threads that may have a stripe alone: a runtime's, and as many beside it.
pub(crate) fn first_threads() -> u16 {
    static COUNT: OnceLock<u16> = OnceLock::new();
    *COUNT.get_or_init(|| {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        u16::try_from(2 * processors.min(MOST)).unwrap_or(1)
    })
}

/// Stripes for all threads beyond the first.
pub(crate) fn shared() -> u16 {
    first_threads().min(8)
}

impl<T: Default> Default for Striped<T> {
    fn default() -> Self {
        Self::new(first_threads(), shared())
    }
}

impl<T> Striped<T> {
    /// The calling thread's.
    #[inline(always)]
    pub(crate) fn mine(&self) -> Mine<'_, T> {
        // One look for a thread that has a number and a stripe alone: none is as great as `UNKNOWN`.
        self.alone(at_hand()).unwrap_or_else(|| self.of_another())
    }

    #[inline(never)]
    fn of_another(&self) -> Mine<'_, T> {
        self.of(mine())
    }
}

const UNKNOWN: usize = usize::MAX;

/// Greater than the number of any thread, and far enough from the end to be added to.
const SHARED: usize = usize::MAX >> 1;

thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(UNKNOWN) };
    static HELD: Held = Held::take();
}

/// Numbers that ended threads gave back, and the next new one.
static FREE: Mutex<(Vec<usize>, usize)> = Mutex::new((Vec::new(), 0));

/// A thread's number until its end.
struct Held(usize);

impl Held {
    fn take() -> Self {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        free.0.sort_unstable_by(|a, b| b.cmp(a));
        let number = free.0.pop().unwrap_or(free.1);
        free.1 = free.1.max(number + 1);
        Self(number)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        NUMBER.set(UNKNOWN);
        FREE.lock().unwrap_or_else(PoisonError::into_inner).0.push(self.0);
    }
}

/// The number of the calling thread, and what no thread's is as great as, before that has one.
#[inline(always)]
pub(crate) fn at_hand() -> usize {
    NUMBER.get()
}

/// The number of the calling thread: the lowest that no living thread has. The caller takes it modulo its stripes. A thread
/// that is ending shares.
#[inline(always)]
pub(crate) fn mine() -> usize {
    match NUMBER.get() {
        UNKNOWN => number_this_thread(),
        number => number,
    }
}

#[cold]
fn number_this_thread() -> usize {
    match HELD.try_with(|held| held.0) {
        Ok(number) => {
            NUMBER.set(number);
            number
        }
        Err(_) => SHARED,
    }
}
