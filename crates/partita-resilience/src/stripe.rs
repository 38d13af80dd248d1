//! Which stripe of a striped counter the calling thread uses, so that threads do not fight over a cache line.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

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

/// A `T` for each thread. The first threads, two for each processor, have theirs alone and may write it without an atomic
/// step; later ones share.
#[derive(Debug)]
pub(crate) struct Striped<T> {
    cells: Box<[Padded<T>]>,
    alone: usize,
}

/// A thread's stripe.
#[derive(Debug)]
pub(crate) struct Mine<'a, T> {
    pub(crate) cell: &'a T,
    alone: bool,
}

/// Threads that may have a stripe alone: a runtime's, and as many beside it.
pub(crate) fn first_threads(most: usize) -> usize {
    (2 * std::thread::available_parallelism().map_or(1, usize::from)).min(most)
}

impl<T: Default> Default for Striped<T> {
    fn default() -> Self {
        let alone = first_threads(2 * MOST);
        Self { cells: (0..alone + MOST.min(alone)).map(|_| Padded::default()).collect(), alone }
    }
}

impl<T> Striped<T> {
    /// The calling thread's.
    #[inline(always)]
    pub(crate) fn mine(&self) -> Mine<'_, T> {
        let thread = mine();
        let alone = thread < self.alone;
        let place = if alone { thread } else { self.alone + thread % (self.cells.len() - self.alone) };
        Mine { cell: &self.cells[place].0, alone }
    }

    /// Everybody's.
    pub(crate) fn every(&self) -> impl Iterator<Item = &T> {
        self.cells.iter().map(|cell| &cell.0)
    }
}

impl<T> Mine<'_, T> {
    /// Changes a word of the stripe.
    #[inline(always)]
    pub(crate) fn update(&self, word: &AtomicU64, change: impl Fn(u64) -> u64) {
        if self.alone {
            word.store(change(word.load(Ordering::Relaxed)), Ordering::Relaxed);
        } else {
            let _ = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| Some(change(old)));
        }
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
