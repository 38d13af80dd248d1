//! Stripes of which a thread writes one: the models compile the same source against loom's atomics.

use crate::sync::{AtomicU64, Ordering};

/// Alone on its cache lines: two lines, because processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

/// Some `T`s for each thread. The first threads, two for each processor, have theirs alone and may write them without an
/// atomic step; later ones share.
#[derive(Debug)]
pub(crate) struct Striped<T> {
    cells: Box<[Padded<T>]>,
    alone: u16,
    shared: u16,
    /// Cells of a stripe.
    each: u32,
}

/// Where a thread writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    first: usize,
    /// Whether no other thread writes there.
    pub(crate) alone: bool,
}

/// A thread's stripe of one cell.
#[derive(Debug)]
pub(crate) struct Mine<'a, T> {
    pub(crate) cell: &'a T,
    /// Whether no other thread writes it.
    pub(crate) alone: bool,
}

impl<T: Default> Striped<T> {
    /// With `alone` stripes of one thread each and `shared` further ones.
    pub(crate) fn new(alone: u16, shared: u16) -> Self {
        Self::of_many(alone, shared, 1)
    }

    /// With `each` cells to a stripe.
    pub(crate) fn of_many(alone: u16, shared: u16, each: u32) -> Self {
        let cells = u32::from(alone + shared) * each;
        Self { cells: (0..cells).map(|_| Padded::default()).collect(), alone, shared, each }
    }
}

impl<T> Striped<T> {
    /// That of a thread.
    #[inline(always)]
    pub(crate) fn seat(&self, thread: usize) -> Seat {
        let first = usize::from(self.alone);
        let alone = thread < first;
        let place = if alone { thread } else { first + thread % usize::from(self.shared) };
        Seat { first: place * self.each as usize, alone }
    }

    /// A thread's first cell.
    #[inline(always)]
    pub(crate) fn of(&self, thread: usize) -> Mine<'_, T> {
        let seat = self.seat(thread);
        Mine { cell: self.cell(seat, 0), alone: seat.alone }
    }

    /// A cell of a stripe.
    #[inline(always)]
    pub(crate) fn cell(&self, seat: Seat, cell: usize) -> &T {
        &self.cells[seat.first + cell].0
    }

    /// Everybody's cells.
    pub(crate) fn every(&self) -> impl Iterator<Item = &T> {
        self.cells.iter().map(|cell| &cell.0)
    }

    /// Everybody's stripes.
    pub(crate) fn seats(&self) -> impl Iterator<Item = Seat> {
        (0..self.cells.len()).step_by(self.each as usize).map(|first| Seat { first, alone: false })
    }
}

impl Seat {
    /// Adds one to a word of the stripe.
    #[inline(always)]
    pub(crate) fn bump(self, word: &AtomicU64) {
        if self.alone {
            word.store(word.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        } else {
            word.fetch_add(1, Ordering::Relaxed);
        }
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
