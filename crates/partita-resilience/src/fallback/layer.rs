//! A second answer as a tower layer.

use super::{Bad, Fallback};
use crate::layered::{PolicyLayer, Serve, With};
use crate::{Classify, Error, ErrorShape};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context as Task, Poll, ready};
use tower_service::Service;

impl<C> Fallback<C> {
    /// As a layer; `answer` looks at the request and gives what makes the second answer, which is told the error, or None
    /// where an answer was judged a failure. Such an answer keeps what its body holds until the second is there.
    pub fn layer<A>(&self, answer: A) -> PolicyLayer<With<Self, A>> {
        PolicyLayer::new(With { policy: self.clone(), ask: answer })
    }
}

impl<S, Q, A, G, Gut, C, M> Serve<S, Q, M> for With<Fallback<C>, A>
where
    S: Service<Q>,
    M: ErrorShape<S::Error>,
    C: Classify<S::Response, M::Inner>,
    A: Fn(&Q) -> G,
    G: FnOnce(Option<&Error<M::Inner>>) -> Gut,
    Gut: Future<Output = Result<S::Response, M::Inner>>,
{
    type Response = S::Response;
    type Future = ResponseFuture<S::Future, G, Gut, S::Response, M::Inner, C, M>;

    fn serve(&self, inner: &mut S, request: Q) -> Self::Future {
        let answer = Some((self.ask)(&request));
        let state = State::First { work: inner.call(request) };
        ResponseFuture { fallback: self.policy.clone(), answer, bad: None, state, shape: PhantomData }
    }
}

pin_project! {
    /// The response to a call with a second answer.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, G, Gut, T, E, C, M> {
        fallback: Fallback<C>,
        answer: Option<G>,
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
    G: FnOnce(Option<&Error<M::Inner>>) -> Gut,
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
                    let Some(answer) = this.answer.take() else { return Poll::Pending };
                    let work = answer(bad.error());
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
