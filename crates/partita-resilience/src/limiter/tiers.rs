//! Callers of different standing.

use super::{Decision, KeyedLimiter, Quota};
use crate::{BuildError, Timing};
use std::borrow::Borrow;
use std::hash::Hash;

/// A caller's standing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tier {
    /// Not known: keyed by address, say.
    Anonymous,
    /// Signed in.
    Authenticated,
    /// Signed in, with a larger quota.
    Premium,
}

/// A keyed limiter for each [`Tier`]: the same key in two tiers has two quotas. Clones share them.
#[derive(Debug)]
pub struct Tiers<K> {
    tiers: [KeyedLimiter<K>; 3],
}

impl<K> Clone for Tiers<K> {
    fn clone(&self) -> Self {
        Self { tiers: self.tiers.clone() }
    }
}

impl<K: Hash + Eq> Tiers<K> {
    /// 100, 1,000 and 10,000 an hour, by GCRA: each is there at once, and comes back evenly.
    ///
    /// # Errors
    /// None with these quotas.
    pub fn hourly(timing: &Timing) -> Result<Self, BuildError> {
        Self::new([Quota::per_hour(100), Quota::per_hour(1_000), Quota::per_hour(10_000)], timing)
    }

    /// The quotas of anonymous, authenticated and premium callers.
    ///
    /// # Errors
    /// A quota that lets nothing pass, or that cannot be kept.
    pub fn new([anonymous, authenticated, premium]: [Quota; 3], timing: &Timing) -> Result<Self, BuildError> {
        let tier = |name, quota| KeyedLimiter::<K>::builder(name).quota(quota).timing(timing.clone()).build_keyed();
        let tiers = [tier("anonymous", anonymous)?, tier("authenticated", authenticated)?, tier("premium", premium)?];
        Ok(Self { tiers })
    }

    /// Charges one call of a key in its tier if it may pass now.
    pub fn check<Q>(&self, tier: Tier, key: &Q) -> Decision
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        self.of(tier).check(key)
    }

    /// The limiter of a tier.
    pub const fn of(&self, tier: Tier) -> &KeyedLimiter<K> {
        let [anonymous, authenticated, premium] = &self.tiers;
        match tier {
            Tier::Anonymous => anonymous,
            Tier::Authenticated => authenticated,
            Tier::Premium => premium,
        }
    }
}
