//! What came last, in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The values that were kept last, by key: each new one drives the oldest out once there are as many as it may hold.
#[derive(Debug)]
pub struct Recent<V> {
    most: usize,
    values: BTreeMap<Arc<str>, V>,
    /// Keys, also of values that were taken.
    oldest_first: VecDeque<Arc<str>>,
}

impl<V> Recent<V> {
    /// Holds so many values at most.
    pub const fn new(most: usize) -> Self {
        Self { most, values: BTreeMap::new(), oldest_first: VecDeque::new() }
    }

    /// Keeps a value under a key, instead of the one that is there.
    pub fn keep(&mut self, key: impl Into<Arc<str>>, value: V) {
        let key = key.into();
        self.values.insert(key.clone(), value);
        self.oldest_first.push_back(key);
        if self.oldest_first.len() > self.most
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.values.remove(&oldest);
        }
    }

    /// The value of a key, if it is still held.
    pub fn get(&self, key: &str) -> Option<&V> {
        self.values.get(key)
    }

    /// Takes the value of a key out.
    pub fn take(&mut self, key: &str) -> Option<V> {
        self.values.remove(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_values_are_held_until_they_are_taken_and_no_more_than_told() {
        let mut recent = Recent::new(3);
        for n in 0..4 {
            recent.keep(n.to_string(), n);
        }
        assert_eq!((recent.get("0"), recent.get("1"), recent.get("3")), (None, Some(&1), Some(&3)));
        assert_eq!((recent.take("3"), recent.take("3")), (Some(3), None));
        for n in 0..100 {
            recent.keep(n.to_string(), n);
            assert_eq!(recent.take(&n.to_string()), Some(n));
        }
        assert_eq!((recent.values.len(), recent.oldest_first.len()), (0, 3), "keys of what was taken go too");
        recent.keep("a", 1);
        recent.keep("a", 2);
        assert_eq!(recent.get("a"), Some(&2));
    }
}
