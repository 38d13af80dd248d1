//! The newest rows of the log and of the journals, which the index in the file does not name yet.
//!
//! Rows are written one behind another, and streams and journals have their rows all over them. An index that is kept with
//! each commit costs a page for each stream that it names; so the newest rows are found by this one, which lives in memory,
//! and moves into the file a generation at a time, sorted. What it holds follows from the file: an opening reads it there.

use crate::places::Run;
use foldhash::fast::RandomState;
use partita_core::StreamId;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A map by streams or journals: looked at for each commit, and not open to keys of a stranger's choice alone.
pub(crate) type Map<K, V> = std::collections::HashMap<K, V, RandomState>;

/// Places of a generation: two of them at most are read again at an opening after a crash. Streams come in any order, so their
/// generation must have many for each page of a large index; numbers of sagas grow, so their newest places are neighbours.
const OF_STREAMS: usize = 131_072;
const OF_JOURNALS: usize = 8_192;

/// What writer and readers share. Places that a reader does not find in its page of the file are not durable yet.
#[derive(Debug, Default)]
pub(crate) struct Tails(Mutex<Both>);

/// The tails of the log and of the journals.
#[derive(Debug)]
pub(crate) struct Both {
    pub(crate) streams: Tail<StreamId>,
    pub(crate) journals: Tail<u64>,
}

impl Default for Both {
    fn default() -> Self {
        Self { streams: Tail::of(OF_STREAMS), journals: Tail::of(OF_JOURNALS) }
    }
}

impl Tails {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Both> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the newest events of a stream lie. Taken before a page is read: what the index has gained since is there twice.
    pub(crate) fn stream(&self, stream: StreamId) -> Option<Run> {
        self.lock().streams.run(stream)
    }

    /// Where the newest records of a journal lie.
    pub(crate) fn journal(&self, saga: u64) -> Option<Run> {
        self.lock().journals.run(saga)
    }
}

/// Rows behind the index, by stream or journal.
#[derive(Debug)]
pub(crate) struct Tail<K> {
    /// Places of a generation that is full.
    generation: usize,
    /// The generation that grows.
    young: Map<K, Run>,
    places: usize,
    /// The newest place in it.
    newest: u64,
    /// The generation that moves into the file, and its keys, the first to move last.
    moving: Map<K, Run>,
    order: Vec<K>,
    /// Up to this place the index will be complete once the generation has moved.
    moves_to: Option<u64>,
}

/// What a transaction moves into the file.
#[derive(Debug)]
pub(crate) struct Moving<K> {
    pub(crate) runs: Vec<(K, Run)>,
    /// Up to where the index is complete after it.
    pub(crate) complete: Option<u64>,
}

impl<K: Copy + Ord + Hash> Tail<K> {
    /// An empty one, with so many places in a generation.
    pub(crate) fn of(generation: usize) -> Self {
        let (young, moving) = (Map::default(), Map::default());
        Self { generation, young, places: 0, newest: 0, moving, order: vec![], moves_to: None }
    }

    /// How long a stream or journal is; `None` if the index must say.
    pub(crate) fn length(&self, key: K) -> Option<u64> {
        self.young.get(&key).or_else(|| self.moving.get(&key)).map(Run::end)
    }

    fn run(&self, key: K) -> Option<Run> {
        match (self.moving.get(&key), self.young.get(&key)) {
            (Some(front), Some(back)) => {
                let mut run = front.clone();
                run.extend(back);
                Some(run)
            }
            (run, None) | (None, run) => run.cloned(),
        }
    }

    /// Takes in rows, the newest of which lies at `newest`.
    pub(crate) fn take(&mut self, key: K, run: &Run, newest: u64) {
        self.places += run.len();
        self.newest = newest;
        self.young.entry(key).and_modify(|known| known.extend(run)).or_insert_with(|| run.clone());
    }

    /// Takes rows back that were taken in last: they are not in the file.
    pub(crate) fn take_back(&mut self, key: K, run: &Run, newest: u64) {
        self.places -= run.len();
        self.newest = newest;
        match self.young.get(&key).map(|known| known.without(run)) {
            Some(known) if known.len() > 0 => drop(self.young.insert(key, known)),
            _ => drop(self.young.remove(&key)),
        }
    }

    /// One row more, while the file is read.
    pub(crate) fn read(&mut self, key: K, version: u64, place: u64) {
        self.places += 1;
        self.newest = place;
        self.young.entry(key).or_insert_with(|| Run::from(version)).push(place);
    }

    /// A journal is gone.
    pub(crate) fn forget(&mut self, key: K) {
        self.young.remove(&key);
        self.moving.remove(&key);
    }

    /// About so many places that should move next; nothing unless a generation is full, or `all` shall move.
    pub(crate) fn next(&mut self, about: usize, all: bool) -> Option<Moving<K>> {
        if self.moves_to.is_none() {
            if self.places == 0 || self.places < self.generation && !all {
                return None;
            }
            std::mem::swap(&mut self.moving, &mut self.young);
            self.order = self.moving.keys().copied().collect();
            self.order.sort_unstable_by(|a, b| b.cmp(a));
            (self.places, self.moves_to) = (0, Some(self.newest));
        }
        let (mut runs, mut places) = (vec![], 0);
        let mut left = self.order.iter().rev();
        while places < about
            && let Some(key) = left.next()
        {
            if let Some(run) = self.moving.get(key) {
                places += run.len();
                runs.push((*key, run.clone()));
            }
        }
        let complete = self.moves_to.filter(|_| left.next().is_none());
        Some(Moving { runs, complete })
    }

    /// What was handed out by `next` is durable in the file.
    pub(crate) fn moved(&mut self, moved: &Moving<K>) {
        for (key, _) in &moved.runs {
            self.moving.remove(key);
        }
        while self.order.pop_if(|key| !self.moving.contains_key(key)).is_some() {}
        if moved.complete.is_some() {
            // Its memory is that of the next generation but one.
            self.moving.clear();
            (self.order, self.moves_to) = (vec![], None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grown(tail: &mut Tail<u64>, from: u64, to: u64) {
        for place in from..=to {
            let key = place % 10;
            let mut run = Run::from(tail.length(key).unwrap_or(0));
            run.push(place);
            tail.take(key, &run, place);
        }
    }

    #[test]
    fn a_generation_moves_key_by_key_while_the_next_one_grows() {
        let (mut tail, full) = (Tail::of(OF_JOURNALS), OF_JOURNALS as u64);
        grown(&mut tail, 1, full - 1);
        assert!(tail.next(10, false).is_none());
        grown(&mut tail, full, full);
        let first = tail.next(10, false).unwrap();
        assert_eq!((first.runs.len(), first.runs[0].0, first.complete), (1, 0, None));
        grown(&mut tail, full + 1, full + 10);
        assert_eq!(tail.run(3).unwrap().iter().last(), Some((full / 10, full + 1)));
        tail.moved(&first);
        assert_eq!(tail.run(0).unwrap().first(), full / 10, "the index has the others");
        let rest = tail.next(usize::MAX, false).unwrap();
        assert_eq!((rest.runs.len(), rest.complete), (9, Some(full)));
        tail.moved(&rest);
        assert!(tail.next(10, false).is_none());
        let all = tail.next(usize::MAX, true).unwrap();
        assert_eq!((all.runs.len(), all.complete), (10, Some(full + 10)));
    }

    #[test]
    fn what_is_taken_back_was_never_there() {
        let mut tail = Tail::of(OF_JOURNALS);
        grown(&mut tail, 1, 20);
        let mut run = Run::from(2);
        run.push(21);
        for key in [1, 77] {
            let run = if key == 77 { Run::unpack(0, &[21]) } else { run.clone() };
            tail.take(key, &run, 21);
            assert_eq!(tail.run(key).unwrap().iter().last().unwrap().1, 21);
            tail.take_back(key, &run, 20);
        }
        assert_eq!((tail.length(1), tail.length(77), tail.places, tail.newest), (Some(2), None, 20, 20));
    }

    #[test]
    fn what_is_forgotten_does_not_move() {
        let mut tail = Tail::of(OF_JOURNALS);
        grown(&mut tail, 1, OF_JOURNALS as u64);
        let first = tail.next(1, false).unwrap();
        tail.moved(&first);
        (0..10).for_each(|key| tail.forget(key));
        let rest = tail.next(1, false).unwrap();
        assert_eq!((rest.runs.len(), rest.complete), (0, Some(OF_JOURNALS as u64)));
        tail.moved(&rest);
        assert!(tail.next(1, true).is_none());
    }
}
