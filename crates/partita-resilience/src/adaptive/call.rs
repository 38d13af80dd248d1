//! The adaptive limit under a plain async call, and its permits.

use super::core::Core;
use super::{Adaptive, AdaptiveSnapshot, Builder};
use crate::gate::Gate;
use crate::layered::PolicyLayer;
use crate::{Error, Outcome, Rejected};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

impl Adaptive {
    /// Begins a limit of this name.
    pub fn builder(name: impl Into<crate::Name>) -> Builder {
        Builder::new(name.into())
    }

    /// Runs `work` if the limit lets it pass.
    ///
    /// # Errors
    /// [`Error::Rejected`]: the work was not begun. [`Error::Inner`] is the work's own.
    pub async fn call<T, E, F, Fut>(&self, work: F) -> Result<T, Error<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        let permit = self.try_acquire()?;
        let result = work().await;
        permit.finish(if result.is_ok() { Outcome::Success } else { Outcome::Failure });
        result.map_err(Error::Inner)
    }

    /// A permit, if the limit lets a call pass.
    ///
    /// # Errors
    /// It does not.
    pub fn try_acquire(&self) -> Result<Permit, Rejected> {
        self.0.enter()?;
        Ok(Permit { core: Arc::clone(&self.0), begun: self.0.now(), ends: Outcome::Cancelled })
    }

    /// A tower layer; every service it makes shares this limit.
    pub fn layer(&self) -> PolicyLayer<Self> {
        PolicyLayer::new(self.clone())
    }

    /// Places in use, and the limit.
    pub(crate) fn places(&self) -> (u32, u32) {
        self.0.places()
    }

    /// Its settings in words.
    pub(crate) fn explain(&self) -> String {
        self.0.explain()
    }

    /// Its name.
    pub fn name(&self) -> &crate::Name {
        self.0.name()
    }

    /// Where it stands.
    pub fn snapshot(&self) -> AdaptiveSnapshot {
        self.0.snapshot()
    }
}

impl Gate for Adaptive {
    type Permit = Permit;

    fn enter(&self) -> Result<Permit, Rejected> {
        self.try_acquire()
    }

    fn leave(permit: Permit, outcome: Outcome) {
        permit.finish(outcome);
    }
}

/// One call's place under an [`Adaptive`] limit. Dropping it gives the place back and tells nothing about the dependency.
#[must_use = "dropping the permit gives the place back"]
pub struct Permit {
    core: Arc<Core>,
    begun: Duration,
    ends: Outcome,
}

impl Permit {
    /// Gives the place back; the limit learns from how the call ended and how long it took.
    pub fn finish(mut self, outcome: Outcome) {
        self.ends = outcome;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.core.leave(self.begun, self.ends);
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permit({})", self.core.name())
    }
}
