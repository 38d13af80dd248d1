//! What a breaker counts for as long as it lives.

use super::stripes::{Stripes, bump};
use crate::sync::Ordering;

/// What is counted; the place in the line.
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

/// Adds one in this thread's stripe.
#[inline(always)]
pub(crate) fn count(stripes: &Stripes, thread: usize, what: Count) {
    let seat = stripes.seat(thread);
    bump(&stripes.line(seat, 0)[what as usize], seat.alone);
}

/// All stripes together.
pub(crate) fn totals(stripes: &Stripes) -> [u64; 8] {
    let mut sums = [0_u64; 8];
    for line in stripes.every(0) {
        sums.iter_mut().zip(line).for_each(|(sum, counter)| *sum = sum.wrapping_add(counter.load(Ordering::Relaxed)));
    }
    sums
}
