//! The right to make one call.

use super::Breaker;
use super::core::{Core, Kind, Refusal, Ticket};
use crate::{Outcome, Policy, Rejected};
use std::sync::Arc;
use std::time::Duration;

/// The right to make one call; [`Permit::record`] says what became of it.
///
/// Dropped without a record it counts as cancelled, or as a failure when the thread panics.
#[derive(Debug)]
#[must_use = "dropped at once, the call counts as cancelled"]
pub struct Permit<'a> {
    core: &'a Core,
    ticket: Option<Ticket>,
}

/// A [`Permit`] that keeps its breaker alive, for calls that outlive the borrow.
#[derive(Debug)]
#[must_use = "dropped at once, the call counts as cancelled"]
pub struct OwnedPermit {
    core: Arc<Core>,
    ticket: Option<Ticket>,
}

impl Permit<'_> {
    /// Says what became of the call.
    #[inline]
    pub fn record(mut self, outcome: Outcome) {
        if let Some(ticket) = self.ticket.take() {
            self.core.leave(&ticket, outcome);
        }
    }

    /// When a probe must have ended, as time since the clock was made; None for a call that is no probe.
    pub fn deadline(&self) -> Option<Duration> {
        deadline(self.ticket.as_ref())
    }
}

impl OwnedPermit {
    /// Says what became of the call.
    pub fn record(mut self, outcome: Outcome) {
        if let Some(ticket) = self.ticket.take() {
            self.core.leave(&ticket, outcome);
        }
    }

    /// When a probe must have ended, as time since the clock was made; None for a call that is no probe.
    pub fn deadline(&self) -> Option<Duration> {
        deadline(self.ticket.as_ref())
    }
}

fn deadline(ticket: Option<&Ticket>) -> Option<Duration> {
    match ticket?.kind {
        Kind::Probe { lease, .. } => Some(Duration::from_millis(super::packed::word::Tagged(lease).value())),
        Kind::Plain | Kind::Shadow | Kind::Free => None,
    }
}

/// What became of a call whose permit was dropped.
fn unsaid() -> Outcome {
    if std::thread::panicking() { Outcome::Failure } else { Outcome::Cancelled }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.core.leave(&ticket, unsaid());
        }
    }
}

impl Drop for OwnedPermit {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.core.leave(&ticket, unsaid());
        }
    }
}

impl Breaker {
    /// Asks whether a call may be made now.
    ///
    /// # Errors
    /// Why not, and when to come again.
    #[inline]
    pub fn admit(&self) -> Result<Permit<'_>, Rejected> {
        match self.0.enter() {
            Ok(ticket) => Ok(Permit { core: &self.0, ticket: Some(ticket) }),
            Err(refusal) => Err(self.0.rejected(refusal)),
        }
    }

    /// [`Breaker::admit`] for a call that outlives the borrow.
    ///
    /// # Errors
    /// Why not, and when to come again.
    pub fn admit_owned(&self) -> Result<OwnedPermit, Rejected> {
        match self.0.enter() {
            Ok(ticket) => Ok(OwnedPermit { core: Arc::clone(&self.0), ticket: Some(ticket) }),
            Err(refusal) => Err(self.0.rejected(refusal)),
        }
    }
}

impl Core {
    pub(super) fn rejected(&self, refusal: Refusal) -> Rejected {
        Rejected {
            policy: Policy::Breaker,
            name: self.name.clone(),
            reason: refusal.reason,
            retry_after: refusal.wait.map(Duration::from_nanos),
        }
    }
}
