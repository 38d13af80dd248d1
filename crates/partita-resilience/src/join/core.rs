//! What a join counts.

use super::{Optional, Parts};
use crate::sync::lock;
use crate::{Event, EventKind, Limit, Listeners, PolicyKind, Timing};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Joins critical and optional calls. Clones share the counts.
#[derive(Clone, Debug)]
pub struct Join(pub(super) Arc<Core>);

#[derive(Debug)]
pub(super) struct Core {
    name: crate::Name,
    timeout: Duration,
    pub(super) timing: Timing,
    listeners: Listeners,
    optional: Mutex<BTreeMap<&'static str, Arc<Counts>>>,
}

/// The ends of one optional call.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) answered: AtomicU64,
    failed: AtomicU64,
    timed_out: AtomicU64,
}

/// How the optional calls of a join ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinSnapshot {
    /// The join's name.
    pub name: crate::Name,
    /// Its optional calls, by name.
    pub optional: Vec<OptionalSnapshot>,
}

/// How often an optional call of one name ended how; since the join was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionalSnapshot {
    /// The call's name.
    pub name: &'static str,
    /// It answered.
    pub answered: u64,
    /// It failed, and the default was used.
    pub failed: u64,
    /// It took too long, and the default was used.
    pub timed_out: u64,
}

impl Join {
    /// A join of this name on the machine's clock, whose optional calls have `timeout`.
    pub fn new(name: impl Into<crate::Name>, timeout: Duration) -> Self {
        Self::with(name, timeout, Timing::default(), Listeners::default())
    }

    /// The same with a clock, and listeners that hear of each default.
    pub fn with(name: impl Into<crate::Name>, timeout: Duration, timing: Timing, listeners: Listeners) -> Self {
        Self(Arc::new(Core { name: name.into(), timeout, timing, listeners, optional: Mutex::default() }))
    }

    /// A call that the answer can do without: `default` is used when it fails or takes longer than the join's timeout.
    pub fn optional<F, T, E, D>(&self, name: &'static str, call: F, default: D) -> Optional<F, D>
    where
        F: Future<Output = Result<T, E>>,
        D: FnOnce() -> T,
    {
        self.optional_within(name, self.0.timeout, call, default)
    }

    /// The same with a timeout of its own.
    pub fn optional_within<F, T, E, D>(
        &self,
        name: &'static str,
        timeout: Duration,
        call: F,
        default: D,
    ) -> Optional<F, D>
    where
        F: Future<Output = Result<T, E>>,
        D: FnOnce() -> T,
    {
        let counts = Arc::clone(lock(&self.0.optional).entry(name).or_default());
        Optional::new(Arc::clone(&self.0), counts, timeout, call, default)
    }

    /// Runs a tuple of one to eight parts at the same time, in the caller's task.
    ///
    /// # Errors
    /// The first error of a critical part; the other parts are dropped.
    pub async fn all<P: Parts<E>, E>(&self, parts: P) -> Result<P::Values, E> {
        parts.run().await
    }

    /// Where it stands.
    pub fn snapshot(&self) -> JoinSnapshot {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let show = |(name, counts): (&&'static str, &Arc<Counts>)| OptionalSnapshot {
            name,
            answered: load(&counts.answered),
            failed: load(&counts.failed),
            timed_out: load(&counts.timed_out),
        };
        let optional = lock(&self.0.optional).iter().map(show).collect();
        JoinSnapshot { name: self.0.name.clone(), optional }
    }
}

impl Core {
    pub(super) fn failed(&self, counts: &Counts) {
        counts.failed.fetch_add(1, Ordering::Relaxed);
        self.tell(EventKind::Served("default"));
    }

    pub(super) fn timed_out(&self, counts: &Counts, after: Duration) {
        counts.timed_out.fetch_add(1, Ordering::Relaxed);
        self.tell(EventKind::TimedOut { after, which: Limit::Optional });
        self.tell(EventKind::Served("default"));
    }

    fn tell(&self, kind: EventKind<'_>) {
        self.listeners.tell(&Event::told(self.timing.coarse_nanos(), PolicyKind::Join, &self.name, kind));
    }
}
