//! Lengths of streams or journals that the writer has lately written, so that it need not ask the index in the file.

use foldhash::quality::RandomState;
use std::hash::{BuildHasher, Hash};
use std::ops::Range;

/// Slots of a bucket: a key lies in any of those of its own.
const WAYS: usize = 8;
/// Buckets of the first table; each next one has twice as many.
const FIRST: usize = 1_536;

/// A bounded table: it grows with what is in it; at its bound a key displaces another of its bucket.
#[derive(Debug)]
pub(super) struct Lengths<K> {
    slots: Vec<Slot<K>>,
    held: usize,
    /// Slots that it grows to.
    most: usize,
    /// A bucket is told by the upper bits, which foldhash's fast form leaves uneven in one process of fifty where
    /// keys are numbers in a row.
    hasher: RandomState,
    /// Which slot of a full bucket is taken next.
    victim: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot<K> {
    key: K,
    /// 0 in a slot that is free.
    length: u32,
}

impl<K: Copy + Eq + Hash> Lengths<K> {
    /// An empty one that grows to so many slots, rounded up to a doubling of the first table.
    pub(super) fn up_to(slots: usize) -> Self {
        let doublings = slots.div_ceil(WAYS * FIRST).next_power_of_two();
        Self { slots: vec![], held: 0, most: doublings * WAYS * FIRST, hasher: RandomState::default(), victim: 0 }
    }

    pub(super) fn get(&self, key: K) -> Option<u64> {
        let slots = self.slots.get(self.bucket(&key))?;
        slots.iter().find(|slot| slot.length > 0 && slot.key == key).map(|slot| slot.length.into())
    }

    pub(super) fn set(&mut self, key: K, length: u64) {
        let Ok(length @ 1..) = u32::try_from(length) else { return self.forget(key) };
        let is_dense = self.held * 8 >= self.slots.len() * 5;
        if is_dense && self.slots.len() < self.most {
            self.grow(key);
        }
        self.put(Slot { key, length });
    }

    pub(super) fn forget(&mut self, key: K) {
        let bucket = self.bucket(&key);
        let slots = self.slots.get_mut(bucket).unwrap_or_default();
        if let Some(slot) = slots.iter_mut().find(|slot| slot.length > 0 && slot.key == key) {
            slot.length = 0;
            self.held -= 1;
        }
    }

    fn bucket(&self, key: &K) -> Range<usize> {
        let buckets = (self.slots.len() / WAYS) as u128;
        let bucket = (u128::from(self.hasher.hash_one(key)) * buckets) >> u64::BITS;
        let first = usize::try_from(bucket).unwrap_or(0) * WAYS;
        first..first + WAYS
    }

    fn put(&mut self, new: Slot<K>) {
        let (bucket, victim) = (self.bucket(&new.key), self.victim);
        let Some(slots) = self.slots.get_mut(bucket) else { return };
        let same = slots.iter().position(|slot| slot.length > 0 && slot.key == new.key);
        let free = || slots.iter().position(|slot| slot.length == 0);
        let at = same.or_else(free).unwrap_or_else(|| {
            self.victim = (victim + 1) % WAYS;
            victim
        });
        self.held += usize::from(slots[at].length == 0);
        slots[at] = new;
    }

    /// A table twice as large; `any` stands in its free slots.
    fn grow(&mut self, any: K) {
        let slots = (self.slots.len() * 2).max(WAYS * FIRST);
        let known = std::mem::replace(&mut self.slots, vec![Slot { key: any, length: 0 }; slots]);
        self.held = 0;
        known.into_iter().filter(|slot| slot.length > 0).for_each(|slot| self.put(slot));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_length_is_known_and_memory_is_bounded() {
        let mut lengths = Lengths::up_to(20_000);
        for key in 0..200_000_u64 {
            lengths.set(key, 1);
            lengths.set(7, key + 1);
            assert_eq!(lengths.get(key), Some(if key == 7 { 8 } else { 1 }));
        }
        assert_eq!(lengths.get(7), Some(200_000));
        assert_eq!((lengths.slots.len(), lengths.most), (24_576, 24_576));
        assert!(lengths.held <= lengths.slots.len() && lengths.held > 24_000, "{}", lengths.held);
        lengths.forget(7);
        assert_eq!(lengths.get(7), None);
    }

    #[test]
    fn nineteen_of_twenty_are_known_while_they_fill_two_thirds_of_it() {
        let mut lengths = Lengths::up_to(24_576);
        (0..16_384_u64).for_each(|key| lengths.set(key, key + 1));
        let known = (0..16_384).filter(|key| lengths.get(*key) == Some(key + 1)).count();
        assert!(known > 15_560, "{known}");
    }

    #[test]
    fn a_length_beyond_its_slot_is_left_to_the_index() {
        let mut lengths = Lengths::up_to(1);
        lengths.set(1_u64, u64::from(u32::MAX));
        assert_eq!(lengths.get(1), Some(u64::from(u32::MAX)));
        lengths.set(1, 1 << 32);
        assert_eq!((lengths.get(1), lengths.held), (None, 0));
    }
}
