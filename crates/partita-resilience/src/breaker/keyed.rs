//! One breaker for each key.

use super::core::{Common, Core, MS};
use super::registry::worst_first;
use super::{Breaker, Builder, Mode, Snapshot, State};
use crate::keyed::{Bounds, Idle, Keyed};
use crate::{BuildError, Error, Name, PolicyKind};
use std::fmt::Display;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

/// Breakers that an [`Overview`] shows by themselves.
const WORST: usize = 8;

/// Where the breakers of many keys stand together: of a size that does not grow with the keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Overview {
    /// Their common name, without a key.
    pub name: Name,
    /// How many there are, the one that keys without room share among them.
    pub breakers: usize,
    /// How many are open.
    pub open: usize,
    /// How many are half-open.
    pub half_open: usize,
    /// How many ramp up.
    pub ramp: usize,
    /// Calls that count, of the breakers there are.
    pub total: u64,
    /// Failures among them.
    pub failed: u64,
    /// Calls that they did not let through.
    pub rejected: u64,
    /// Uses that found no room and shared one breaker.
    pub overflowed: u64,
    /// At most eight that are not closed, the worst first.
    pub worst: Vec<Snapshot>,
}

impl Builder {
    /// Makes a breaker for each key at its first use, with these settings and the name `name/key`; keys without room share
    /// `name/*`. An open breaker is not forgotten. Each has one set of counters for all threads, and weighs some 1.1 KB with
    /// 8 buckets, the default here.
    ///
    /// # Errors
    /// A setting that can only be a mistake, with what to write instead.
    pub fn build_keyed<K>(self, bounds: Bounds) -> Result<Keyed<K, Breaker>, BuildError>
    where
        K: Hash + Eq + Display + 'static,
    {
        let settings = self.settings(true)?;
        let Self { name, timing, listeners, .. } = self;
        let clock = timing.clone();
        let common = Arc::new(Common { settings, timing, listeners });
        let make = move |key: Option<&K>| {
            let name = key.map_or_else(|| format!("{name}/*"), |key| format!("{name}/{key}"));
            Breaker::of(Arc::new(Core::new(name.into(), Arc::clone(&common))))
        };
        let keyed = Keyed::builder(PolicyKind::Breaker, make).capacity(bounds.capacity).ttl(bounds.ttl);
        keyed.judge(|breaker: &Breaker| need(breaker)).timing(clock).build()
    }
}

/// Asked under a lock, so it settles nothing and tells nobody.
fn need(breaker: &Breaker) -> Idle {
    let core = &breaker.0;
    let word = core.machine.word();
    let open = word.state() == State::Open && word.deadline() * MS > core.now();
    if open || word.mode() != Mode::Automatic { Idle::Needed } else { Idle::Usual }
}

impl<K: Hash + Eq + Clone> Keyed<K, Breaker> {
    /// [`Breaker::call`] through the breaker of `key`.
    ///
    /// # Errors
    /// The rejection, the timeout, or the call's own error.
    pub async fn call<T, E, F, Fut>(&self, key: &K, work: F) -> Result<T, Error<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.get(key).call(work).await
    }

    /// Where they stand together, and the worst of them.
    pub fn overview(&self) -> Overview {
        let health = self.health();
        let sum = |of: fn(&Snapshot) -> u64| health.iter().map(of).sum();
        let count = |state| health.iter().filter(|breaker| breaker.state == state).count();
        let name = self.overflow().name().trim_end_matches("/*").to_owned();
        let (total, failed, rejected) = (sum(|of| of.total), sum(|of| of.failed), sum(|of| of.rejected));
        let (open, half_open, ramp) = (count(State::Open), count(State::HalfOpen), count(State::Ramp));
        let is_bad = |breaker: &Snapshot| breaker.state != State::Closed || breaker.mode == Mode::ForcedOpen;
        let worst = health.iter().filter(|breaker| is_bad(breaker)).take(WORST).cloned().collect();
        let overflowed = Self::snapshot(self).overflowed;
        let breakers = health.len();
        Overview { name: name.into(), breakers, open, half_open, ramp, total, failed, rejected, overflowed, worst }
    }

    /// Where all of them stand, the worst first; the one that keys without room share is among them.
    pub fn health(&self) -> Vec<Snapshot> {
        let own = self.entries();
        let all = own.iter().map(|(_, breaker)| breaker).chain([self.overflow()]);
        worst_first(all.map(Breaker::snapshot).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Core;

    #[test]
    fn a_breaker_of_a_key_keeps_little_beside_its_counters() {
        assert!(size_of::<Core>() <= 256, "{}", size_of::<Core>());
    }
}
