//! How calls with a deadline ended.

use super::DeadlineSnapshot;
use crate::Name;
use crate::stripe::Striped;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Default)]
pub(crate) struct Counts {
    in_time: Striped<AtomicU64>,
    timed_out: AtomicU64,
    refused: AtomicU64,
}

impl Counts {
    #[inline(always)]
    pub(crate) fn in_time(&self) {
        let mine = self.in_time.mine();
        mine.update(mine.cell, |count| count + 1);
    }

    pub(crate) fn timed_out(&self) {
        self.timed_out.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self, name: Name) -> DeadlineSnapshot {
        DeadlineSnapshot {
            name,
            in_time: self.in_time.every().map(|count| count.load(Ordering::Relaxed)).sum(),
            timed_out: self.timed_out.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}
