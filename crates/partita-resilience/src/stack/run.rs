//! Calls through the policies, from the outside in. The clock is read once, when a call begins, for all policies that it
//! concerns.

use super::call::Parts;
use super::calling::Calling;
use super::judge::Judge;
use super::lasting::Keeps;
use super::time::TimeLeft;
use super::trial::Trial;
use crate::deadline::{Attempt, Context, NEVER};
use crate::hedge::Hedge;
use crate::sync::{Mutex, lock};
use crate::{Classify, Error, ErrorShape, PolicyKind, Reason, Rejected};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;

impl<C, S> Parts<C, S> {
    /// Tells the context what the stack knows of its calls; the time left.
    #[inline(always)]
    fn inform(&self, context: &mut Context) -> TimeLeft<'_> {
        if self.idempotent {
            context.set_idempotent();
        }
        if self.deadline == NEVER && context.ends() == NEVER {
            return TimeLeft::unlimited();
        }
        let now = self.timing.nanos();
        if self.deadline != NEVER {
            context.end_at(now.saturating_add(self.deadline));
        }
        TimeLeft::until(context.ends(), now, &self.times)
    }

    /// Takes a call up, unless its time is over already.
    #[inline(always)]
    pub(super) fn begin(&self, context: &mut Context) -> Result<TimeLeft<'_>, Rejected> {
        let left = self.inform(context);
        if left.is_over() { Err(self.too_late()) } else { Ok(left) }
    }

    #[cold]
    fn too_late(&self) -> Rejected {
        self.times.refused();
        let (policy, reason) = (PolicyKind::Deadline, Reason::DeadlinePassed);
        Rejected { policy, name: self.name.clone(), reason, retry_after: None }
    }

    /// Takes a call to its end, in as many attempts as that needs and may have: in the current context where none is handed
    /// in, and for as long as it takes where its time is not `limited` here.
    #[inline(always)]
    pub(super) fn call<'a, T, X, M, F, Fut>(
        &'a self,
        given: Option<Context>,
        limited: bool,
        work: F,
    ) -> impl Future<Output = Result<T, Error<M::Inner>>>
    where
        C: Classify<T, M::Inner>,
        M: ErrorShape<X> + Keeps<T>,
        M::Inner: fmt::Debug,
        F: Fn(Attempt) -> Fut,
        Fut: Future<Output = Result<T, X>>,
    {
        let hedged = move |hedge: &'a Hedge<Judge<C>>, context, work: Arc<Mutex<F>>| {
            let attempt = move |attempt| self.attempt_of::<T, X, M, F, Fut>(attempt, Arc::clone(&work));
            hedge.around(context, attempt)
        };
        Calling::<'_, C, S, M, F, Fut, _, _>::new(self, given, limited, work, hedged)
    }

    /// Takes a call to its end that can be made only once.
    pub(super) async fn call_once<T, X, M, F, Fut>(
        &self,
        mut context: Context,
        limited: bool,
        work: F,
    ) -> Result<T, Error<M::Inner>>
    where
        C: Classify<T, M::Inner>,
        M: ErrorShape<X> + Keeps<T>,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, X>>,
    {
        let mut left = if limited { self.begin(&mut context)? } else { TimeLeft::unlimited() };
        if let Some(limiter) = &self.limiter
            && let Some(mut moment) = limiter.pass()?
        {
            left.race(&self.timing, Pin::new(&mut moment)).await.ok_or_else(|| left.over())?;
        }
        let began = Attempt::begin(&context, || left.last_now(&self.timing));
        let attempt = pin!(self.attempt::<T, X, M, _, Fut>(&context, began, |_| work()));
        let end = left.race(&self.timing, attempt).await.ok_or_else(|| left.over())?;
        left.sufficed();
        end
    }

    /// Makes one attempt of several at once.
    async fn attempt_of<T, X, M, F, Fut>(&self, attempt: Attempt, work: Arc<Mutex<F>>) -> Result<T, Error<M::Inner>>
    where
        C: Classify<T, M::Inner>,
        M: ErrorShape<X> + Keeps<T>,
        F: Fn(Attempt) -> Fut,
        Fut: Future<Output = Result<T, X>>,
    {
        let work = |attempt| lock(&work)(attempt);
        pin!(self.attempt::<T, X, M, _, Fut>(attempt.context(), attempt.began(), work)).await
    }

    /// Makes one attempt.
    async fn attempt<T, X, M, F, Fut>(&self, context: &Context, began: u64, work: F) -> Result<T, Error<M::Inner>>
    where
        C: Classify<T, M::Inner>,
        M: ErrorShape<X> + Keeps<T>,
        F: FnOnce(Attempt) -> Fut,
        Fut: Future<Output = Result<T, X>>,
    {
        let mut trial = pin!(Trial::new(self));
        trial.as_mut().begin(context, began);
        let (mut work, mut failed) = (Some(work), None);
        let mut make = |attempt| work.take().map(|work| work(attempt));
        let end = poll_fn(|cx| trial.as_mut().poll::<M, _, _>(cx, context, &mut make, &mut failed)).await;
        match (end, failed) {
            (Some(answer), _) => Ok(answer),
            (None, Some(error)) => Err(error),
            (None, None) => unreachable!("an attempt that is over has its end"),
        }
    }
}
