//! Where a hedged call stands, attempt by attempt.

use super::core::Core;
use crate::budget::Deposit;
use crate::deadline::{Attempt, Context, Scoped};
use crate::verdict::Verdict;
use crate::{Classify, Error};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// An attempt beside the first one.
pub(super) struct Running<W> {
    pub(super) work: Pin<Box<Scoped<W>>>,
    pub(super) started: Duration,
}

/// Where the call stands.
pub(super) struct Course {
    pub(super) context: Context,
    pub(super) begun: u32,
    pub(super) first_started: Duration,
    pub(super) last_started: Duration,
    /// No further attempt: the budget is spent, the breaker open, or there is no further operation.
    pub(super) stopped: bool,
    /// Too little room was left when a further attempt was due.
    pub(super) crowded: bool,
    /// Failed attempts in whose place the next one begins at once.
    pub(super) owed: u32,
    pub(super) over: bool,
    /// What its first attempt put into the budget.
    pub(super) deposit: Option<Deposit>,
}

/// What ended without winning.
pub(super) struct Ends<T, E> {
    pub(super) errors: Vec<Error<E>>,
    /// An answer that was judged a failure: better than an error, if nothing better comes.
    pub(super) answer: Option<T>,
}

impl Course {
    pub(super) const fn new(context: Context) -> Self {
        Self {
            context,
            begun: 0,
            first_started: Duration::ZERO,
            last_started: Duration::ZERO,
            stopped: false,
            crowded: false,
            owed: 0,
            over: false,
            deposit: None,
        }
    }

    pub(super) fn attempt(&mut self, core: &Core) -> Attempt {
        self.begun += 1;
        self.last_started = core.timing.now();
        let number = self.context.number().saturating_add(self.begun - 1);
        Attempt::new(self.context.clone().attempt(number), &core.timing)
    }

    /// Whether another attempt may begin, paid for.
    pub(super) fn may_begin(&mut self, core: &Core) -> bool {
        if !self.stopped && (self.begun > core.max_hedges || !core.admit(self.begun + 1)) {
            self.stopped = true;
        }
        !self.stopped
    }

    /// An attempt that began at `started` ended: the end of the call, or None while others may do better.
    pub(super) fn take<T, E, C>(
        &mut self,
        ends: &mut Ends<T, E>,
        (core, judge): (&Core, &C),
        started: Duration,
        end: Result<T, Error<E>>,
    ) -> Option<Result<T, Error<E>>>
    where
        C: Classify<T, E>,
    {
        let verdict = Verdict::of(judge, end.as_ref());
        if verdict == Verdict::Good {
            core.observe(started, true);
        }
        match (verdict, end) {
            (Verdict::Good | Verdict::Final, end) => return Some(end),
            (_, Ok(answer)) => ends.answer = Some(answer),
            (_, Err(error)) => ends.errors.push(error),
        }
        self.owed += u32::from(verdict != Verdict::Ours);
        None
    }

    pub(super) fn dropped<W>(&self, core: &Core, first: bool, more: &[Running<W>]) {
        if first {
            core.observe(self.first_started, false);
        }
        more.iter().for_each(|running| core.observe(running.started, false));
        if self.begun == 1 && !self.over {
            core.counts.calls.fetch_sub(1, Ordering::Relaxed);
            self.deposit.into_iter().for_each(|deposit| core.budget.take_back(deposit));
        }
    }

    /// The first attempt ended; it deposits only if it reached the dependency.
    pub(super) fn first_ended<T, E>(&mut self, core: &Core, end: &Result<T, Error<E>>) {
        if end.as_ref().is_err_and(Error::is_refusal) {
            self.deposit.take().into_iter().for_each(|deposit| core.budget.take_back(deposit));
        }
    }
}

impl<T, E> Ends<T, E> {
    pub(super) const fn new() -> Self {
        Self { errors: Vec::new(), answer: None }
    }

    pub(super) fn all_failed(&mut self) -> Result<T, Error<E>> {
        match (self.answer.take(), self.errors.pop()) {
            (Some(answer), _) => Ok(answer),
            (None, Some(only)) if self.errors.is_empty() => Err(only),
            (None, last) => {
                let mut errors = std::mem::take(&mut self.errors);
                errors.extend(last);
                Err(Error::AllHedgesFailed(errors))
            }
        }
    }
}
