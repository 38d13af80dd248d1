//! Settings of a coalescing policy.

use super::Coalesce;
use super::core::Core;
use crate::{BuildError, Event, Listeners, PolicyKind, Timing};
use std::hash::Hash;
use std::marker::PhantomData;
use std::time::Duration;

/// Named, not held.
type Types<K, T, E> = PhantomData<fn() -> (K, T, E)>;

/// Settings of a [`Coalesce`].
#[derive(Debug)]
#[must_use]
pub struct CoalesceBuilder<K, T, E> {
    max_wait: Duration,
    listeners: Listeners,
    timing: Timing,
    name: crate::Name,
    types: Types<K, T, E>,
}

impl<K: Hash + Eq + Clone, T, E> CoalesceBuilder<K, T, E> {
    pub(super) fn new(name: crate::Name) -> Self {
        let (listeners, timing) = (Listeners::default(), Timing::system());
        Self { max_wait: Duration::from_secs(30), listeners, timing, name, types: PhantomData }
    }

    /// The longest wait for another caller's answer. Default 30 s: no wait is without an end; the deadline of the waiter's
    /// own [`Context`](crate::deadline::Context) holds if it is sooner.
    pub const fn max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = wait;
        self
    }

    /// Hears of each shared answer and each wait that was too long.
    pub fn listener(mut self, listener: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.listeners.add(listener);
        self
    }

    /// Reads time and waits here; default [`Timing::system`].
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Makes the policy.
    ///
    /// # Errors
    /// A setting that can only be a mistake.
    pub fn build(self) -> Result<Coalesce<K, T, E>, BuildError> {
        if self.max_wait.is_zero() {
            let why = "waiters need some time, or each of them fails at once; 30 s is usual";
            return Err(BuildError::new(PolicyKind::Coalesce, "max_wait", why));
        }
        Ok(Coalesce::new(Core::new(self.name, self.max_wait, self.listeners, self.timing)))
    }
}
