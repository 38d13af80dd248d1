//! What the writer knows of streams or journals: their lengths, and the rows that the open transaction adds.

use super::lengths::Lengths;
use crate::places::Run;
use crate::tail::{Map, Moving, Tail};
use std::collections::HashSet;
use std::hash::Hash;

/// Places that move into the file at once, about: enough of them for each page of the index that is touched.
const MOVED_AT_ONCE: usize = 512;

/// Streams or journals, as the open transaction has them.
#[derive(Debug)]
pub(super) struct Ledger<K> {
    /// The newest row of the table.
    pub(super) newest: u64,
    durable: u64,
    added: Map<K, Run>,
    gone: HashSet<K>,
    /// What is added was shown to readers.
    shown: bool,
    remembered: Lengths<K>,
    /// Places added since some moved.
    since: usize,
}

impl<K: Copy + Ord + Hash> Ledger<K> {
    /// Knows nothing but where the table ends; it will remember so many lengths.
    pub(super) fn ending_at(newest: u64, remembered: usize) -> Self {
        Self {
            newest,
            durable: newest,
            added: Map::default(),
            gone: HashSet::new(),
            shown: false,
            remembered: Lengths::up_to(remembered),
            since: 0,
        }
    }

    /// How long a stream or journal is, if the index in the file need not be asked.
    pub(super) fn length(&self, key: K, tail: impl FnOnce() -> Option<u64>) -> Option<u64> {
        if let Some(run) = self.added.get(&key) {
            return Some(run.end());
        }
        if !self.gone.is_empty() && self.gone.contains(&key) {
            return Some(0);
        }
        tail().or_else(|| self.remembered.get(key))
    }

    /// A commit has added so many rows behind this length, and they are the newest.
    pub(super) fn add(&mut self, key: K, length: u64, rows: usize) {
        let run = self.added.entry(key).or_insert_with(|| Run::from(length));
        for place in self.newest + 1..=self.newest + rows as u64 {
            run.push(place);
        }
        self.newest += rows as u64;
    }

    /// The rows that the transaction has added to a stream or journal.
    pub(super) fn added(&self, key: K) -> Option<&Run> {
        self.added.get(&key)
    }

    /// The transaction has added rows.
    pub(super) fn has_grown(&self) -> bool {
        self.newest > self.durable
    }

    /// Whether a file whose newest row lies there has rows that no durable transaction is known to have added.
    pub(super) fn is_behind(&self, newest: u64) -> bool {
        newest > self.durable
    }

    /// A commit has removed a journal.
    pub(super) fn remove(&mut self, key: K) {
        self.added.remove(&key);
        self.gone.insert(key);
    }

    /// What the transaction should move into the file: more than comes while a generation moves, and no more at once.
    pub(super) fn next(&mut self, tail: &mut Tail<K>, all: bool) -> Option<Moving<K>> {
        if all {
            return tail.next(usize::MAX, true);
        }
        if self.since < MOVED_AT_ONCE / 2 {
            return None;
        }
        let moving = tail.next(MOVED_AT_ONCE.max(2 * self.since), false);
        if moving.is_none() {
            self.since = 0;
        }
        moving
    }

    /// Readers may look for what the transaction adds from now on; they find it once it is durable.
    pub(super) fn show(&mut self, tail: &mut Tail<K>) {
        self.added.iter().for_each(|(key, run)| tail.take(*key, run, self.newest));
        self.shown = true;
    }

    /// The transaction is durable.
    pub(super) fn settle(&mut self, tail: &mut Tail<K>, moved: Option<&Moving<K>>) {
        if let Some(moved) = moved {
            tail.moved(moved);
            moved.runs.iter().for_each(|(key, run)| self.remembered.set(*key, run.end()));
            self.since = 0;
        }
        for key in self.gone.drain() {
            tail.forget(key);
            self.remembered.forget(key);
        }
        if !std::mem::take(&mut self.shown) {
            self.show(tail);
            self.shown = false;
        }
        self.since += usize::try_from(self.newest - self.durable).unwrap_or(0);
        self.added.clear();
        self.durable = self.newest;
    }

    /// The transaction was rolled back.
    pub(super) fn forget(&mut self, tail: &mut Tail<K>) {
        if std::mem::take(&mut self.shown) {
            self.added.iter().for_each(|(key, run)| tail.take_back(*key, run, self.durable));
        }
        self.added.clear();
        self.gone.clear();
        self.newest = self.durable;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_transaction_adds_is_there_for_its_own_commits_and_gone_when_it_is_rolled_back() {
        let (mut ledger, mut tail) = (Ledger::ending_at(10, 99), Tail::of(8_192));
        ledger.add(1_u64, 0, 2);
        ledger.add(1, 2, 1);
        assert_eq!((ledger.length(1, || None), ledger.newest, tail.length(1)), (Some(3), 13, None));
        ledger.show(&mut tail);
        assert_eq!(tail.length(1), Some(3), "readers may look for it");
        ledger.forget(&mut tail);
        assert_eq!((ledger.length(1, || tail.length(1)), ledger.newest), (None, 10));
        ledger.add(1, 0, 1);
        ledger.settle(&mut tail, None);
        assert_eq!((tail.length(1), ledger.newest), (Some(1), 11));
        ledger.remove(1);
        assert_eq!(ledger.length(1, || tail.length(1)), Some(0));
        ledger.add(1, 0, 1);
        ledger.settle(&mut tail, None);
        assert_eq!((tail.length(1), ledger.newest), (Some(1), 12));
    }

    #[test]
    fn a_generation_moves_bit_by_bit_from_its_first_transaction_on() {
        let (mut ledger, mut tail) = (Ledger::ending_at(0, 0), Tail::of(8_192));
        let mut most = 0;
        for key in 0..40_000_u64 {
            let moving = ledger.next(&mut tail, false);
            most = most.max(moving.as_ref().map_or(0, |moving| moving.runs.len()));
            ledger.add(key, 0, 1);
            ledger.settle(&mut tail, moving.as_ref());
        }
        assert_eq!(most, MOVED_AT_ONCE, "keys of one place each");
        assert_eq!((tail.length(20_000), tail.length(39_999)), (None, Some(1)));
    }
}
