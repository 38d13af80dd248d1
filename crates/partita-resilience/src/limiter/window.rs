//! A count for each fixed window.

use std::collections::VecDeque;

/// Numbers of windows and what was charged in them: this one's, and those of reservations.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    counts: VecDeque<(u64, u64)>,
    seen: u64,
}

impl Windows {
    fn turn(&mut self, now: u64, per: u64) -> u64 {
        self.seen = self.seen.max(now);
        let current = self.seen / per;
        while self.counts.pop_front_if(|(window, _)| *window < current).is_some() {}
        current
    }

    /// The first moment from `now` on at which a call fits, behind all that were charged before.
    pub(crate) fn first_fit(&mut self, now: u64, per: u64, limit: u32, cost: u32) -> u64 {
        let current = self.turn(now, per);
        let (last, used) = self.counts.back().copied().unwrap_or((current, 0));
        let window = if used + u64::from(cost) <= u64::from(limit) { last } else { last + 1 };
        window.saturating_mul(per).max(self.seen)
    }

    /// Charges a call at a moment that [`Windows::first_fit`] found.
    pub(crate) fn charge(&mut self, at: u64, per: u64, cost: u32) {
        let window = at / per;
        match self.counts.back_mut() {
            Some((last, used)) if *last == window => *used += u64::from(cost),
            _ => self.counts.push_back((window, u64::from(cost))),
        }
    }

    /// Takes back every charge from a moment's window on; false, with no change, if that has begun for any call so far.
    pub(crate) fn clear_from(&mut self, from: u64, now: u64, per: u64) -> bool {
        let ahead = from / per > self.turn(now, per);
        while self.counts.pop_back_if(|(window, _)| ahead && *window >= from / per).is_some() {}
        ahead
    }

    /// What is charged in this window; all of `limit` while somebody waits for a later one.
    pub(crate) fn used(&mut self, now: u64, per: u64, limit: u32) -> u64 {
        let current = self.turn(now, per);
        self.counts.back().map_or(0, |(window, used)| if *window > current { u64::from(limit) } else { *used })
    }

    /// When this window ends.
    pub(crate) const fn ends_at(&self, per: u64) -> u64 {
        (self.seen / per + 1).saturating_mul(per)
    }
}
