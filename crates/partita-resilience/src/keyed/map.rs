//! The map: shards of hash tables under one count of entries. Threads that read a shard lock a cache line each of its lock,
//! one that writes locks them all.

use super::config::{Builder, Judge, Make};
use super::snapshot::KeyedSnapshot;
use crate::stripe::Padded;
use crate::{PolicyKind, Timing};
use ahash::RandomState;
use crossbeam_utils::sync::{ShardedLock, ShardedLockReadGuard, ShardedLockWriteGuard};
use hashbrown::HashTable;
use std::borrow::Borrow;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Entries for each shard that are worth a further one.
const SHARD: usize = 256;

/// Most shards.
const MOST_SHARDS: usize = 256;

/// Shards that one newcomer looks through for room: bounds its wait.
const LOOKS: usize = 4;

/// A shard is swept at most so many times within a time to live.
const SWEEPS: u64 = 8;

/// What an idle entry is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// The same as a new one: where room is needed, it may go after half the time to live.
    Spent,
    /// It may go when it was idle for the time to live.
    Usual,
    /// It must stay, as a breaker that is open or a quota that somebody waits for.
    Needed,
}

/// One value for each key, with bounded memory. Clones share one map.
pub struct Keyed<K, V>(Arc<Map<K, V>>);

struct Map<K, V> {
    shards: Box<[Padded<Shard<K, V>>]>,
    hasher: RandomState,
    timing: Timing,
    ttl: u64,
    capacity: usize,
    entries: AtomicUsize,
    cursor: AtomicUsize,
    created: AtomicU64,
    expired: AtomicU64,
    overflowed: AtomicU64,
    overflow: V,
    make: Make<K, V>,
    judge: Judge<V>,
}

struct Shard<K, V> {
    table: ShardedLock<HashTable<Entry<K, V>>>,
    swept: AtomicU64,
}

struct Entry<K, V> {
    key: K,
    value: V,
    used: AtomicU64,
}

impl<K, V> Shard<K, V> {
    fn read(&self) -> ShardedLockReadGuard<'_, HashTable<Entry<K, V>>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> ShardedLockWriteGuard<'_, HashTable<Entry<K, V>>> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V> Entry<K, V> {
    fn is_at<Q: Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.key.borrow() == key
    }
}

impl<K: Hash + Eq, V> Keyed<K, V> {
    /// Begins a map whose values `make` makes, for a key or (`None`) for all those that found no room.
    pub fn builder(policy: PolicyKind, make: impl Fn(Option<&K>) -> V + Send + Sync + 'static) -> Builder<K, V> {
        Builder::new(policy, make)
    }

    pub(super) fn new(builder: Builder<K, V>) -> Self {
        let Builder { bounds, timing, make, judge, .. } = builder;
        let shards = (bounds.capacity / SHARD).next_power_of_two().min(MOST_SHARDS);
        let swept = millis(timing.coarse());
        let shard = || Padded(Shard { table: ShardedLock::default(), swept: AtomicU64::new(swept) });
        let secret = || timing.entropy().next_u64();
        let hasher = RandomState::with_seeds(secret(), secret(), secret(), secret());
        Self(Arc::new(Map {
            shards: (0..shards).map(|_| shard()).collect(),
            hasher,
            timing,
            ttl: millis(bounds.ttl).max(1),
            capacity: bounds.capacity,
            entries: AtomicUsize::new(0),
            cursor: AtomicUsize::new(0),
            created: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            overflowed: AtomicU64::new(0),
            overflow: make(None),
            make,
            judge,
        }))
    }

    /// The value of a key, made at its first use; the overflow value where there is no room.
    pub fn get<Q>(&self, key: &Q) -> V
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        V: Clone,
    {
        self.with(key, V::clone)
    }

    /// As [`Keyed::get`], without a clone. `look` runs under a shard's lock: it must be quick and must not call back.
    pub(crate) fn with<Q, T>(&self, key: &Q, look: impl FnOnce(&V) -> T) -> T
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.with_at(key, self.0.timing.coarse_nanos(), look)
    }

    /// As [`Keyed::with`], by a caller who knows the time, in nanoseconds.
    #[inline]
    pub(crate) fn with_at<Q, T>(&self, key: &Q, now: u64, look: impl FnOnce(&V) -> T) -> T
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.0.with(key, now / 1_000_000, look)
    }

    /// The value that keys without room share.
    pub fn overflow(&self) -> &V {
        &self.0.overflow
    }

    /// Forgets every entry that may go, and gives back the memory.
    pub fn sweep(&self) {
        let now = millis(self.0.timing.coarse());
        for shard in &self.0.shards {
            self.0.sweep(&shard.0, now);
        }
    }

    /// Every key with its value, in no order.
    pub fn entries(&self) -> Vec<(K, V)>
    where
        K: Clone,
        V: Clone,
    {
        let of = |shard: &Padded<Shard<K, V>>| -> Vec<(K, V)> {
            shard.0.read().iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect()
        };
        self.0.shards.iter().flat_map(of).collect()
    }

    /// Where it stands.
    pub fn snapshot(&self) -> KeyedSnapshot {
        let map = &*self.0;
        KeyedSnapshot {
            entries: map.entries.load(Ordering::Relaxed),
            capacity: map.capacity,
            created: map.created.load(Ordering::Relaxed),
            expired: map.expired.load(Ordering::Relaxed),
            overflowed: map.overflowed.load(Ordering::Relaxed),
        }
    }
}

impl<K: Hash + Eq, V> Map<K, V> {
    #[inline]
    fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        self.hasher.hash_one(key)
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "the mask keeps the lowest bits only")]
    fn shard(&self, hash: u64) -> &Shard<K, V> {
        &self.shards[(hash >> 32) as usize & (self.shards.len() - 1)].0
    }

    #[inline]
    fn with<Q, T>(&self, key: &Q, now: u64, look: impl FnOnce(&V) -> T) -> T
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let hash = self.hash(key);
        let shard = self.shard(hash);
        let known = {
            let table = shard.read();
            match table.find(hash, |entry| entry.is_at(key)) {
                Some(entry) if !self.is_over(entry, now) => {
                    // A store to a line that other threads read is dear: once a millisecond is enough.
                    if entry.used.load(Ordering::Relaxed) < now {
                        entry.used.store(now, Ordering::Relaxed);
                    }
                    return look(&entry.value);
                }
                found => found.is_some(),
            }
        };
        self.with_new(key, (hash, known), now, look)
    }

    /// As [`Map::with`], for a key that is not there, or (`known`) whose entry was idle for too long.
    #[cold]
    #[inline(never)]
    fn with_new<Q, T>(&self, key: &Q, (hash, known): (u64, bool), now: u64, look: impl FnOnce(&V) -> T) -> T
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        if known {
            return self.renew(key, hash, now, look);
        }
        let room = self.take_room() || (self.make_room(now) && self.take_room());
        if !room {
            self.overflowed.fetch_add(1, Ordering::Relaxed);
            return look(&self.overflow);
        }
        self.insert(key, hash, now, look)
    }

    /// Inserts a key for which room was taken.
    fn insert<Q, T>(&self, key: &Q, hash: u64, now: u64, look: impl FnOnce(&V) -> T) -> T
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let key = key.to_owned();
        let value = (self.make)(Some(&key));
        let shard = self.shard(hash);
        let mut table = shard.write();
        if let Some(entry) = table.find(hash, |entry| entry.key == key) {
            self.entries.fetch_sub(1, Ordering::Relaxed);
            return look(&entry.value);
        }
        self.created.fetch_add(1, Ordering::Relaxed);
        let entry = Entry { key, value, used: AtomicU64::new(now) };
        let entry = table.insert_unique(hash, entry, |entry| self.hash(&entry.key));
        look(&entry.get().value)
    }

    /// Uses a key whose entry was idle for too long: it is new again.
    fn renew<Q, T>(&self, key: &Q, hash: u64, now: u64, look: impl FnOnce(&V) -> T) -> T
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let fresh = (self.make)(Some(&key.to_owned()));
        let shard = self.shard(hash);
        let mut table = shard.write();
        let Some(entry) = table.find_mut(hash, |entry| entry.is_at(key)) else {
            drop(table);
            return self.with(key, now, look);
        };
        if self.is_over(entry, now) {
            entry.value = fresh;
            self.created.fetch_add(1, Ordering::Relaxed);
            self.expired.fetch_add(1, Ordering::Relaxed);
        }
        entry.used.store(now, Ordering::Relaxed);
        look(&entry.value)
    }

    #[inline]
    fn is_over(&self, entry: &Entry<K, V>, now: u64) -> bool {
        let idle = now.saturating_sub(entry.used.load(Ordering::Relaxed));
        idle >= self.ttl && (self.judge)(&entry.value) != Idle::Needed
    }

    /// As new, and not in use lately: a key that comes often is as new again and again.
    fn is_spent(&self, entry: &Entry<K, V>, now: u64) -> bool {
        let idle = now.saturating_sub(entry.used.load(Ordering::Relaxed));
        idle >= self.ttl / 2 && (self.judge)(&entry.value) == Idle::Spent
    }

    fn take_room(&self) -> bool {
        let more = |entries: usize| (entries < self.capacity).then_some(entries + 1);
        self.entries.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Looks for room in the next few shards whose sweep is due; whether there was any.
    fn make_room(&self, now: u64) -> bool {
        (0..LOOKS.min(self.shards.len())).any(|_| {
            let next = self.cursor.fetch_add(1, Ordering::Relaxed) & (self.shards.len() - 1);
            let shard = &self.shards[next].0;
            let last = shard.swept.load(Ordering::Relaxed);
            let due = now.saturating_sub(last) >= (self.ttl / SWEEPS).max(1);
            let mine = due && shard.swept.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
            mine && self.sweep(shard, now) > 0
        })
    }

    fn sweep(&self, shard: &Shard<K, V>, now: u64) -> usize {
        let mut table = shard.write();
        let before = table.len();
        table.retain(|entry| !self.is_over(entry, now) && !self.is_spent(entry, now));
        let gone = before - table.len();
        if table.len() < table.capacity() / 4 {
            table.shrink_to_fit(|entry| self.hash(&entry.key));
        }
        self.entries.fetch_sub(gone, Ordering::Relaxed);
        self.expired.fetch_add(gone as u64, Ordering::Relaxed);
        gone
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl<K, V> Clone for Keyed<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> fmt::Debug for Keyed<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.0.entries.load(Ordering::Relaxed);
        write!(f, "Keyed({entries} of {})", self.0.capacity)
    }
}
