//! Settings of a cache.

use super::Cache;
use super::core::{Core, Times};
use crate::{BuildError, ByResult, Event, Listeners, PolicyKind, Timing};
use partita_time::Spawner;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

/// Settings of a [`Cache`].
#[must_use]
pub struct CacheBuilder<K, T, C = ByResult> {
    capacity: usize,
    times: Times,
    spawner: Option<Arc<dyn Spawner>>,
    listeners: Listeners,
    timing: Timing,
    name: crate::Name,
    classify: C,
    /// Whether that is a judgement of its own.
    judges: bool,
    types: PhantomData<fn() -> (K, T)>,
}

impl<K: Hash + Eq, T> CacheBuilder<K, T> {
    pub(super) fn new(name: crate::Name) -> Self {
        Self {
            capacity: 10_000,
            times: Times {
                ttl: Duration::from_secs(60),
                stale: Duration::from_secs(600),
                pause: Duration::from_secs(1),
            },
            spawner: None,
            listeners: Listeners::default(),
            timing: Timing::system(),
            name,
            classify: ByResult,
            judges: false,
            types: PhantomData,
        }
    }
}

impl<K: Hash + Eq, T, C> CacheBuilder<K, T, C> {
    /// Answers kept at most. Default 10,000: at a kilobyte each ten megabytes.
    pub const fn capacity(mut self, answers: usize) -> Self {
        self.capacity = answers;
        self
    }

    /// How long an answer is fresh. Default 60 s: what a reader sees is at most a minute old while all is well.
    pub const fn ttl(mut self, time: Duration) -> Self {
        self.times.ttl = time;
        self
    }

    /// How long after that a stale answer may still be given. Default 10 min: most outages are shorter. Zero for never.
    pub const fn stale(mut self, time: Duration) -> Self {
        self.times.stale = time;
        self
    }

    /// After a failed fetch the stale answer is given for so long without another try. Default 1 s: callers do not queue up
    /// behind a dependency that fails slowly.
    pub const fn pause_after_failure(mut self, time: Duration) -> Self {
        self.times.pause = time;
        self
    }

    /// Fetches anew in the background, while a stale answer serves: in the layer, in [`Cache::call_refreshing`], and in
    /// those of a stack. Default the tokio runtime of the caller, or the host that [`CacheBuilder::timing`] is of; on virtual
    /// time nothing. The other calls borrow their work, which a task cannot; they fetch in the caller's time.
    pub fn spawner(mut self, spawner: Arc<dyn Spawner>) -> Self {
        self.spawner = Some(spawner);
        self
    }

    /// Judges an end: only a success is kept, and an ignored one is never hidden by a stale answer. Default [`ByResult`], and in
    /// a stack the judgement of that.
    pub fn classify<D>(self, classify: D) -> CacheBuilder<K, T, D> {
        let Self { capacity, times, spawner, listeners, timing, name, types, .. } = self;
        CacheBuilder { capacity, times, spawner, listeners, timing, name, classify, judges: true, types }
    }

    /// Hears of each answer that was not fetched (`hit`, `stale`).
    pub fn listener(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.add(listener);
        self
    }

    /// Reads time here; default [`Timing::system`].
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Makes the cache.
    ///
    /// # Errors
    /// A setting that can only be a mistake.
    pub fn build(self) -> Result<Cache<K, T, C>, BuildError> {
        let refuse = |option, why: &str| Err(BuildError::new(PolicyKind::Cache, option, why));
        if self.capacity == 0 {
            return refuse("capacity", "keeps nothing: give it room, or leave the policy out");
        }
        if self.times.ttl.is_zero() {
            return refuse("ttl", "nothing would ever be fresh; to make equal calls one, use `Coalesce`");
        }
        let mut core = Core::new(self.name, self.capacity, self.times, self.timing);
        (core.spawner, core.listeners) = (self.spawner, self.listeners);
        Ok(Cache::new(core, self.classify, self.judges))
    }
}

impl<K, T, C> fmt::Debug for CacheBuilder<K, T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, capacity, times, .. } = self;
        let mut shown = f.debug_struct("CacheBuilder");
        shown.field("name", name).field("capacity", capacity).field("times", times).finish_non_exhaustive()
    }
}
