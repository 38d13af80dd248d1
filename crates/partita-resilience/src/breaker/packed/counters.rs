//! What a breaker counts for as long as it lives.

use super::words::{Seat, Words};

/// Words of a stripe that hold counters: its first.
pub(crate) const COUNTERS: u32 = 8;

/// What is counted; its word.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Count {
    Successful,
    Failed,
    Slow,
    /// Cancelled when already slow.
    SlowCancelled,
    Ignored,
    Rejected,
    Stale,
}

/// Adds one in a stripe.
#[inline(always)]
pub(crate) fn count(words: &Words, seat: Seat, what: Count) {
    seat.bump(words.word(seat, what as usize));
}

/// All stripes together.
pub(crate) fn totals(words: &Words) -> [u64; COUNTERS as usize] {
    let mut sums = [0_u64; COUNTERS as usize];
    for stripe in words.stripes() {
        for (word, sum) in sums.iter_mut().enumerate() {
            *sum = sum.wrapping_add(stripe.read(word));
        }
    }
    sums
}
