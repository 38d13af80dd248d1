//! Load shedding under a plain async call, and its permits.

use super::core::Core;
use super::{Builder, Priority, Shed, ShedSnapshot};
use crate::gate::Gate;
use crate::layered::PolicyLayer;
use crate::{Error, Outcome, Rejected};
use std::fmt;
use std::future::Future;
use std::sync::Arc;

impl Shed {
    /// Begins a policy of this name.
    pub fn builder(name: impl Into<crate::Name>) -> Builder {
        Builder::new(name.into())
    }

    /// Runs `work` if there is room for a call that matters so much.
    ///
    /// # Errors
    /// [`Error::Rejected`]: the work was not begun. [`Error::Inner`] is the work's own.
    pub async fn call<T, E, F, Fut>(&self, priority: Priority, work: F) -> Result<T, Error<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let permit = self.try_acquire(priority)?;
        let result = work().await;
        drop(permit);
        result.map_err(Error::Inner)
    }

    /// A permit, if there is room for a call that matters so much.
    ///
    /// # Errors
    /// There is none.
    pub fn try_acquire(&self, priority: Priority) -> Result<Permit, Rejected> {
        self.0.enter(priority)?;
        Ok(Permit(Arc::clone(&self.0)))
    }

    /// A tower layer for calls of one priority; every service it makes shares this policy.
    pub fn layer(&self, priority: Priority) -> PolicyLayer<AtPriority> {
        PolicyLayer::new(AtPriority::new(self.clone(), priority))
    }

    /// Where it stands.
    pub fn snapshot(&self) -> ShedSnapshot {
        self.0.snapshot()
    }
}

/// A [`Shed`] for calls of one priority, as its layer uses it.
#[derive(Clone, Debug)]
pub struct AtPriority {
    shed: Shed,
    priority: Priority,
}

impl AtPriority {
    pub(crate) const fn new(shed: Shed, priority: Priority) -> Self {
        Self { shed, priority }
    }
}

impl Gate for AtPriority {
    type Permit = Permit;

    fn enter(&self) -> Result<Permit, Rejected> {
        self.shed.try_acquire(self.priority)
    }

    fn leave(permit: Permit, _: Outcome) {
        drop(permit);
    }
}

/// One call's place under a [`Shed`]; dropping it gives the place back.
#[must_use = "dropping the permit gives the place back"]
pub struct Permit(Arc<Core>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permit({})", self.0.name())
    }
}
