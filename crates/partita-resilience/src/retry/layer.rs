//! Retries as a tower layer.

use super::Retry;
use super::core::{Course, Next, Place, answer};
use crate::deadline::{Context, Scoped};
use crate::layered::{PolicyLayer, Serve, With, take_ready};
use crate::{Classify, Error, ErrorShape, Timing};
use partita_time::Sleep;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};
use tower_service::Service;

/// Makes a request a second time.
pub trait Repeat<R> {
    /// The request once more; None when that cannot be, and then it is never retried.
    fn repeat(&self, request: &R) -> Option<R>;

    /// What is known of this request beyond the current `context`, as that its method is idempotent.
    fn context(&self, request: &R, context: Context) -> Context {
        let _ = request;
        context
    }
}

/// Requests are cloned; whether they may be made twice is the policy's or the context's word.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByClone;

impl<R: Clone> Repeat<R> for ByClone {
    fn repeat(&self, request: &R) -> Option<R> {
        Some(request.clone())
    }
}

impl<R, F: Fn(&R) -> Option<R>> Repeat<R> for F {
    fn repeat(&self, request: &R) -> Option<R> {
        self(request)
    }
}

impl<C> Retry<C> {
    /// As a layer; requests are cloned.
    pub fn layer(&self) -> PolicyLayer<With<Self, ByClone>> {
        PolicyLayer::new(With { policy: self.clone(), ask: ByClone })
    }
}

impl<C, R, M> PolicyLayer<With<Retry<C>, R>, M> {
    /// Requests are made again by `repeat`.
    #[must_use]
    pub fn repeat<S>(self, repeat: S) -> PolicyLayer<With<Retry<C>, S>, M> {
        self.with(repeat)
    }
}

impl<S, Q, C, R, M> Serve<S, Q, M> for With<Retry<C>, R>
where
    S: Service<Q> + Clone,
    M: ErrorShape<S::Error>,
    M::Inner: fmt::Debug,
    C: Classify<S::Response, M::Inner>,
    R: Repeat<Q> + Clone,
{
    type Response = S::Response;
    type Future = ResponseFuture<S, Q, C, R, M>;

    fn serve(&self, inner: &mut S, request: Q) -> Self::Future {
        let Self { policy, ask: repeat } = self.clone();
        let mut service = take_ready(inner);
        let mut context = repeat.context(&request, Context::current());
        let mut course = Course::begin(policy, &mut context, Timing::nanos);
        let spare = repeat.repeat(&request);
        if spare.is_none() {
            course.cannot_repeat();
        }
        let work = context.clone().scope_with(|| service.call(request));
        ResponseFuture { course, context, service, spare, repeat, state: State::Calling { work }, shape: PhantomData }
    }
}

pin_project! {
    /// The response to a call that may be made again.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Q, C, R, M>
    where
        S: Service<Q>,
    {
        course: Course<Retry<C>>,
        context: Context,
        service: S,
        spare: Option<Q>,
        repeat: R,
        #[pin]
        state: State<S::Future>,
        shape: PhantomData<fn() -> M>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F> {
        Calling { #[pin] work: Scoped<F> },
        Waiting { sleep: Sleep, place: Place },
        Readying,
    }
}

impl<S, Q, C, R, M> Future for ResponseFuture<S, Q, C, R, M>
where
    S: Service<Q>,
    M: ErrorShape<S::Error>,
    M::Inner: fmt::Debug,
    C: Classify<S::Response, M::Inner>,
    R: Repeat<Q>,
{
    type Output = Result<S::Response, Error<M::Inner>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Task<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let result = match this.state.as_mut().project() {
                StateProj::Calling { work } => ready!(work.poll(cx)).map_err(M::lift),
                StateProj::Waiting { sleep, place } => {
                    ready!(sleep.as_mut().poll(cx));
                    this.course.again(this.context, place.take());
                    this.state.set(State::Readying);
                    continue;
                }
                StateProj::Readying => match ready!(this.service.poll_ready(cx)) {
                    Ok(()) => {
                        let Some(request) = this.spare.take() else {
                            unreachable!("a retry is planned only with a request to make")
                        };
                        *this.spare = this.repeat.repeat(&request);
                        if this.spare.is_none() {
                            this.course.cannot_repeat();
                        }
                        let work = this.context.clone().scope_with(|| this.service.call(request));
                        this.state.set(State::Calling { work });
                        continue;
                    }
                    Err(error) => Err(M::lift(error)),
                },
            };
            let retry = this.course.hold().clone();
            match retry.next(this.course, this.context, result.as_ref()) {
                Next::Return(None) => return Poll::Ready(result),
                Next::Return(stop) => return Poll::Ready(answer(this.context, result, stop)),
                Next::Again(place, delay) => {
                    let sleep = retry.timing().sleep(delay);
                    this.state.set(State::Waiting { sleep, place });
                }
            }
        }
    }
}

impl<S: Service<Q>, Q, C, R, M> fmt::Debug for ResponseFuture<S, Q, C, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("retry::ResponseFuture")
    }
}
