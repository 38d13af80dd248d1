//! Attempts that a deadline cuts short.

use super::call::Parts;
use crate::Outcome;
use crate::breaker::Permit;
use crate::deadline::{Context, nanos};

/// An attempt's permit from the breaker. An attempt that its deadline cuts short is no failure: who says that it would not
/// have answered? But one that had at least half of the stack's own deadline was a slow call.
pub(super) struct Cut<'a, C, S> {
    permit: Option<Permit<'a>>,
    parts: &'a Parts<C, S>,
    context: &'a Context,
    /// When the work began, in nanoseconds of the clock.
    from: u64,
}

impl<'a, C, S> Cut<'a, C, S> {
    #[inline(always)]
    pub(super) const fn new(
        permit: Option<Permit<'a>>,
        parts: &'a Parts<C, S>,
        context: &'a Context,
        from: u64,
    ) -> Self {
        Self { permit, parts, context, from }
    }

    #[inline(always)]
    pub(super) const fn take(&mut self) -> Option<Permit<'a>> {
        self.permit.take()
    }

    /// Gives it back with how the attempt was judged.
    #[inline(always)]
    pub(super) fn end(&mut self, judged: Outcome) {
        if let Some(permit) = &mut self.permit
            && judged != Outcome::Cancelled
        {
            permit.end(judged);
        }
    }

    #[cold]
    fn cut(&mut self) {
        let had = self.context.ends().saturating_sub(self.from);
        let enough = self.parts.deadline.is_some_and(|deadline| had >= nanos(deadline) / 2);
        if let Some(permit) = &mut self.permit
            && enough
            && self.parts.timing.nanos() >= self.context.ends()
        {
            permit.end_cut();
        }
    }
}

impl<C, S> Drop for Cut<'_, C, S> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.permit.as_ref().is_some_and(Permit::is_held) {
            self.cut();
        }
    }
}
