//! A call on its way through the policies, from the outside in.
//!
//! Two state machines in all, each built where it stays (`pin!` before `.await`: an awaited value is moved once more): one
//! repeats attempts within the time of the call, one makes an attempt. The clock is read once, when the call begins, for
//! all policies that it concerns.

use super::call::Parts;
use super::cut::Cut;
use super::lasting::Keeps;
use super::time::TimeLeft;
use crate::adaptive::Adaptive;
use crate::breaker::Breaker;
use crate::bulkhead::Bulkhead;
use crate::deadline::{Attempt, Context, NEVER, nanos};
use crate::retry::{Next, answer};
use crate::sync::{Mutex, lock};
use crate::{Classify, Error, ErrorShape, Outcome, PolicyKind, Reason, Rejected, breaker};
use std::fmt;
use std::future::Future;
use std::pin::pin;

impl<C, S> Parts<C, S> {
    /// Tells the context what the stack knows of its calls; the time left.
    #[inline(always)]
    pub(super) fn inform(&self, context: &mut Context) -> TimeLeft<'_> {
        if self.idempotent {
            context.set_idempotent();
        }
        if self.deadline.is_none() && context.ends() == NEVER {
            return TimeLeft::unlimited();
        }
        let now = self.timing.nanos();
        if let Some(limit) = self.deadline {
            context.end_at(now.saturating_add(nanos(limit)));
        }
        TimeLeft::until(context.ends(), now, &self.times)
    }

    /// Takes a call up, unless its time is over already.
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
    /// in, and for as long as it takes where its time is not `limited` here. An answer is moved on by itself: a copy of the
    /// whole end would stall on the stores of its parts.
    #[allow(clippy::manual_async_fn, reason = "an async fn moves its arguments once more")]
    pub(super) fn call<T, X, M, F, Fut>(
        &self,
        given: Option<Context>,
        limited: bool,
        mut work: F,
    ) -> impl Future<Output = Result<T, Error<M::Inner>>>
    where
        C: Classify<T, M::Inner>,
        M: ErrorShape<X> + Keeps<T>,
        M::Inner: fmt::Debug,
        F: Fn(Attempt) -> Fut,
        Fut: Future<Output = Result<T, X>>,
    {
        async move {
            let mut context = Context::new();
            context.read(given.as_ref());
            let mut left = if limited { self.inform(&mut context) } else { TimeLeft::unlimited() };
            if left.is_over() {
                return Err(self.too_late().into());
            }
            if let Some(limiter) = &self.limiter {
                left.race(&self.timing, pin!(limiter.pass())).await.ok_or_else(|| left.over())??;
            }
            let mut course = self.retry.as_ref().map(|retry| retry.begin(&mut context, |timing| left.now(timing)));
            loop {
                let mut end = None;
                match &self.hedge {
                    None => {
                        let began = Attempt::begin(&context, || left.last_now(&self.timing));
                        let attempt = pin!(self.attempt::<T, X, M, _, Fut>(&context, began, &mut work, &mut end));
                        left.race(&self.timing, attempt).await;
                    }
                    Some(hedge) => {
                        // Several attempts begin it by turns: with the lock it need not be `Sync`.
                        let work = Mutex::new(&mut work);
                        let attempt = |attempt| self.attempt_of::<T, X, M, F, Fut>(attempt, &work);
                        end = left.race(&self.timing, Box::pin(hedge.around(context.clone(), attempt)).as_mut()).await;
                    }
                }
                let next = match (&self.retry, &mut course, &end) {
                    (Some(retry), Some(course), Some(end)) => retry.next(course, &context, end),
                    _ => Next::Return(None),
                };
                let (place, delay) = match next {
                    Next::Return(stop) => {
                        left.ended(end.is_some());
                        return match end {
                            Some(Ok(answer)) => Ok(answer),
                            Some(Err(error)) if stop.is_none() => Err(error),
                            Some(end) => answer(&context, end, stop),
                            None => Err(left.over()),
                        };
                    }
                    Next::Again(place, delay) => (place, delay),
                };
                drop(end);
                if left.race(&self.timing, self.timing.sleep(delay).as_mut()).await.is_none() {
                    return Err(left.over());
                }
                if let Some(course) = &mut course {
                    course.again(&mut context, place);
                }
            }
        }
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
        if let Some(limiter) = &self.limiter {
            let Some(pass) = left.race(&self.timing, pin!(limiter.pass())).await else { return Err(left.over()) };
            pass?;
        }
        let began = Attempt::begin(&context, || left.last_now(&self.timing));
        let mut end = None;
        left.race(&self.timing, pin!(self.attempt::<T, X, M, _, Fut>(&context, began, |_| work(), &mut end))).await;
        let end = end.ok_or_else(|| left.over())?;
        left.sufficed();
        end
    }

    /// Makes one attempt of several at once.
    async fn attempt_of<T, X, M, F, Fut>(&self, attempt: Attempt, work: &Mutex<&mut F>) -> Result<T, Error<M::Inner>>
    where
        C: Classify<T, M::Inner>,
        M: ErrorShape<X> + Keeps<T>,
        F: Fn(Attempt) -> Fut,
        Fut: Future<Output = Result<T, X>>,
    {
        let mut end = None;
        let work = |attempt| lock(work)(attempt);
        pin!(self.attempt::<T, X, M, _, Fut>(attempt.context(), attempt.began(), work, &mut end)).await;
        end.unwrap_or_else(|| unreachable!("an attempt that is over has its end"))
    }

    /// Makes one attempt; how it ends stands in `end`, where a copy less is made of it.
    #[allow(clippy::manual_async_fn, reason = "an async fn moves its arguments once more")]
    fn attempt<T, X, M, F, Fut>(
        &self,
        context: &Context,
        began: u64,
        work: F,
        end: &mut Option<Result<T, Error<M::Inner>>>,
    ) -> impl Future<Output = ()>
    where
        C: Classify<T, M::Inner>,
        M: ErrorShape<X> + Keeps<T>,
        F: FnOnce(Attempt) -> Fut,
        Fut: Future<Output = Result<T, X>>,
    {
        async move {
            let mut permit = self.breaker.as_ref().and_then(Breaker::admit_quick);
            if permit.is_none()
                && let Some(breaker) = &self.breaker
            {
                match breaker.admit() {
                    Ok(probe) => permit = Some(probe),
                    Err(rejected) => return *end = Some(Err(rejected.into())),
                }
            }
            let refuse = |permit: Option<breaker::Permit<'_>>, rejected: Rejected| {
                permit.into_iter().for_each(|permit| permit.record(Outcome::Ignored));
                Some(Err(rejected.into()))
            };
            let mut from = began;
            let mut held = self.bulkhead.as_ref().map(Bulkhead::without_place);
            if let (Some(bulkhead), Some(held)) = (&self.bulkhead, &mut held)
                && !held.take()
            {
                match bulkhead.enter().await {
                    Ok(slot) => {
                        held.put(slot);
                        from = Attempt::begin(context, || self.timing.nanos());
                    }
                    Err(rejected) => return *end = refuse(permit, rejected),
                }
            }
            let mut adaptive = match self.adaptive.as_ref().map(Adaptive::try_acquire) {
                None => None,
                Some(Ok(permit)) => Some(permit),
                Some(Err(rejected)) => return *end = refuse(permit, rejected),
            };
            let limit = match self.timeout.as_ref().map(|timeout| timeout.begin(context)) {
                None => None,
                Some(Ok(limit)) => Some(limit),
                Some(Err(rejected)) => return *end = refuse(permit, rejected),
            };
            let mut cut = Cut::new(permit, (&mut held, &mut adaptive), self, (context, from));
            let end = {
                let work = pin!(context.scope_new(|| work(Attempt::at(context, began))));
                end.insert(match (&self.timeout, limit) {
                    (Some(timeout), Some(limit)) => timeout.limited::<_, M>(limit, work).await,
                    _ => work.await.map_err(M::lift),
                })
            };
            cut.settle::<_, _, M>(end);
        }
    }
}
