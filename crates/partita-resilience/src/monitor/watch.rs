//! What can be looked at.

use crate::adaptive::{Adaptive, AdaptiveSnapshot};
use crate::breaker::{self, Breaker};
use crate::bulkhead::{Bulkhead, BulkheadSnapshot};
use crate::cache::{Cache, CacheSnapshot};
use crate::coalesce::{Coalesce, CoalesceSnapshot};
use crate::deadline::{Deadline, DeadlineSnapshot};
use crate::fallback::{Fallback, FallbackSnapshot};
use crate::hedge::{Hedge, HedgeSnapshot};
use crate::join::{Join, JoinSnapshot};
use crate::keyed::Keyed;
use crate::limiter::{KeyedLimiter, Limiter, LimiterSnapshot, Tier, Tiers};
use crate::pool::{Pool, PoolSnapshot};
use crate::retry::{Retry, RetrySnapshot};
use crate::shed::{Shed, ShedSnapshot};
use crate::timeout::{Timeout, TimeoutSnapshot};
use crate::{Name, PolicyKind, Registry};
use std::hash::Hash;

/// Something with one policy or several that a [`Monitor`](super::Monitor) looks at.
pub trait Watch: Send + Sync {
    /// Adds where its policies stand.
    fn look(&self, into: &mut Vec<PolicySnapshot>);
}

macro_rules! snapshots {
    ($($kind:ident($snapshot:ty) = $policy:ident,)*) => {
        /// Where one policy stands.
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum PolicySnapshot {
            $(#[doc = concat!("See [`", stringify!($snapshot), "`].")] $kind($snapshot),)*
        }

        impl PolicySnapshot {
            /// What kind of policy it is.
            pub const fn kind(&self) -> PolicyKind {
                match self { $(Self::$kind(_) => PolicyKind::$policy,)* }
            }

            /// Its name.
            pub const fn name(&self) -> &Name {
                match self { $(Self::$kind(snapshot) => &snapshot.name,)* }
            }
        }
    };
}

snapshots! {
    Adaptive(AdaptiveSnapshot) = Adaptive,
    Breaker(breaker::Snapshot) = Breaker,
    Breakers(breaker::Overview) = Breaker,
    Bulkhead(BulkheadSnapshot) = Bulkhead,
    Cache(CacheSnapshot) = Cache,
    Coalesce(CoalesceSnapshot) = Coalesce,
    Deadline(DeadlineSnapshot) = Deadline,
    Fallback(FallbackSnapshot) = Fallback,
    Hedge(HedgeSnapshot) = Hedge,
    Join(JoinSnapshot) = Join,
    Limiter(LimiterSnapshot) = RateLimit,
    Pool(PoolSnapshot) = Pool,
    Retry(RetrySnapshot) = Retry,
    Shed(ShedSnapshot) = Shed,
    Timeout(TimeoutSnapshot) = Timeout,
}

macro_rules! watched {
    ($([$($generics:tt)*] $policy:ty => $kind:ident,)*) => {$(
        impl<$($generics)*> Watch for $policy {
            fn look(&self, into: &mut Vec<PolicySnapshot>) {
                into.push(PolicySnapshot::$kind(self.snapshot()));
            }
        }
    )*};
}

watched! {
    [] Adaptive => Adaptive,
    [] Breaker => Breaker,
    [] Bulkhead => Bulkhead,
    [K: Hash + Eq + Send + Sync, T: Send + Sync, C: Send + Sync] Cache<K, T, C> => Cache,
    [K: Hash + Eq + Clone + Send + Sync, T: Clone + Send + Sync, E: Clone + Send + Sync] Coalesce<K, T, E> => Coalesce,
    [] Deadline => Deadline,
    [C: Send + Sync] Fallback<C> => Fallback,
    [C: Send + Sync] Hedge<C> => Hedge,
    [] Join => Join,
    [] Limiter => Limiter,
    [K: Hash + Eq + Send + Sync] KeyedLimiter<K> => Limiter,
    [] Pool => Pool,
    [C: Send + Sync] Retry<C> => Retry,
    [] Shed => Shed,
    [] Timeout => Timeout,
}

/// Each policy there is at the moment of the look.
impl<P: Watch + Clone> Watch for Registry<P> {
    fn look(&self, into: &mut Vec<PolicySnapshot>) {
        self.all().iter().for_each(|(_, policy)| policy.look(into));
    }
}

/// The quotas of each standing.
impl<K: Hash + Eq + Send + Sync> Watch for Tiers<K> {
    fn look(&self, into: &mut Vec<PolicySnapshot>) {
        for tier in [Tier::Anonymous, Tier::Authenticated, Tier::Premium] {
            self.of(tier).look(into);
        }
    }
}

/// All of them together, then each of the worst as a breaker of its own.
impl<K: Hash + Eq + Clone + Send + Sync> Watch for Keyed<K, Breaker> {
    fn look(&self, into: &mut Vec<PolicySnapshot>) {
        let overview = self.overview();
        let worst = overview.worst.clone().into_iter().map(PolicySnapshot::Breaker);
        into.push(PolicySnapshot::Breakers(overview));
        into.extend(worst);
    }
}

/// Of a stack without cache and coalescing.
impl Watch for () {
    fn look(&self, _: &mut Vec<PolicySnapshot>) {}
}
