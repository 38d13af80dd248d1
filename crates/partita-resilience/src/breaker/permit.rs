//! The right to make one call.

use super::Breaker;
use super::core::{Core, Kind, Refusal, Ticket};
use crate::{Outcome, PolicyKind, Rejected};
use std::hint::cold_path;
use std::sync::Arc;
use std::time::Duration;

/// The right to make one call; [`Permit::record`] says what became of it.
///
/// Dropped without a record it counts as cancelled, or as a failure when the thread panics.
#[derive(Debug)]
#[must_use = "dropped at once, the call counts as cancelled"]
pub struct Permit<'a> {
    core: Option<&'a Core>,
    ticket: Ticket,
}

/// A [`Permit`] that keeps its breaker alive, for calls that outlive the borrow.
#[derive(Debug)]
#[must_use = "dropped at once, the call counts as cancelled"]
pub struct OwnedPermit {
    core: Option<Arc<Core>>,
    ticket: Ticket,
}

impl<'a> Permit<'a> {
    #[inline(always)]
    pub(super) const fn of(core: &'a Core, ticket: Ticket) -> Self {
        Self { core: Some(core), ticket }
    }

    /// Says what became of the call.
    #[inline(always)]
    pub fn record(mut self, outcome: Outcome) {
        self.end(outcome);
    }

    /// Word by word: a copy of the whole would stall on the stores that made it.
    #[inline(always)]
    pub(crate) fn end(&mut self, outcome: Outcome) {
        if let Some(core) = self.core.take() {
            let Ticket { word, start, extra } = self.ticket;
            core.leave(Ticket { word, start, extra }, outcome);
        }
    }

    /// The deadline cut the call short, although it had its time: it counts as a slow one.
    #[cold]
    pub(crate) fn end_cut(&mut self) {
        if let Some(core) = self.core.take() {
            core.leave_cut(self.ticket);
        }
    }

    /// The call waits for something of ours before it begins: no time of it passes until [`Permit::begins`].
    #[cold]
    pub(crate) fn waits(&mut self) {
        if let Some(core) = self.core {
            core.pause(&mut self.ticket);
        }
    }

    /// The call begins now.
    #[cold]
    pub(crate) fn begins(&mut self) {
        if let Some(core) = self.core {
            core.resume(&mut self.ticket);
        }
    }

    /// When a probe must have ended, as time since the clock was made; None for a call that is no probe.
    pub const fn deadline(&self) -> Option<Duration> {
        deadline(self.ticket)
    }
}

/// A call that goes on after its answer began. How long it took is known: how fast a body is read, its reader decides.
#[derive(Debug)]
pub(crate) struct Headed {
    permit: OwnedPermit,
    /// When the answer began, in nanoseconds of the coarse clock.
    at: u64,
}

impl Headed {
    /// Says what became of the call.
    pub(crate) fn finish(mut self, outcome: Outcome) {
        if let Some(core) = &self.permit.core {
            self.permit.ticket.start += core.now().saturating_sub(self.at);
        }
        self.permit.record(outcome);
    }
}

impl OwnedPermit {
    /// When the call began, as time since the clock was made.
    #[cfg(feature = "http")]
    pub(crate) const fn began(&self) -> Duration {
        Duration::from_nanos(self.ticket.start)
    }

    /// Says what became of the call.
    pub fn record(mut self, outcome: Outcome) {
        if let Some(core) = self.core.take() {
            core.leave(self.ticket, outcome);
        }
    }

    /// When a probe must have ended, as time since the clock was made; None for a call that is no probe.
    pub const fn deadline(&self) -> Option<Duration> {
        deadline(self.ticket)
    }
}

const fn deadline(ticket: Ticket) -> Option<Duration> {
    match ticket.kind() {
        Kind::Probe { deadline, .. } => Some(Duration::from_millis(deadline)),
        Kind::Plain { .. } | Kind::Shadow | Kind::Free => None,
    }
}

impl Drop for Permit<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(core) = self.core.take() {
            core.leave_unsaid(self.ticket);
        }
    }
}

impl Drop for OwnedPermit {
    fn drop(&mut self) {
        if let Some(core) = self.core.take() {
            core.leave_unsaid(self.ticket);
        }
    }
}

impl Breaker {
    /// Asks whether a call may be made now.
    ///
    /// # Errors
    /// Why not, and when to come again.
    #[inline(always)]
    pub fn admit(&self) -> Result<Permit<'_>, Rejected> {
        let core = &*self.0;
        if let Some(ticket) = core.enter_quick() {
            return Ok(Permit::of(core, ticket));
        }
        match core.refuse_quick() {
            Some(refusal) => Err(core.rejected(refusal)),
            None => {
                cold_path();
                core.admit()
            }
        }
    }

    /// The permit of a healthy breaker; None when somebody has to look closer, as [`Breaker::admit`] does.
    #[inline(always)]
    pub(crate) fn admit_quick(&self) -> Option<Permit<'_>> {
        let core = &*self.0;
        core.enter_quick().map(|ticket| Permit::of(core, ticket))
    }

    /// [`Breaker::admit`] for a call that outlives the borrow.
    ///
    /// # Errors
    /// Why not, and when to come again.
    pub fn admit_owned(&self) -> Result<OwnedPermit, Rejected> {
        match self.0.enter() {
            Ok(ticket) => Ok(OwnedPermit { core: Some(Arc::clone(&self.0)), ticket }),
            Err(refusal) => Err(self.0.rejected(refusal)),
        }
    }
}

impl Breaker {
    /// Goes on with a call whose answer began and was judged so. None where that decides: what is bad already becomes no
    /// better, and a probe has little time.
    pub(crate) fn headed(&self, mut permit: Permit<'_>, judged: Outcome) -> Option<Headed> {
        if permit.deadline().is_some() || judged != Outcome::Success {
            permit.end(judged);
            return None;
        }
        let (core, mut ticket) = (permit.core.take().map(|_| Arc::clone(&self.0)), permit.ticket);
        let at = self.0.now();
        if matches!(ticket.kind(), Kind::Plain { .. }) {
            self.0.head(&mut ticket);
        }
        Some(Headed { permit: OwnedPermit { core, ticket }, at })
    }
}

impl Core {
    /// What became of a call whose permit was dropped.
    #[cold]
    #[inline(never)]
    fn leave_unsaid(&self, ticket: Ticket) {
        self.leave(ticket, if std::thread::panicking() { Outcome::Failure } else { Outcome::Cancelled });
    }

    #[inline(never)]
    fn admit(&self) -> Result<Permit<'_>, Rejected> {
        match self.enter() {
            Ok(ticket) => Ok(Permit::of(self, ticket)),
            Err(refusal) => Err(self.rejected(refusal)),
        }
    }

    #[inline(always)]
    pub(super) fn rejected(&self, refusal: Refusal) -> Rejected {
        Rejected {
            policy: PolicyKind::Breaker,
            name: self.name.clone(),
            reason: refusal.reason,
            retry_after: refusal.wait,
        }
    }
}
