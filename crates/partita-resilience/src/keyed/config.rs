//! How many keys, and for how long.

use super::{Idle, Keyed};
use crate::{BuildError, PolicyKind, Timing};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// Most keys and longest idle time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Keys with an entry of their own. Default 100,000: more callers than one process serves in ten minutes. With short
    /// keys they weigh some 20 MB as rate limits and some 190 MB as breakers: set it to the tenants or hosts that you have.
    pub capacity: usize,
    /// An entry idle for this long is forgotten. Default 10 min: longer than a breaker stays open.
    pub ttl: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { capacity: 100_000, ttl: Duration::from_secs(600) }
    }
}

impl Bounds {
    /// Refuses what can only be a mistake.
    ///
    /// # Errors
    /// No capacity, more than 2^32 keys, or no time to live.
    pub fn check(&self, policy: PolicyKind) -> Result<(), BuildError> {
        if self.capacity == 0 || u32::try_from(self.capacity).is_err() {
            let why = format!("{} keys is none or more than memory holds; write 1 to 4294967295", self.capacity);
            return Err(BuildError::new(policy, "capacity", why));
        }
        if self.ttl < Duration::from_millis(1) {
            let why = "an entry that is forgotten at once holds nothing; write at least 1 ms, as 10 min";
            return Err(BuildError::new(policy, "ttl", why));
        }
        Ok(())
    }
}

pub(super) type Make<K, V> = Arc<dyn Fn(Option<&K>) -> V + Send + Sync>;
pub(super) type Judge<V> = Arc<dyn Fn(&V) -> Idle + Send + Sync>;

/// Builds a [`Keyed`].
#[must_use]
pub struct Builder<K, V> {
    pub(super) policy: PolicyKind,
    pub(super) bounds: Bounds,
    pub(super) timing: Timing,
    pub(super) make: Make<K, V>,
    pub(super) judge: Judge<V>,
}

impl<K: Hash + Eq, V> Builder<K, V> {
    pub(super) fn new(policy: PolicyKind, make: impl Fn(Option<&K>) -> V + Send + Sync + 'static) -> Self {
        Self {
            policy,
            bounds: Bounds::default(),
            timing: Timing::default(),
            make: Arc::new(make),
            judge: Arc::new(|_| Idle::Usual),
        }
    }

    /// Most keys and longest idle time.
    pub const fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Keys with an entry of their own; default 100,000.
    pub const fn capacity(mut self, capacity: usize) -> Self {
        self.bounds.capacity = capacity;
        self
    }

    /// How long an entry may be idle; default 10 min.
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.bounds.ttl = ttl;
        self
    }

    /// Says of an entry whether it may go; default: each goes when it was idle for the time to live. Asked under a lock:
    /// it must be quick and must not call back.
    pub fn judge(mut self, judge: impl Fn(&V) -> Idle + Send + Sync + 'static) -> Self {
        self.judge = Arc::new(judge);
        self
    }

    /// Time, and the secret of the hash.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// The map.
    ///
    /// # Errors
    /// What [`Bounds::check`] refuses.
    pub fn build(self) -> Result<Keyed<K, V>, BuildError> {
        self.bounds.check(self.policy)?;
        Ok(Keyed::new(self))
    }
}

impl<K, V> fmt::Debug for Builder<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("policy", &self.policy).field("bounds", &self.bounds).finish_non_exhaustive()
    }
}
