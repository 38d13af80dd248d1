//! The words that a breaker counts in, some for each stripe of threads.

use crate::stripe::{Seat, Striped};
use crate::sync::AtomicU64;

/// Words of a cell: two cache lines, which processors fetch in pairs.
const CELL: u32 = 16;

/// See the module.
#[derive(Debug)]
pub(crate) struct Words(Striped<[AtomicU64; CELL as usize]>);

impl Words {
    /// With `alone` stripes of one thread each and `shared` further ones, of at least `each` words.
    pub(crate) fn new(alone: u16, shared: u16, each: u32) -> Self {
        Self(Striped::of_many(alone, shared, each.div_ceil(CELL)))
    }

    /// The stripe of a thread.
    #[inline(always)]
    pub(crate) fn seat(&self, thread: usize) -> Seat {
        self.0.seat(thread)
    }

    /// Every stripe.
    pub(crate) fn seats(&self) -> impl Iterator<Item = Seat> {
        self.0.seats()
    }

    #[inline(always)]
    pub(crate) fn word(&self, seat: Seat, word: usize) -> &AtomicU64 {
        &self.0.cell(seat, word / CELL as usize)[word % CELL as usize]
    }
}
