//! Counters that threads do not fight over.
//!
//! The first threads of a process that count have a stripe each, to which nobody else writes: they add with a load and a
//! store. Later threads share stripes and add with one atomic step. A stripe is given on when its thread ends.

use crate::sync::{AtomicU64, Ordering};

/// Where a thread counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    pub(crate) stripe: usize,
    pub(crate) alone: bool,
}

/// Eight counters in a cache line.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Line(pub(crate) [AtomicU64; 8]);

impl Line {
    fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

/// Adds one.
#[inline(always)]
pub(crate) fn bump(counter: &AtomicU64, alone: bool) {
    if alone {
        counter.store(counter.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    } else {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// As many stripes of as many lines as asked for.
#[derive(Debug)]
pub(crate) struct Stripes {
    lines: Box<[Line]>,
    each: usize,
    alone: usize,
    shared: usize,
}

impl Stripes {
    /// With `alone` stripes of one thread each and `shared` further ones; `each` lines to a stripe.
    pub(crate) fn new(alone: usize, shared: usize, each: usize) -> Self {
        // Two lines are fetched together, so that an odd number would put two threads' lines side by side.
        let each = if alone + shared > 1 { each.next_multiple_of(2) } else { each };
        Self { lines: (0..(alone + shared) * each).map(|_| Line::new()).collect(), each, alone, shared }
    }

    /// The stripe of a thread.
    #[inline(always)]
    pub(crate) fn seat(&self, thread: usize) -> Seat {
        if thread < self.alone {
            Seat { stripe: thread, alone: true }
        } else {
            Seat { stripe: self.alone + thread % self.shared, alone: false }
        }
    }

    #[inline(always)]
    pub(crate) fn line(&self, seat: Seat, line: usize) -> &[AtomicU64; 8] {
        &self.lines[seat.stripe * self.each + line].0
    }

    /// The same line of every stripe.
    pub(crate) fn every(&self, line: usize) -> impl Iterator<Item = &[AtomicU64; 8]> {
        self.lines.iter().skip(line).step_by(self.each).map(|line| &line.0)
    }
}
