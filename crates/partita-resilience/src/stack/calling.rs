//! A call on its way through the policies, from the outside in.

use super::call::Parts;
use super::judge::Judge;
use super::lasting::Keeps;
use super::time::TimeLeft;
use super::trial::Trial;
use crate::deadline::{Attempt, Context};
use crate::hedge::Hedge;
use crate::limiter::Reservation;
use crate::retry::{self, Course, Next, Place, gave_up};
use crate::sync::{Mutex, lock};
use crate::{Classify, Error, ErrorShape};
use partita_time::Sleep;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};

/// What a call does that makes no attempt of its own.
enum Wait<H> {
    /// Waits for its moment.
    Limited(Reservation),
    /// Waits for its next attempt.
    Pause(Sleep, Place),
    /// Makes several attempts at once.
    Hedged(Pin<Box<H>>),
}

/// What makes the work of attempts.
enum Work<F> {
    Own(F),
    /// That of several attempts at once, which make theirs by turns: with the lock it need not be `Sync`.
    Shared(Arc<Mutex<F>>),
}

pin_project! {
    /// A call in as many attempts as it needs and may have. Written by hand, because everything that it holds is made where it
    /// stays: what an async fn moves from one of its states to the next stalls on the stores of its parts.
    #[must_use = "futures do nothing unless polled"]
    pub(super) struct Calling<'a, C, S, M, F, W, B, H> {
        begun: bool,
        wait: Option<Wait<H>>,
        #[pin]
        trial: Trial<'a, C, S, W>,
        course: Option<Course<&'a retry::Core>>,
        work: Option<Work<F>>,
        hedged: B,
        left: TimeLeft<'a>,
        context: Context,
        given: Option<Context>,
        limited: bool,
        parts: &'a Parts<C, S>,
        shape: PhantomData<fn() -> M>,
    }
}

impl<'a, C, S, M, F, W, B, H> Calling<'a, C, S, M, F, W, B, H>
where
    B: Fn(&'a Hedge<Judge<C>>, Context, Arc<Mutex<F>>) -> H,
{
    /// In the current context where none is handed in, and for as long as it takes where its time is not `limited` here.
    #[inline(always)]
    pub(super) fn new(parts: &'a Parts<C, S>, given: Option<Context>, limited: bool, work: F, hedged: B) -> Self {
        let (trial, context, left) = (Trial::new(parts), Context::new(), TimeLeft::unlimited());
        let (begun, wait, course, work, shape) = (false, None, None, Some(Work::Own(work)), PhantomData);
        Self { begun, wait, trial, course, work, hedged, left, context, given, limited, parts, shape }
    }

    /// Begins the call.
    #[inline(always)]
    fn begin<E>(mut self: Pin<&mut Self>) -> Result<(), Error<E>> {
        let this = self.as_mut().project();
        let parts = *this.parts;
        this.context.read(this.given.as_ref());
        if *this.limited {
            *this.left = parts.begin(this.context)?;
        }
        if let Some(limiter) = &parts.limiter
            && let Some(moment) = limiter.pass()?
        {
            *this.wait = Some(Wait::Limited(moment));
            return Ok(());
        }
        self.take_up();
        Ok(())
    }

    /// Begins the first attempt.
    #[inline(always)]
    fn take_up(mut self: Pin<&mut Self>) {
        let this = self.as_mut().project();
        if let Some(retry) = &this.parts.retry {
            *this.course = Some(retry.begin(this.context, |timing| this.left.now(timing)));
        }
        self.attempt();
    }

    /// Begins an attempt.
    #[inline(always)]
    fn attempt(mut self: Pin<&mut Self>) {
        let this = self.as_mut().project();
        let began = Attempt::begin(this.context, || this.left.last_now(&this.parts.timing));
        this.trial.begin(this.context, began);
        if this.parts.hedge.is_some() {
            self.hedge();
        }
    }

    /// Begins several attempts at once.
    #[inline(never)]
    fn hedge(self: Pin<&mut Self>) {
        let this = self.project();
        let work = match this.work.take() {
            Some(Work::Own(work)) => Arc::new(Mutex::new(work)),
            Some(Work::Shared(work)) => work,
            None => return,
        };
        *this.work = Some(Work::Shared(Arc::clone(&work)));
        if let Some(hedge) = &this.parts.hedge {
            *this.wait = Some(Wait::Hedged(Box::pin((this.hedged)(hedge, this.context.clone(), work))));
        }
    }

    /// Waits for what comes before an attempt, and begins that.
    #[inline(never)]
    fn poll_wait<E>(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Result<(), Error<E>>> {
        let this = self.as_mut().project();
        let polled = match this.wait {
            Some(Wait::Limited(moment)) => Pin::new(moment).poll(cx),
            Some(Wait::Pause(sleep, _)) => sleep.as_mut().poll(cx),
            Some(Wait::Hedged(_)) | None => return Poll::Ready(Ok(())),
        };
        if ready!(this.left.limit(&this.parts.timing, polled, cx)).is_none() {
            (*this.wait, *this.course) = (None, None);
            return Poll::Ready(Err(this.left.over()));
        }
        match (this.wait.take(), this.course) {
            (Some(Wait::Pause(_, place)), Some(course)) => {
                course.again(this.context, place);
                self.attempt();
            }
            _ => self.take_up(),
        }
        Poll::Ready(Ok(()))
    }
}

impl<'a, C, S, T, X, M, F, W, B, H> Calling<'a, C, S, M, F, W, B, H>
where
    C: Classify<T, M::Inner>,
    M: ErrorShape<X> + Keeps<T>,
    M::Inner: fmt::Debug,
    F: Fn(Attempt) -> W,
    W: Future<Output = Result<T, X>>,
    B: Fn(&'a Hedge<Judge<C>>, Context, Arc<Mutex<F>>) -> H,
    H: Future<Output = Result<T, Error<M::Inner>>>,
{
    /// Goes on with an attempt.
    #[inline(always)]
    fn poll_attempt(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        failed: &mut Option<Error<M::Inner>>,
    ) -> Poll<Option<T>> {
        let this = self.project();
        let make = |attempt| match this.work {
            Some(Work::Own(work)) => Some(work(attempt)),
            Some(Work::Shared(work)) => Some(lock(work)(attempt)),
            None => None,
        };
        this.trial.poll::<M, _, _>(cx, this.context, make, failed)
    }

    /// Whether an answer ends the call; it is made again otherwise.
    #[inline(always)]
    fn suffices(self: Pin<&mut Self>, answer: &T) -> bool {
        let this = self.project();
        if let (Some(retry), Some(course)) = (&this.parts.retry, this.course)
            && let Next::Again(place, delay) = retry.next(course, this.context, Ok(answer))
        {
            *this.wait = Some(Wait::Pause(this.parts.timing.sleep(delay), place));
            return false;
        }
        this.left.sufficed();
        true
    }

    /// The error that ends the call; None where it is made again.
    #[inline(never)]
    fn fails(self: Pin<&mut Self>, error: Error<M::Inner>) -> Option<Error<M::Inner>> {
        let this = self.project();
        let next = match (&this.parts.retry, this.course) {
            (Some(retry), Some(course)) => retry.next(course, this.context, Err::<&T, _>(&error)),
            _ => Next::Return(None),
        };
        match next {
            Next::Again(place, delay) => {
                *this.wait = Some(Wait::Pause(this.parts.timing.sleep(delay), place));
                None
            }
            Next::Return(stop) => {
                this.left.sufficed();
                Some(match stop {
                    None => error,
                    Some(stop) => gave_up(this.context, error, stop),
                })
            }
        }
    }

    /// What has not sufficed: its error, if that ends the call, or that of the time that is over.
    #[inline(never)]
    fn poll_end(
        mut self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        polled: Poll<Option<T>>,
        failed: Option<Error<M::Inner>>,
    ) -> Poll<Option<Error<M::Inner>>> {
        let mut this = self.as_mut().project();
        let polled = polled.map(drop);
        if ready!(this.left.limit(&this.parts.timing, polled, cx)).is_none() {
            this.trial.set(Trial::new(this.parts));
            (*this.wait, *this.course) = (None, None);
            return Poll::Ready(Some(this.left.over()));
        }
        Poll::Ready(failed.and_then(|error| self.fails(error)))
    }

    /// Goes on with several attempts at once.
    #[inline(never)]
    fn poll_hedged(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        failed: &mut Option<Error<M::Inner>>,
    ) -> Poll<Option<T>> {
        let wait = self.project().wait;
        let Some(Wait::Hedged(attempts)) = wait else { return Poll::Pending };
        let end = ready!(attempts.as_mut().poll(cx));
        *wait = None;
        Poll::Ready(end.map_err(|error| *failed = Some(error)).ok())
    }
}

impl<'a, C, S, T, X, M, F, W, B, H> Future for Calling<'a, C, S, M, F, W, B, H>
where
    C: Classify<T, M::Inner>,
    M: ErrorShape<X> + Keeps<T>,
    M::Inner: fmt::Debug,
    F: Fn(Attempt) -> W,
    W: Future<Output = Result<T, X>>,
    B: Fn(&'a Hedge<Judge<C>>, Context, Arc<Mutex<F>>) -> H,
    H: Future<Output = Result<T, Error<M::Inner>>>,
{
    type Output = Result<T, Error<M::Inner>>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Self::Output> {
        if !self.begun {
            self.as_mut().begin()?;
            *self.as_mut().project().begun = true;
        }
        loop {
            if self.wait.is_some() {
                ready!(self.as_mut().poll_wait(cx))?;
            }
            let mut failed = None;
            let polled = if self.wait.is_none() {
                self.as_mut().poll_attempt(cx, &mut failed)
            } else {
                self.as_mut().poll_hedged(cx, &mut failed)
            };
            match polled {
                Poll::Ready(Some(answer)) if self.as_mut().suffices(&answer) => return Poll::Ready(Ok(answer)),
                polled => {
                    if let Some(error) = ready!(self.as_mut().poll_end(cx, polled, failed)) {
                        return Poll::Ready(Err(error));
                    }
                }
            }
        }
    }
}
