//! The words that a breaker counts in, some for each stripe of threads, in one piece: breakers by key keep little beside them.

use crate::stripe::Padded;
use crate::sync::{AtomicU64, Ordering};
use std::hint::cold_path;

/// Words of a cell: two cache lines, which processors fetch in pairs.
const CELL: u32 = 16;

type Cell = Padded<[AtomicU64; CELL as usize]>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Words {
    cells: Box<[Cell]>,
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

impl Words {
    /// With `alone` stripes of one thread each and `shared` further ones, of at least `words` words.
    pub(crate) fn new(alone: u16, shared: u16, words: u32) -> Self {
        let each = words.div_ceil(CELL);
        let cells = u32::from(alone + shared) * each;
        Self { cells: (0..cells).map(|_| Padded::default()).collect(), alone, shared, each }
    }

    /// The stripe of a thread which has one alone.
    #[inline(always)]
    pub(crate) fn alone(&self, thread: usize) -> Option<Seat> {
        (thread < usize::from(self.alone)).then(|| Seat { first: thread * self.each as usize, alone: true })
    }

    /// The stripe of a thread.
    pub(crate) fn seat(&self, thread: usize) -> Seat {
        self.alone(thread).unwrap_or_else(|| {
            let place = usize::from(self.alone) + thread % usize::from(self.shared);
            Seat { first: place * self.each as usize, alone: false }
        })
    }

    #[inline(always)]
    pub(crate) fn word(&self, seat: Seat, word: usize) -> &AtomicU64 {
        &self.cells[seat.first + word / CELL as usize].0[word % CELL as usize]
    }

    /// Everybody's words, to be read.
    pub(crate) fn stripes(&self) -> impl Iterator<Item = Stripe<'_>> {
        self.cells.chunks(self.each as usize).map(Stripe)
    }
}

/// The words of a stripe.
#[derive(Clone, Copy)]
pub(crate) struct Stripe<'a>(&'a [Cell]);

impl Stripe<'_> {
    pub(crate) fn read(self, word: usize) -> u64 {
        self.0[word / CELL as usize].0[word % CELL as usize].load(Ordering::Relaxed)
    }
}

impl Seat {
    /// Adds one to a word of the stripe.
    #[inline(always)]
    pub(crate) fn bump(self, word: &AtomicU64) {
        if self.alone {
            word.store(word.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        } else {
            cold_path();
            word.fetch_add(1, Ordering::Relaxed);
        }
    }
}
