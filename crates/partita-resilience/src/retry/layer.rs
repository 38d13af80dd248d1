//! Retries as a tower layer.

use super::Retry;
use super::core::{Course, Next, Place};
use crate::deadline::{Context, Scoped};
use crate::{ByResult, Classify, Error, ErrorShape, Nested, Plain};
use partita_time::Sleep;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem;
use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};
use tower_layer::Layer;
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

/// Wraps a service in a [`Retry`].
#[derive(Debug)]
pub struct RetryLayer<C = ByResult, R = ByClone, M = Plain> {
    retry: Retry<C>,
    repeat: R,
    shape: PhantomData<fn() -> M>,
}

impl<C> Retry<C> {
    /// As a layer; requests are cloned.
    pub fn layer(&self) -> RetryLayer<C> {
        RetryLayer { retry: self.clone(), repeat: ByClone, shape: PhantomData }
    }
}

impl<C, R, M> RetryLayer<C, R, M> {
    /// Requests are made again by `repeat`.
    #[must_use]
    pub fn repeat<S>(self, repeat: S) -> RetryLayer<C, S, M> {
        RetryLayer { retry: self.retry, repeat, shape: PhantomData }
    }

    /// The service beneath is a policy itself: its refusals are seen and never repeated.
    #[must_use]
    pub fn nested(self) -> RetryLayer<C, R, Nested> {
        RetryLayer { retry: self.retry, repeat: self.repeat, shape: PhantomData }
    }
}

impl<C, R: Clone, M> Clone for RetryLayer<C, R, M> {
    fn clone(&self) -> Self {
        Self { retry: self.retry.clone(), repeat: self.repeat.clone(), shape: PhantomData }
    }
}

impl<S, C, R: Clone, M> Layer<S> for RetryLayer<C, R, M> {
    type Service = RetryService<S, C, R, M>;

    fn layer(&self, inner: S) -> Self::Service {
        RetryService { inner, layer: self.clone() }
    }
}

/// A service whose failed calls are made again.
#[derive(Debug)]
pub struct RetryService<S, C = ByResult, R = ByClone, M = Plain> {
    inner: S,
    layer: RetryLayer<C, R, M>,
}

impl<S: Clone, C, R: Clone, M> Clone for RetryService<S, C, R, M> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, Q, C, R, M> Service<Q> for RetryService<S, C, R, M>
where
    S: Service<Q> + Clone,
    M: ErrorShape<S::Error>,
    M::Inner: fmt::Debug,
    C: Classify<S::Response, M::Inner>,
    R: Repeat<Q> + Clone,
{
    type Response = S::Response;
    type Error = Error<M::Inner>;
    type Future = ResponseFuture<S, Q, C, R, M>;

    fn poll_ready(&mut self, cx: &mut Task<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(M::lift)
    }

    fn call(&mut self, request: Q) -> Self::Future {
        let next = self.inner.clone();
        // The service that was made ready takes the call; its clone has not been asked yet.
        let mut service = mem::replace(&mut self.inner, next);
        let repeat = &self.layer.repeat;
        let context = repeat.context(&request, Context::current());
        let mut course = Course::begin(self.layer.retry.clone(), context);
        let spare = repeat.repeat(&request);
        if spare.is_none() {
            course.cannot_repeat();
        }
        let work = course.attempt().context().clone().scope_with(|| service.call(request));
        let repeat = repeat.clone();
        ResponseFuture { course, service, spare, repeat, state: State::Calling { work }, shape: PhantomData }
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
                    this.course.again(place.take());
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
                        let context = this.course.attempt().context().clone();
                        let work = context.scope_with(|| this.service.call(request));
                        this.state.set(State::Calling { work });
                        continue;
                    }
                    Err(error) => Err(M::lift(error)),
                },
            };
            let retry = this.course.hold().clone();
            match retry.next(this.course, &result) {
                Next::Return(None) => return Poll::Ready(result),
                Next::Return(stop) => return Poll::Ready(this.course.answer(result, stop)),
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
