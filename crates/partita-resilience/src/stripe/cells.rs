//! Stripes of which a thread writes one: the models compile the same source against loom's atomics.

use crate::sync::{AtomicU64, Ordering};

/// Alone on its cache lines: two lines, because processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

/// A `T` for each thread. The first threads, two for each processor, have theirs alone and may write it without an atomic
/// step; later ones share.
#[derive(Debug)]
pub(crate) struct Striped<T> {
    alone: Box<[Padded<T>]>,
    shared: Box<[Padded<T>]>,
}

/// A thread's stripe.
#[derive(Debug)]
pub(crate) struct Mine<'a, T> {
    pub(crate) cell: &'a T,
    /// Whether no other thread writes it.
    pub(crate) alone: bool,
}

impl<T: Default> Striped<T> {
    /// With `alone` stripes of one thread each and `shared` further ones.
    pub(crate) fn new(alone: u16, shared: u16) -> Self {
        let stripes = |count| (0..count).map(|_| Padded::default()).collect();
        Self { alone: stripes(alone), shared: stripes(shared) }
    }
}

impl<T> Striped<T> {
    /// That of a thread which has one alone.
    #[inline(always)]
    pub(super) fn alone(&self, thread: usize) -> Option<Mine<'_, T>> {
        self.alone.get(thread).map(|cell| Mine { cell: &cell.0, alone: true })
    }

    /// That of a thread.
    #[inline(always)]
    pub(crate) fn of(&self, thread: usize) -> Mine<'_, T> {
        self.alone(thread).unwrap_or_else(|| self.shared(thread))
    }

    #[inline(never)]
    fn shared(&self, thread: usize) -> Mine<'_, T> {
        Mine { cell: &self.shared[thread % self.shared.len()].0, alone: false }
    }

    /// Everybody's.
    pub(crate) fn every(&self) -> impl Iterator<Item = &T> {
        self.alone.iter().chain(&self.shared).map(|cell| &cell.0)
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
