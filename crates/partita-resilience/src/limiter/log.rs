//! A log of charged calls.

use std::collections::VecDeque;

/// Moments and costs, those of reservations ahead of now among them; the latest comes last.
#[derive(Debug, Default)]
pub(crate) struct Log {
    stamps: VecDeque<(u64, u32)>,
    used: u64,
    seen: u64,
}

impl Log {
    /// Forgets what left the window; the moment, which never goes back.
    fn turn(&mut self, now: u64, per: u64) -> u64 {
        self.seen = self.seen.max(now);
        while let Some((_, cost)) = self.stamps.pop_front_if(|(at, _)| at.saturating_add(per) <= self.seen) {
            self.used -= u64::from(cost);
        }
        self.seen
    }

    /// The first moment from `now` on at which a call fits, behind all that were charged before.
    pub(crate) fn first_fit(&mut self, now: u64, per: u64, limit: u32, cost: u32) -> u64 {
        let now = self.turn(now, per);
        let mut at = self.stamps.back().map_or(now, |(last, _)| now.max(*last));
        let mut left = self.used;
        for (stamp, charged) in &self.stamps {
            let over = stamp.saturating_add(per);
            if over > at && left + u64::from(cost) <= u64::from(limit) {
                break;
            }
            at = at.max(over);
            left -= u64::from(*charged);
        }
        at
    }

    /// Charges a call at a moment that [`Log::first_fit`] found.
    pub(crate) fn charge(&mut self, at: u64, cost: u32) {
        self.used += u64::from(cost);
        match self.stamps.back_mut() {
            Some((last, charged)) if *last == at => *charged += cost,
            _ => self.stamps.push_back((at, cost)),
        }
    }

    /// Takes back every charge from a moment on; false, with no change, if that has come for any call so far.
    pub(crate) fn clear_from(&mut self, from: u64, now: u64, per: u64) -> bool {
        let ahead = from > self.turn(now, per);
        while let Some((_, cost)) = self.stamps.pop_back_if(|(at, _)| ahead && *at >= from) {
            self.used -= u64::from(cost);
        }
        ahead
    }

    /// What is charged in the window and ahead.
    pub(crate) fn used(&mut self, now: u64, per: u64) -> u64 {
        self.turn(now, per);
        self.used
    }

    /// When the last charge leaves the window.
    pub(crate) fn whole_at(&self, now: u64, per: u64) -> u64 {
        self.stamps.back().map_or(now, |(last, _)| last.saturating_add(per))
    }
}
