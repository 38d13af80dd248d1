//! What a limiter is built from.

use super::core::Core;
use super::keyed::KeyedLimiter;
use super::line::Meter;
use super::{Algorithm, Limiter, Quota};
use crate::stripe::Striped;
use crate::{BuildError, Event, Listeners, PolicyKind, Timing};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// A log of more stamps than this, 16 bytes each, is a mistake.
const MOST_STAMPS: u32 = 1_000_000;

/// A longer period than ten years is a mistake.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Builds a [`Limiter`] or a [`KeyedLimiter`].
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    pub(super) name: crate::Name,
    pub(super) quota: Quota,
    pub(super) max_wait: Duration,
    pub(super) waiters: usize,
    pub(super) capacity: usize,
    pub(super) timing: Timing,
    pub(super) listeners: Listeners,
}

impl Builder {
    pub(super) fn new(name: crate::Name) -> Self {
        Self {
            name,
            quota: Quota::default(),
            max_wait: Duration::ZERO,
            waiters: 10_000,
            capacity: 100_000,
            timing: Timing::default(),
            listeners: Listeners::default(),
        }
    }

    /// So much in so much time. Default 100 a second: more than a person or a page asks for, less than a runaway loop.
    pub const fn quota(mut self, quota: Quota) -> Self {
        self.quota = quota;
        self
    }

    /// How long `call` and the layer let a call wait for its moment. Default zero: a server refuses and says when to come
    /// again; a client that may wait sets it.
    pub const fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
        self
    }

    /// Reservations that may wait at once for one quota. Default 10,000: about a megabyte.
    pub const fn waiters(mut self, waiters: usize) -> Self {
        self.waiters = waiters;
        self
    }

    /// Keys with a quota of their own, for a keyed limiter. Default 100,000: some 20 MB.
    pub const fn capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }

    /// Time.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Adds a listener that hears refusals, not the routine of healthy calls.
    pub fn listener(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.add(listener);
        self
    }

    /// Adds a listener that hears every event.
    pub fn tracing_listener(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.add_tracing(listener);
        self
    }

    /// One quota for all callers.
    ///
    /// # Errors
    /// A quota that lets nothing pass, or that cannot be kept.
    pub fn build(self) -> Result<Limiter, BuildError> {
        check(&self.quota)?;
        let core = Core::new(self);
        let meter = Arc::new(Meter::busy(&core.rule, Striped::default));
        Ok(Limiter { core: Arc::new(core), meter })
    }

    /// A quota for each key.
    ///
    /// # Errors
    /// As [`Builder::build`]; also a capacity of nothing.
    pub fn build_keyed<K: Hash + Eq>(self) -> Result<KeyedLimiter<K>, BuildError> {
        check(&self.quota)?;
        KeyedLimiter::new(self)
    }
}

fn check(quota: &Quota) -> Result<(), BuildError> {
    let refuse = |option, why: String| Err(BuildError::new(PolicyKind::RateLimit, option, why));
    if quota.limit == 0 {
        return refuse("limit", "nothing would ever pass; write at least 1, or leave the limiter out".to_owned());
    }
    if quota.per < Duration::from_micros(1) || quota.per > LONGEST {
        return refuse("per", format!("{:?} is no period; write 1 µs to 10 years", quota.per));
    }
    let smooth = matches!(quota.algorithm, Algorithm::Gcra | Algorithm::TokenBucket);
    match quota.burst {
        Some(0) => refuse("burst", "nothing would ever pass; write at least 1".to_owned()),
        Some(burst) if !smooth && burst != quota.limit => {
            let why = format!("{:?} lets `limit` come at once; leave `burst` out, or choose gcra", quota.algorithm);
            refuse("burst", why)
        }
        _ if quota.algorithm == Algorithm::SlidingLog && quota.limit > MOST_STAMPS => {
            let why = format!("a log of {} stamps takes {} MB; choose gcra", quota.limit, quota.limit / 62_500);
            refuse("algorithm", why)
        }
        _ => Ok(()),
    }
}
