//! The limiter under a plain async call.

use super::{Builder, Decision, Limiter, LimiterSnapshot, Reservation};
use crate::{Error, Rejected};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

impl Limiter {
    /// Begins a limiter of this name.
    pub fn builder(name: impl Into<crate::Name>) -> Builder {
        Builder::new(name.into())
    }

    /// Charges one call if it may pass now.
    #[inline(always)]
    pub fn check(&self) -> Decision {
        self.core.check(&self.meter, 1)
    }

    /// Charges a call of this cost if it may pass now; a cost of zero always may, unless others wait.
    #[inline]
    pub fn check_cost(&self, cost: u32) -> Decision {
        self.core.check(&self.meter, cost)
    }

    /// Takes a moment of its own for a call of this cost, at most `at_most` from now.
    ///
    /// # Errors
    /// The moment would be later, the cost never fits, or too many wait. Nothing is charged then.
    pub fn reserve(&self, cost: u32, at_most: Duration) -> Result<Reservation, Rejected> {
        self.core.reserve(Arc::clone(&self.meter), cost, at_most)
    }

    /// Waits until a call of this cost may pass, however long that is.
    ///
    /// # Errors
    /// The cost never fits, or too many wait.
    pub async fn until_ready(&self, cost: u32) -> Result<(), Rejected> {
        self.reserve(cost, Duration::MAX)?.await;
        Ok(())
    }

    /// Runs `work` when it may pass, within the longest wait.
    ///
    /// # Errors
    /// [`Error::Rejected`] when the quota is used up: the work was not begun. [`Error::Inner`] is the work's own.
    pub async fn call<T, E, F, Fut>(&self, work: F) -> Result<T, Error<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        if let Some(moment) = self.pass()? {
            moment.await;
        }
        work().await.map_err(Error::Inner)
    }

    /// Lets a call pass, within the longest wait: now, or at a moment of its own.
    pub(crate) fn pass(&self) -> Result<Option<Reservation>, Rejected> {
        self.core.pass(&self.meter)
    }

    /// Its quota in words.
    pub(crate) fn explain(&self) -> String {
        self.core.explain()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.core.name
    }

    /// What is left, with nothing charged.
    pub(crate) fn look(&self) -> Decision {
        self.core.rule.look(&self.meter.cell, self.core.now())
    }

    /// Where it stands.
    pub fn snapshot(&self) -> LimiterSnapshot {
        let look = self.look();
        let (admitted, rejected) = self.core.counts();
        LimiterSnapshot {
            name: self.core.name.clone(),
            limit: look.limit(),
            remaining: look.remaining(),
            reset_at: look.reset_at(),
            waiting: self.meter.waiting(),
            admitted,
            rejected,
            keys: None,
        }
    }
}
