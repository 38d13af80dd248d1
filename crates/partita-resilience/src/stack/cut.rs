//! Attempts that a deadline cuts short.

use super::call::Parts;
use super::lasting::Keeps;
use super::permits::Permits;
use crate::breaker::Permit;
use crate::bulkhead::{Core, Held};
use crate::deadline::NEVER;
use crate::verdict::outcome_of;
use crate::{Classify, Error, Outcome, adaptive};

/// What an attempt holds. An attempt that its deadline cuts short is no failure to the breaker: who says that it would not
/// have answered? But one that had at least half of the stack's own deadline was a slow call, which the adaptive limit has
/// seen for so long, and which the bulkhead counts as failed.
pub(super) struct Cut<'a, C, S> {
    pub(super) permit: Option<Permit<'a>>,
    pub(super) adaptive: Option<adaptive::Permit>,
    pub(super) held: Option<Held<&'a Core>>,
    pub(super) parts: &'a Parts<C, S>,
    /// When the work began, in nanoseconds of the clock.
    pub(super) from: u64,
    /// When its time is over.
    pub(super) ends: u64,
    /// Whether the work has begun and has no end.
    pub(super) runs: bool,
}

impl<'a, C, S> Cut<'a, C, S> {
    #[inline(always)]
    pub(super) const fn new(parts: &'a Parts<C, S>) -> Self {
        Self { permit: None, adaptive: None, held: None, parts, from: 0, ends: NEVER, runs: false }
    }

    /// Gives back what an attempt held, with what its answer says, or leaves it to the answer.
    #[inline(always)]
    pub(super) fn settle<T, E, M>(&mut self, answer: &mut T)
    where
        C: Classify<T, E>,
        M: Keeps<T>,
    {
        let judged = self.parts.judge.classify(Ok(answer));
        if M::KEEPS { M::keep(answer, self.keep(judged), judged) } else { self.end(judged) }
    }

    /// Gives back what an attempt held that failed.
    pub(super) fn settle_failed<T, E>(&mut self, error: &Error<E>)
    where
        C: Classify<T, E>,
    {
        self.end(outcome_of::<T, _, _>(&self.parts.judge, error));
    }

    fn keep(&mut self, judged: Outcome) -> Permits {
        self.runs = false;
        let breaker = self.parts.breaker.as_ref().zip(self.permit.take());
        let bulkhead = self.parts.bulkhead.as_ref().zip(self.held.take());
        Permits::new(judged, breaker, bulkhead, self.adaptive.take())
    }

    #[inline(always)]
    fn end(&mut self, judged: Outcome) {
        if judged == Outcome::Cancelled {
            *self = Self::new(self.parts);
            return;
        }
        self.runs = false;
        if let Some(permit) = self.adaptive.take() {
            permit.finish(judged);
        }
        if let Some(held) = &mut self.held {
            held.finish(judged);
        }
        if let Some(permit) = &mut self.permit {
            permit.end(judged);
        }
    }

    #[cold]
    fn cut(&mut self) {
        let had = self.ends.saturating_sub(self.from);
        let whole = self.parts.deadline;
        if whole == NEVER || had < whole / 2 || self.parts.timing.nanos() < self.ends {
            return;
        }
        if let Some(permit) = self.adaptive.take() {
            permit.finish(Outcome::Failure);
        }
        if let Some(held) = &mut self.held {
            held.finish(Outcome::Failure);
        }
        if let Some(permit) = &mut self.permit {
            permit.end_cut();
        }
    }
}

impl<C, S> Drop for Cut<'_, C, S> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.runs {
            self.cut();
        }
    }
}
