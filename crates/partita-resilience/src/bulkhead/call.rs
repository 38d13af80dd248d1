//! The bulkhead under a plain async call, and its permits.

use super::core::Core;
use super::enter::Enter;
use super::slots::Slot;
use super::{Builder, Bulkhead, BulkheadSnapshot};
use crate::layered::PolicyLayer;
use crate::stack::time;
use crate::{Error, ErrorShape, EventKind, Name, Nested, Outcome, Plain, Reason, Rejected};
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;

impl Bulkhead {
    /// Begins a bulkhead of this name.
    pub fn builder(name: impl Into<Name>) -> Builder {
        Builder::new(name.into())
    }

    /// Runs `work` when a permit is free, within the longest wait.
    ///
    /// # Errors
    /// [`Error::Rejected`] without a permit: the work was not begun. [`Error::Inner`] is the work's own.
    #[inline(always)]
    pub fn call<T, E, F, Fut>(&self, work: F) -> impl Future<Output = Result<T, Error<E>>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        self.pass::<_, _, Plain, _, _>(work)
    }

    /// As [`Bulkhead::call`] around another policy.
    ///
    /// # Errors
    /// As [`Bulkhead::call`].
    pub fn around<T, E, F, Fut>(&self, work: F) -> impl Future<Output = Result<T, Error<E>>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, Error<E>>>,
    {
        self.pass::<_, _, Nested, _, _>(work)
    }

    #[inline(always)]
    #[allow(clippy::manual_async_fn, reason = "an async fn moves its arguments once more")]
    fn pass<T, X, M, F, Fut>(&self, work: F) -> impl Future<Output = Result<T, Error<M::Inner>>>
    where
        M: ErrorShape<X>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, X>>,
    {
        async move {
            let mut held = self.without_place();
            if !held.take() {
                held.put(self.enter().await?);
            }
            let result = work().await;
            held.finish(if result.is_ok() { Outcome::Success } else { Outcome::Failure });
            result.map_err(M::lift)
        }
    }

    /// For a call's place, which counts as cancelled until it is finished.
    #[inline(always)]
    pub(crate) fn without_place(&self) -> Held<&Core> {
        Held { core: &*self.0, slot: None, ends: Outcome::Cancelled }
    }

    /// Waits for a place.
    pub(crate) fn enter(&self) -> Enter {
        Enter::new(Arc::clone(&self.0))
    }

    /// A place that outlives the borrow; dropped, it counts as cancelled still.
    pub(crate) fn own(&self, mut held: Held<&Core>) -> Permit {
        Permit(Held { core: Arc::clone(&self.0), slot: held.slot.take(), ends: held.ends })
    }

    /// Waits for a permit, within the longest wait. Dropping the future leaves the queue.
    ///
    /// # Errors
    /// No permit came free, or the queue is full.
    pub async fn acquire(&self) -> Result<Permit, Rejected> {
        let slot = self.enter().await?;
        Ok(Permit(Held::new(Arc::clone(&self.0), slot, Outcome::Success)))
    }

    /// A permit, if one is free and nobody waits.
    ///
    /// # Errors
    /// None is.
    pub fn try_acquire(&self) -> Result<Permit, Rejected> {
        let Some(slot) = self.0.try_enter() else {
            self.0.count_saturated();
            return Err(self.0.reject(Reason::Saturated));
        };
        Ok(Permit(Held::new(Arc::clone(&self.0), slot, Outcome::Success)))
    }

    /// A tower layer; every service it makes shares this bulkhead.
    pub fn layer(&self) -> PolicyLayer<Self> {
        PolicyLayer::new(self.clone())
    }

    /// Permits in use, and permits in all.
    pub(crate) fn places(&self) -> (u32, u32) {
        (self.0.active(), self.0.config.max_concurrent)
    }

    /// Its settings in words.
    pub(crate) fn explain(&self) -> String {
        let config = &self.0.config;
        format!("{} at once, {} may wait for {}", config.max_concurrent, config.queue, time(config.max_wait))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Where it stands.
    pub fn snapshot(&self) -> BulkheadSnapshot {
        self.0.snapshot()
    }
}

/// One call's place in a [`Bulkhead`]. Owned: move it to where the work really ends, as into a response body. Dropping it
/// gives the place back and counts the call as completed.
#[must_use = "dropping the permit gives the place back"]
pub struct Permit(Held<Arc<Core>>);

impl Permit {
    /// Gives the place back and counts how the call ended.
    pub fn finish(self, outcome: Outcome) {
        self.0.end(outcome);
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permit({})", self.0.core.name())
    }
}

impl Core {
    /// Tells that a call has its permit, which a listener that panics gives back.
    #[cold]
    pub(super) fn tell_admitted(&self, slot: Slot) -> Slot {
        let mut held = Held::new(self, slot, Outcome::Cancelled);
        self.config.listeners.routine(|| self.event(EventKind::Admitted));
        held.hand_out()
    }
}

/// A slot that goes back when dropped, as `ends` says then.
pub(crate) struct Held<C: Deref<Target = Core>> {
    core: C,
    slot: Option<Slot>,
    ends: Outcome,
}

impl<C: Deref<Target = Core>> Held<C> {
    /// `ends` is how a call ends whose holder is dropped.
    pub(crate) const fn new(core: C, slot: Slot, ends: Outcome) -> Self {
        Self { core, slot: Some(slot), ends }
    }

    /// Takes a slot, if one is free and nobody waits: where it stays, because a copy would stall on the stores of its parts.
    #[inline(always)]
    pub(crate) fn take(&mut self) -> bool {
        self.slot = self.core.try_enter();
        self.slot.is_some()
    }

    /// Holds a slot that was waited for.
    pub(crate) fn put(&mut self, slot: Slot) {
        self.slot = Some(slot);
    }

    /// Gives the slot back after a call that ended so.
    #[inline(always)]
    pub(crate) fn finish(&mut self, outcome: Outcome) {
        if let Some(slot) = self.slot.take() {
            self.core.leave(slot, outcome);
        }
    }

    /// The slot, to be held by somebody else.
    pub(super) fn hand_out(&mut self) -> Slot {
        let Some(slot) = self.slot.take() else { unreachable!("handed out once") };
        slot
    }

    /// Gives the slot back.
    #[inline]
    pub(crate) fn end(mut self, outcome: Outcome) {
        self.ends = outcome;
    }
}

impl<C: Deref<Target = Core>> Drop for Held<C> {
    #[inline]
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.core.leave(slot, self.ends);
        }
    }
}
