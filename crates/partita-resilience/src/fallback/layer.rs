//! A second answer as a tower layer.

use super::{Bad, Fallback};
use crate::{ByResult, Classify, Error, ErrorShape, Nested, Plain};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};
use tower_layer::Layer;
use tower_service::Service;

/// Wraps a service in a [`Fallback`]: `answer` gives the second answer from the error, or from None where an answer was
/// judged a failure.
pub struct FallbackLayer<G, C = ByResult, M = Plain> {
    fallback: Fallback<C>,
    answer: G,
    shape: PhantomData<fn() -> M>,
}

impl<C> Fallback<C> {
    /// As a layer; `answer` is told the error, or None where an answer was judged a failure.
    pub fn layer<G>(&self, answer: G) -> FallbackLayer<G, C> {
        FallbackLayer { fallback: self.clone(), answer, shape: PhantomData }
    }
}

impl<G, C, M> FallbackLayer<G, C, M> {
    /// The service beneath is a policy itself: its refusals have a second answer too.
    #[must_use]
    pub fn nested(self) -> FallbackLayer<G, C, Nested> {
        FallbackLayer { fallback: self.fallback, answer: self.answer, shape: PhantomData }
    }
}

impl<G: Clone, C, M> Clone for FallbackLayer<G, C, M> {
    fn clone(&self) -> Self {
        Self { fallback: self.fallback.clone(), answer: self.answer.clone(), shape: PhantomData }
    }
}

impl<G, C, M> fmt::Debug for FallbackLayer<G, C, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fallback.fmt(f)
    }
}

impl<S, G: Clone, C, M> Layer<S> for FallbackLayer<G, C, M> {
    type Service = FallbackService<S, G, C, M>;

    fn layer(&self, inner: S) -> Self::Service {
        FallbackService { inner, layer: self.clone() }
    }
}

/// A service with a second answer.
pub struct FallbackService<S, G, C = ByResult, M = Plain> {
    inner: S,
    layer: FallbackLayer<G, C, M>,
}

impl<S: Clone, G: Clone, C, M> Clone for FallbackService<S, G, C, M> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, G, C, M> fmt::Debug for FallbackService<S, G, C, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.layer.fmt(f)
    }
}

impl<S, Q, G, Gut, C, M> Service<Q> for FallbackService<S, G, C, M>
where
    S: Service<Q>,
    M: ErrorShape<S::Error>,
    C: Classify<S::Response, M::Inner>,
    G: Fn(Option<&Error<M::Inner>>) -> Gut + Clone,
    Gut: Future<Output = Result<S::Response, M::Inner>>,
{
    type Response = S::Response;
    type Error = Error<M::Inner>;
    type Future = ResponseFuture<S::Future, G, Gut, S::Response, M::Inner, C, M>;

    fn poll_ready(&mut self, cx: &mut Task<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(M::lift)
    }

    fn call(&mut self, request: Q) -> Self::Future {
        let state = State::First { work: self.inner.call(request) };
        let FallbackLayer { fallback, answer, .. } = &self.layer;
        ResponseFuture { fallback: fallback.clone(), answer: answer.clone(), bad: None, state, shape: PhantomData }
    }
}

pin_project! {
    /// The response to a call with a second answer.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, G, Gut, T, E, C, M> {
        fallback: Fallback<C>,
        answer: G,
        bad: Option<Bad<T, E>>,
        #[pin]
        state: State<F, Gut>,
        shape: PhantomData<fn() -> M>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, Gut> {
        First { #[pin] work: F },
        Second { #[pin] work: Gut },
    }
}

impl<F, G, Gut, T, S, C, M> Future for ResponseFuture<F, G, Gut, T, M::Inner, C, M>
where
    F: Future<Output = Result<T, S>>,
    M: ErrorShape<S>,
    C: Classify<T, M::Inner>,
    G: Fn(Option<&Error<M::Inner>>) -> Gut,
    Gut: Future<Output = Result<T, M::Inner>>,
{
    type Output = Result<T, Error<M::Inner>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Task<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProj::First { work } => {
                    let bad = match this.fallback.judge(ready!(work.poll(cx)).map_err(M::lift)) {
                        Ok(end) => return Poll::Ready(end),
                        Err(bad) => bad,
                    };
                    let work = match &bad {
                        Bad::Answer(_) => (this.answer)(None),
                        Bad::Error(error) => (this.answer)(Some(error)),
                    };
                    *this.bad = Some(bad);
                    this.state.set(State::Second { work });
                }
                StateProj::Second { work } => {
                    let second = ready!(work.poll(cx));
                    return match this.bad.take() {
                        Some(bad) => Poll::Ready(this.fallback.settle(bad, second)),
                        None => Poll::Pending,
                    };
                }
            }
        }
    }
}

impl<F, G, Gut, T, E, C, M> fmt::Debug for ResponseFuture<F, G, Gut, T, E, C, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fallback::ResponseFuture")
    }
}
