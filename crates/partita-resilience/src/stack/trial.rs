//! One attempt on its way: what lets it begin, its work, and what is told of its end.

use super::call::Parts;
use super::cut::Cut;
use super::lasting::Keeps;
use crate::adaptive::Adaptive;
use crate::breaker::Permit;
use crate::bulkhead::{Bulkhead, Enter};
use crate::deadline::{Attempt, Context};
use crate::timed::Limited;
use crate::{Classify, Error, ErrorShape, Outcome, Rejected, timeout};
use pin_project_lite::pin_project;
use std::future::Future;
use std::pin::Pin;
use std::task::{self, Poll, ready};

type Limit<'a> = Option<Limited<&'a timeout::Core>>;

pin_project! {
    /// Room for one attempt at a time.
    pub(super) struct Trial<'a, C, S, F> {
        enter: Option<Enter>,
        limit: Limit<'a>,
        #[pin]
        work: Option<F>,
        cut: Cut<'a, C, S>,
        began: u64,
    }
}

impl<'a, C, S, F> Trial<'a, C, S, F> {
    /// Room for attempts of a stack.
    #[inline(always)]
    pub(super) const fn new(parts: &'a Parts<C, S>) -> Self {
        Self { enter: None, limit: None, work: None, cut: Cut::new(parts), began: 0 }
    }

    /// The next attempt begins, at a moment of [`Attempt::begin`].
    #[inline(always)]
    pub(super) fn begin(self: Pin<&mut Self>, context: &Context, began: u64) {
        let this = self.project();
        *this.began = began;
        (this.cut.from, this.cut.ends) = (began, context.ends());
    }

    /// Goes on with an attempt whose work `make` makes. None where it failed: the error stands in `failed` then, because an
    /// answer beside which it has no room is moved for less.
    #[inline(always)]
    pub(super) fn poll<M, T, X>(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        context: &Context,
        make: impl FnOnce(Attempt) -> Option<F>,
        failed: &mut Option<Error<M::Inner>>,
    ) -> Poll<Option<T>>
    where
        C: Classify<T, M::Inner>,
        M: ErrorShape<X> + Keeps<T>,
        F: Future<Output = Result<T, X>>,
    {
        let mut this = self.project();
        if !this.cut.runs
            && let Err(rejected) = ready!(this.cut.begin(this.enter, this.limit, context, cx))
        {
            this.cut.refused();
            *failed = Some(rejected.into());
            return Poll::Ready(None);
        }
        let polled = context.during(|| {
            if this.work.is_none() {
                this.work.set(make(Attempt::at(context, *this.began)));
            }
            this.work.as_mut().as_pin_mut().map_or(Poll::Pending, |work| work.poll(cx))
        });
        let error = match polled {
            Poll::Ready(Ok(mut answer)) => {
                this.limit.iter_mut().for_each(|limit| limit.ended(true));
                this.work.set(None);
                this.cut.settle::<_, _, M>(&mut answer);
                return Poll::Ready(Some(answer));
            }
            Poll::Ready(Err(error)) => {
                this.limit.iter_mut().for_each(|limit| limit.ended(false));
                M::lift(error)
            }
            Poll::Pending => match this.limit {
                None => return Poll::Pending,
                Some(limit) => ready!(limit.poll_over(cx)),
            },
        };
        this.work.set(None);
        this.cut.settle_failed(&error);
        *failed = Some(error);
        Poll::Ready(None)
    }
}

impl<'a, C, S> Cut<'a, C, S> {
    /// Passes all policies before the work.
    #[inline(always)]
    fn begin(
        &mut self,
        enter: &mut Option<Enter>,
        limit: &mut Limit<'a>,
        context: &Context,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<(), Rejected>> {
        let parts = self.parts;
        if enter.is_none() {
            if let Some(breaker) = &parts.breaker {
                self.permit = breaker.admit_quick();
                if self.permit.is_none() {
                    self.permit = Some(breaker.admit()?);
                }
            }
            self.held = parts.bulkhead.as_ref().map(Bulkhead::without_place);
            if let (Some(bulkhead), Some(held)) = (&parts.bulkhead, &mut self.held)
                && !held.take()
            {
                *enter = Some(bulkhead.enter());
            }
        }
        if enter.is_some() {
            ready!(self.wait(enter, context, cx))?;
        }
        if let Some(adaptive) = parts.adaptive.as_ref().map(Adaptive::try_acquire) {
            self.adaptive = Some(adaptive?);
        }
        if let Some(timeout) = &parts.timeout {
            *limit = Some(timeout.limited(timeout.begin(context)?));
        }
        self.runs = true;
        Poll::Ready(Ok(()))
    }

    /// Waits for a place in the bulkhead.
    #[cold]
    fn wait(
        &mut self,
        enter: &mut Option<Enter>,
        context: &Context,
        cx: &mut task::Context<'_>,
    ) -> Poll<Result<(), Rejected>> {
        let Some(waiting) = enter else { return Poll::Ready(Ok(())) };
        self.permit.iter_mut().for_each(Permit::waits);
        let end = ready!(Pin::new(waiting).poll(cx));
        *enter = None;
        if let Some(held) = &mut self.held {
            held.put(end?);
        }
        self.permit.iter_mut().for_each(Permit::begins);
        self.from = Attempt::begin(context, || self.parts.timing.nanos());
        Poll::Ready(Ok(()))
    }

    /// A policy of ours refused: the breaker does not count that.
    #[cold]
    fn refused(&mut self) {
        self.permit.take().into_iter().for_each(|permit| permit.record(Outcome::Ignored));
        (self.held, self.adaptive) = (None, None);
    }
}
