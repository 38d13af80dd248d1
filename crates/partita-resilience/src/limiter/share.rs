//! Shares of a busy quota's virtual time, one for each thread.
//!
//! While less than half of the burst is used, a thread takes a share more than its call needs, and charges its next calls
//! to that, where no other thread writes. Every call still has virtual time of its own between its moment and one burst
//! later, so that no more pass than without shares: what of a share lies behind its thread's now is void. What an idle
//! thread keeps, others lack until it is void: at most a 1024th of the burst.

use super::gcra::{Found, Rate};
use crate::stripe::{Mine, Padded, Striped};
use crate::sync::{AtomicU64, Ordering};

/// Smaller bursts are not shared out: what threads keep from one another would be more than a few calls.
pub(crate) const LEAST_BURST: u32 = 1 << 16;

/// The TAT, and what threads took of the time before it.
#[derive(Debug)]
pub(crate) struct Shares {
    tat: Padded<AtomicU64>,
    own: Striped<Share>,
}

/// What its thread has left: from `next` to before `end`.
#[derive(Debug, Default)]
pub(crate) struct Share {
    next: AtomicU64,
    end: AtomicU64,
}

/// What a thread keeps that a call of its own can be charged to.
pub(super) struct Kept<'a> {
    mine: Mine<'a, Share>,
    next: u64,
    pub(super) units: u64,
}

impl Kept<'_> {
    pub(super) fn charge(self) {
        if self.units > 0 {
            self.mine.cell.next.store(self.next, Ordering::Relaxed);
        }
    }
}

impl Share {
    fn left(&self, now: u64) -> u64 {
        self.end.load(Ordering::Relaxed).saturating_sub(self.next.load(Ordering::Relaxed).max(now))
    }
}

impl Shares {
    pub(crate) fn new(own: Striped<Share>) -> Self {
        Self { tat: Padded::default(), own }
    }

    pub(crate) const fn tat(&self) -> &AtomicU64 {
        &self.tat.0
    }

    /// The TAT without what threads keep; exact while nobody calls.
    pub(crate) fn used(&self, rate: &Rate, now: u64) -> u64 {
        let most = rate.depth_of_share();
        let kept = self.own.every().map(|share| share.left(now).min(most)).sum();
        self.tat.0.load(Ordering::Acquire).saturating_sub(kept)
    }

    /// A thread's share.
    #[inline(always)]
    pub(crate) fn of(&self, thread: usize) -> Mine<'_, Share> {
        self.own.of(thread)
    }

    /// Charges a call to the share of its thread; how far the TAT is ahead then. None where that is not enough.
    #[inline(always)]
    pub(crate) fn charge_own(&self, rate: &Rate, now: u64, price: u64, mine: &Mine<'_, Share>) -> Option<u64> {
        let end = mine.cell.end.load(Ordering::Relaxed);
        let next = mine.cell.next.load(Ordering::Relaxed).max(now).saturating_add(price);
        let ahead = self.tat.0.load(Ordering::Relaxed).saturating_sub(now);
        // Beyond the depth somebody waits whom nobody overtakes.
        if !mine.alone || next > end || ahead > rate.narrow_depth() {
            return None;
        }
        mine.cell.next.store(next, Ordering::Relaxed);
        Some(ahead.saturating_sub(end - next))
    }

    /// What a thread keeps, as far as a call at a moment needs it. In the rate's units.
    pub(super) fn kept(&self, (now, price): (u64, u64), thread: usize) -> Kept<'_> {
        let mine = self.of(thread);
        let units = if mine.alone { mine.cell.left(now).min(price) } else { 0 };
        let next = mine.cell.next.load(Ordering::Relaxed).max(now).saturating_add(units);
        Kept { mine, next, units }
    }

    /// Charges a call of a thread if it conforms. In the rate's units.
    pub(crate) fn check(&self, rate: &Rate, now: u64, price: u64, thread: usize) -> Found {
        let mine = self.of(thread);
        if let Some(ahead) = self.charge_own(rate, now, price, &mine) {
            return Found { allowed: true, ahead: u128::from(ahead) };
        }
        let kept = self.kept((now, price), thread).units;
        let share = if mine.alone { rate.depth_of_share() } else { 0 };
        let mut seen = self.tat.0.load(Ordering::Acquire);
        loop {
            let next = seen.max(now).saturating_add(price - kept);
            let ahead = next - now;
            if ahead > rate.narrow_depth() {
                return Found { allowed: false, ahead: u128::from(seen.saturating_sub(now).saturating_sub(kept)) };
            }
            let end = next + if ahead + share <= rate.narrow_depth() / 2 { share } else { 0 };
            match self.tat.0.compare_exchange_weak(seen, end, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => {
                    if mine.alone {
                        mine.cell.next.store(next, Ordering::Relaxed);
                        mine.cell.end.store(end, Ordering::Relaxed);
                    }
                    return Found { allowed: true, ahead: u128::from(ahead) };
                }
                Err(other) => seen = other,
            }
        }
    }
}
