//! What came last, in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// The values that were kept last, by key: the newest so many, of a key kept anew the newest one alone.
#[derive(Debug)]
pub struct Recent<V> {
    most: usize,
    kept: u64,
    /// Each with its number.
    values: BTreeMap<Arc<str>, (u64, V)>,
    /// Numbers and keys, also of values that were taken or replaced.
    oldest_first: VecDeque<(u64, Arc<str>)>,
}

impl<V> Recent<V> {
    /// Holds so many values at most.
    pub const fn new(most: usize) -> Self {
        Self { most, kept: 0, values: BTreeMap::new(), oldest_first: VecDeque::new() }
    }

    /// Keeps a value under a key, instead of the one that is there.
    pub fn keep(&mut self, key: impl Into<Arc<str>>, value: V) {
        let key = key.into();
        self.kept += 1;
        self.values.insert(key.clone(), (self.kept, value));
        self.oldest_first.push_back((self.kept, key));
        if self.oldest_first.len() > self.most
            && let Some((number, oldest)) = self.oldest_first.pop_front()
            && self.values.get(&oldest).is_some_and(|(newest, _)| *newest == number)
        {
            self.values.remove(&oldest);
        }
    }

    /// The value of a key, if it is still held.
    pub fn get(&self, key: &str) -> Option<&V> {
        self.values.get(key).map(|(_, value)| value)
    }

    /// Takes the value of a key out.
    pub fn take(&mut self, key: &str) -> Option<V> {
        self.values.remove(key).map(|(_, value)| value)
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
        recent.keep("b", 3);
        recent.keep("c", 4);
        assert_eq!(recent.get("a"), Some(&2), "what drives out its first value leaves the second");
    }
}
