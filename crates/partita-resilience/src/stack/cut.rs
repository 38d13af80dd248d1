//! Attempts that a deadline cuts short.

use super::call::Parts;
use super::lasting::Keeps;
use super::permits::Permits;
use crate::breaker::Permit;
use crate::bulkhead::{Core, Held};
use crate::deadline::{Context, nanos};
use crate::verdict::outcome;
use crate::{Classify, Error, Outcome, adaptive};

/// What an attempt holds. An attempt that its deadline cuts short is no failure to the breaker: who says that it would not
/// have answered? But one that had at least half of the stack's own deadline was a slow call, which the adaptive limit has
/// seen for so long, and which the bulkhead counts as failed.
pub(super) struct Cut<'a, 'h, C, S> {
    permit: Option<Permit<'a>>,
    held: &'h mut Option<Held<&'a Core>>,
    adaptive: &'h mut Option<adaptive::Permit>,
    parts: &'a Parts<C, S>,
    context: &'h Context,
    /// When the work began, in nanoseconds of the clock.
    from: u64,
    /// Whether the attempt has an end.
    ended: bool,
}

impl<'a, 'h, C, S> Cut<'a, 'h, C, S> {
    #[inline(always)]
    pub(super) const fn new(
        permit: Option<Permit<'a>>,
        (held, adaptive): (&'h mut Option<Held<&'a Core>>, &'h mut Option<adaptive::Permit>),
        parts: &'a Parts<C, S>,
        (context, from): (&'h Context, u64),
    ) -> Self {
        Self { permit, held, adaptive, parts, context, from, ended: false }
    }

    /// Gives back what an attempt held, with how it ended, or leaves it to the answer.
    #[inline(always)]
    pub(super) fn settle<T, E, M>(&mut self, end: &mut Result<T, Error<E>>)
    where
        C: Classify<T, E>,
        M: Keeps<T>,
    {
        let judged = outcome(&self.parts.judge, end);
        match end {
            Ok(answer) if M::KEEPS => M::keep(answer, self.keep(judged), judged),
            _ => self.end(judged),
        }
    }

    fn keep(&mut self, judged: Outcome) -> Permits {
        self.ended = true;
        let breaker = self.parts.breaker.as_ref().zip(self.permit.take());
        let bulkhead = self.parts.bulkhead.as_ref().zip(self.held.take());
        Permits::new(judged, breaker, bulkhead, self.adaptive.take())
    }

    #[inline(always)]
    fn end(&mut self, judged: Outcome) {
        if judged == Outcome::Cancelled {
            return;
        }
        self.ended = true;
        if let Some(permit) = self.adaptive.take() {
            permit.finish(judged);
        }
        if let Some(held) = self.held {
            held.finish(judged);
        }
        if let Some(permit) = &mut self.permit {
            permit.end(judged);
        }
    }

    #[cold]
    fn cut(&mut self) {
        let had = self.context.ends().saturating_sub(self.from);
        let enough = self.parts.deadline.is_some_and(|deadline| had >= nanos(deadline) / 2);
        if !enough || self.parts.timing.nanos() < self.context.ends() {
            return;
        }
        if let Some(permit) = self.adaptive.take() {
            permit.finish(Outcome::Failure);
        }
        if let Some(held) = self.held {
            held.finish(Outcome::Failure);
        }
        if let Some(permit) = &mut self.permit {
            permit.end_cut();
        }
    }
}

impl<C, S> Drop for Cut<'_, '_, C, S> {
    #[inline(always)]
    fn drop(&mut self) {
        if !self.ended {
            self.cut();
        }
    }
}
