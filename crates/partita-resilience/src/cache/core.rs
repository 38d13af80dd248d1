//! What is kept, how old it is, and who fetches anew.

use crate::sync::{Mutex, lock};
use crate::timing::nanos;
use crate::{Event, EventKind, Listeners, PolicyKind, Timing};
use ahash::RandomState;
use partita_time::Spawner;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Where a cache stands; counts since it was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSnapshot {
    /// The cache's name.
    pub name: crate::Name,
    /// Answers kept.
    pub entries: usize,
    /// Calls that a fresh answer spared.
    pub hits: u64,
    /// Calls that had to fetch, with nothing to fall back on.
    pub misses: u64,
    /// Stale answers given.
    pub stale: u64,
    /// Fetches made for a stale answer.
    pub refreshes: u64,
    /// Those of them that brought nothing better.
    pub refreshes_failed: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) ttl: Duration,
    pub(super) stale: Duration,
    pub(super) pause: Duration,
}

pub(super) struct Core<K, T> {
    pub(super) name: crate::Name,
    pub(super) times: Times,
    pub(super) spawner: Option<Arc<dyn Spawner>>,
    pub(super) listeners: Listeners,
    pub(super) timing: Timing,
    store: quick_cache::sync::Cache<K, Arc<Entry<T>>>,
    changes: Changes,
    counts: Counts,
}

/// Keys share so many counts.
const SHARED: usize = 4_096;

/// How often keys were forgotten: an answer whose fetch began before that is not kept. Two keys of one count only cost each
/// other a fetch: at 1,000 keys forgotten a second, one fetch in 40 of 100 ms each.
struct Changes {
    hasher: RandomState,
    counts: Box<[Mutex<u64>]>,
}

impl Changes {
    fn new() -> Self {
        Self { hasher: RandomState::with_seeds(1, 2, 3, 4), counts: (0..SHARED).map(|_| Mutex::new(0)).collect() }
    }

    fn of(&self, key: &impl Hash) -> &Mutex<u64> {
        let count = self.hasher.hash_one(key) % SHARED as u64;
        &self.counts[usize::try_from(count).unwrap_or(0)]
    }
}

#[derive(Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    stale: AtomicU64,
    refreshes: AtomicU64,
    refreshes_failed: AtomicU64,
}

/// One answer.
pub(super) struct Entry<T> {
    pub(super) answer: T,
    kept: Duration,
    /// Nanoseconds until which nobody else fetches anew; all ones while somebody does.
    blocked: AtomicU64,
}

const FETCHING: u64 = u64::MAX;

/// What there is for a key.
pub(super) enum Found<T> {
    Fresh(Arc<Entry<T>>),
    /// Stale, and this caller is the one to fetch anew.
    Refresh(Refresh<T>, Since),
    /// Stale, and another caller fetches, or has just failed to.
    Stale(Arc<Entry<T>>),
    Nothing(Since),
}

/// When a fetch began, counted in changes of its key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Since(u64);

/// The right to fetch anew for one key; dropped, it is free again.
pub(super) struct Refresh<T> {
    pub(super) entry: Arc<Entry<T>>,
    done: bool,
}

impl<T> Drop for Refresh<T> {
    fn drop(&mut self) {
        if !self.done {
            self.entry.blocked.store(0, Ordering::Release);
        }
    }
}

fn moment(time: Duration) -> u64 {
    nanos(time).min(FETCHING - 1)
}

impl<K: Hash + Eq, T> Core<K, T> {
    pub(super) fn new(name: crate::Name, capacity: usize, times: Times, timing: Timing) -> Self {
        let store = quick_cache::sync::Cache::new(capacity);
        let (spawner, listeners, counts) = (None, Listeners::default(), Counts::default());
        Self { name, times, spawner, listeners, timing, store, changes: Changes::new(), counts }
    }

    /// What fetches in the background, if anything does.
    pub(super) fn spawner(&self) -> Option<Arc<dyn Spawner>> {
        self.spawner.clone().or_else(|| self.timing.spawner())
    }

    pub(super) fn find(&self, key: &K) -> Found<T> {
        let now = self.timing.coarse();
        let entry = self.store.get(key);
        let age = entry.as_ref().map(|entry| now.saturating_sub(entry.kept));
        match (entry, age) {
            (Some(entry), Some(age)) if age < self.times.ttl => {
                self.counts.hits.fetch_add(1, Ordering::Relaxed);
                self.tell(EventKind::Served("hit"));
                Found::Fresh(entry)
            }
            (Some(entry), Some(age)) if age < self.times.ttl.saturating_add(self.times.stale) => {
                let blocked = entry.blocked.load(Ordering::Acquire);
                let mine = blocked <= moment(now)
                    && entry.blocked.compare_exchange(blocked, FETCHING, Ordering::AcqRel, Ordering::Relaxed).is_ok();
                if !mine {
                    return Found::Stale(entry);
                }
                self.counts.refreshes.fetch_add(1, Ordering::Relaxed);
                Found::Refresh(Refresh { entry, done: false }, self.begin(key))
            }
            _ => {
                self.counts.misses.fetch_add(1, Ordering::Relaxed);
                Found::Nothing(self.begin(key))
            }
        }
    }

    fn begin(&self, key: &K) -> Since {
        Since(*lock(self.changes.of(key)))
    }

    /// Keeps an answer, unless its key was forgotten since its fetch began.
    pub(super) fn keep(&self, key: K, answer: T, since: Since) {
        let entry = Entry { answer, kept: self.timing.coarse(), blocked: AtomicU64::new(0) };
        let changes = lock(self.changes.of(&key));
        let mut evicted = Default::default();
        if Since(*changes) == since {
            self.store.insert_with_lifecycle(key, Arc::new(entry), &mut evicted);
        }
        drop(changes);
    }

    /// A fetch for a stale answer brought nothing better: nobody else tries for a while. The stale answer, unless its key was
    /// forgotten since the fetch began.
    pub(super) fn failed(&self, key: &K, mut refresh: Refresh<T>, since: Since) -> Option<Arc<Entry<T>>> {
        self.counts.refreshes_failed.fetch_add(1, Ordering::Relaxed);
        let until = self.timing.coarse().saturating_add(self.times.pause);
        refresh.entry.blocked.store(moment(until), Ordering::Release);
        refresh.done = true;
        (self.begin(key) == since).then(|| Arc::clone(&refresh.entry))
    }

    pub(super) fn forget(&self, key: &K) {
        *lock(self.changes.of(key)) += 1;
        self.store.remove(key);
    }

    pub(super) fn snapshot(&self) -> CacheSnapshot {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        CacheSnapshot {
            name: self.name.clone(),
            entries: self.store.len(),
            hits: read(&self.counts.hits),
            misses: read(&self.counts.misses),
            stale: read(&self.counts.stale),
            refreshes: read(&self.counts.refreshes),
            refreshes_failed: read(&self.counts.refreshes_failed),
        }
    }

    fn tell(&self, kind: EventKind<'_>) {
        self.listeners.tell(&Event::told(self.timing.coarse_nanos(), PolicyKind::Cache, &self.name, kind));
    }
}

impl<K: Hash + Eq, T: Clone> Core<K, T> {
    /// A copy of a stale answer, counted and told.
    pub(super) fn serve_stale(&self, entry: &Entry<T>) -> T {
        self.counts.stale.fetch_add(1, Ordering::Relaxed);
        self.tell(EventKind::Served("stale"));
        entry.answer.clone()
    }
}
