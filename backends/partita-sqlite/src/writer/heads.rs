//! How long streams and journals are, remembered by the only one who makes them longer.

use partita_core::StreamId;
use std::collections::HashMap;
use std::hash::Hash;

/// Entries of a generation; two generations are kept.
const GENERATION: usize = 32_768;

/// Lengths of what was written lately. What is not in here must be looked up in the file.
#[derive(Debug, Default)]
pub(super) struct Heads {
    pub(super) streams: Lengths<StreamId>,
    pub(super) journals: Lengths<u64>,
}

impl Heads {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// A bounded map: when the young generation is full, the old one is forgotten.
#[derive(Debug)]
pub(super) struct Lengths<K> {
    young: HashMap<K, u64>,
    old: HashMap<K, u64>,
}

impl<K> Default for Lengths<K> {
    fn default() -> Self {
        Self { young: HashMap::new(), old: HashMap::new() }
    }
}

impl<K: Copy + Eq + Hash> Lengths<K> {
    pub(super) fn get(&self, key: K) -> Option<u64> {
        self.young.get(&key).or_else(|| self.old.get(&key)).copied()
    }

    pub(super) fn set(&mut self, key: K, length: u64) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, length);
    }

    pub(super) fn forget(&mut self, key: K) {
        self.young.remove(&key);
        self.old.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_length_is_known_and_memory_is_bounded() {
        let mut lengths = Lengths::default();
        for key in 0..200_000_u64 {
            lengths.set(key, 1);
            lengths.set(7, key);
        }
        assert_eq!((lengths.get(7), lengths.get(0)), (Some(199_999), None));
        assert!(lengths.young.len() + lengths.old.len() <= 2 * GENERATION);
        lengths.forget(7);
        assert_eq!(lengths.get(7), None);
    }
}
