//! A quota for each key.

use super::config::Builder;
use super::core::Core;
use super::line::Meter;
use super::{Decision, Limiter, LimiterSnapshot, Reservation};
use crate::keyed::{Idle, Keyed};
use crate::{BuildError, Error, PolicyKind, Rejected};
use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// Longest time for which a key is kept that nobody uses and whose quota is whole.
const LONGEST_IDLE: Duration = Duration::from_secs(600);

/// A quota for each key, in bounded memory. A key is forgotten only when its quota is whole again, so forgetting never
/// gives anybody a second one; keys that find no room share one quota. Clones share it.
pub struct KeyedLimiter<K> {
    core: Arc<Core>,
    meters: Keyed<K, Arc<Meter>>,
}

impl<K: Hash + Eq> KeyedLimiter<K> {
    /// Begins a keyed limiter of this name; end with [`Builder::build_keyed`].
    pub fn builder(name: impl Into<crate::Name>) -> Builder {
        Builder::new(name.into())
    }

    pub(super) fn new(config: Builder) -> Result<Self, BuildError> {
        let capacity = config.capacity;
        let core = Arc::new(Core::new(config));
        let (rule, judged) = (core.rule, Arc::clone(&core));
        let ttl = Duration::from_nanos(rule.whole_after()).clamp(Duration::from_millis(8), LONGEST_IDLE);
        let meters = Keyed::builder(PolicyKind::RateLimit, move |_| Arc::new(Meter::new(&rule)))
            .capacity(capacity)
            .ttl(ttl)
            .timing(core.timing.clone())
            .judge(move |meter: &Arc<Meter>| {
                let whole = Arc::strong_count(meter) == 1 && judged.rule.is_whole(&meter.cell, judged.now());
                if whole { Idle::Spent } else { Idle::Needed }
            })
            .build()?;
        Ok(Self { core, meters })
    }

    /// The limiter of a key, or that of all keys without room.
    pub(super) fn of(&self, key: &K) -> Limiter
    where
        K: Clone,
    {
        Limiter { core: Arc::clone(&self.core), meter: self.meters.get(key) }
    }

    /// Charges one call of a key if it may pass now.
    #[inline]
    pub fn check<Q>(&self, key: &Q) -> Decision
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.check_cost(key, 1)
    }

    /// Charges a call of this cost if it may pass now.
    #[inline]
    pub fn check_cost<Q>(&self, key: &Q, cost: u32) -> Decision
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let now = self.core.now();
        let decision = self.meters.with_at(key, now, |meter| self.core.rule.decide(&meter.cell, now, cost));
        self.core.count(&decision);
        decision
    }

    /// Takes a moment of its own for a key's call of this cost, at most `at_most` from now.
    ///
    /// # Errors
    /// The moment would be later, the cost never fits, or too many wait. Nothing is charged then.
    pub fn reserve<Q>(&self, key: &Q, cost: u32, at_most: Duration) -> Result<Reservation, Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.core.reserve(self.meters.get(key), cost, at_most)
    }

    /// Waits until a key's call of this cost may pass, however long that is.
    ///
    /// # Errors
    /// The cost never fits, or too many wait.
    pub async fn until_ready<Q>(&self, key: &Q, cost: u32) -> Result<(), Rejected>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        let reservation = self.reserve(key, cost, Duration::MAX)?;
        reservation.await;
        Ok(())
    }

    /// Runs `work` when the key's call may pass, within the longest wait.
    ///
    /// # Errors
    /// [`Error::Rejected`] when the key's quota is used up: the work was not begun. [`Error::Inner`] is the work's own.
    pub async fn call<Q, T, E, F, Fut>(&self, key: &Q, work: F) -> Result<T, Error<E>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let meter = self.meters.get(key);
        let moment = self.core.pass(&meter)?;
        drop(meter);
        if let Some(moment) = moment {
            moment.await;
        }
        work().await.map_err(Error::Inner)
    }

    /// Where it stands; `remaining` and `reset_at` are those of the quota that keys without room share.
    pub fn snapshot(&self) -> LimiterSnapshot {
        let shared = self.meters.overflow();
        let look = self.core.rule.look(&shared.cell, self.core.now());
        let (admitted, rejected) = self.core.counts();
        LimiterSnapshot {
            name: self.core.name.clone(),
            limit: look.limit(),
            remaining: look.remaining(),
            reset_at: look.reset_at(),
            waiting: shared.waiting(),
            admitted,
            rejected,
            keys: Some(self.meters.snapshot()),
        }
    }
}

impl<K> Clone for KeyedLimiter<K> {
    fn clone(&self) -> Self {
        Self { core: Arc::clone(&self.core), meters: self.meters.clone() }
    }
}

impl<K> fmt::Debug for KeyedLimiter<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyedLimiter({}, {:?})", self.core.name, self.meters)
    }
}
