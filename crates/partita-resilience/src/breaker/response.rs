//! The answer of a breaker's layer.

use super::lasts::{Lasts, Running, UntilHead};
use super::{Breaker, OwnedPermit};
use crate::verdict::outcome;
use crate::{Classify, Error, ErrorShape, Plain, Rejected};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

pin_project! {
    /// The answer of a [`BreakerService`](super::BreakerService).
    pub struct ResponseFuture<F, C, M = Plain, L = UntilHead> {
        #[pin]
        inner: Inner<F, C>,
        shape: PhantomData<fn() -> (M, L)>,
    }
}

pin_project! {
    #[project = Projected]
    enum Inner<F, C> {
        Rejected { rejected: Option<Rejected> },
        Running {
            #[pin]
            future: F,
            call: Option<Running>,
            classify: C,
        },
    }
}

impl<F, C, M, L> ResponseFuture<F, C, M, L> {
    /// Makes the call if it was admitted.
    pub(super) fn begin(
        breaker: &Breaker,
        admitted: Result<OwnedPermit, Rejected>,
        classify: C,
        call: impl FnOnce() -> F,
    ) -> Self {
        let inner = match admitted {
            Err(rejected) => Inner::Rejected { rejected: Some(rejected) },
            Ok(permit) => {
                let running = Running::new(permit, Arc::clone(&breaker.0));
                Inner::Running { future: call(), call: Some(running), classify }
            }
        };
        Self { inner, shape: PhantomData }
    }
}

impl<F, C, M, L> fmt::Debug for ResponseFuture<F, C, M, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseFuture")
    }
}

const POLLED_AGAIN: &str = "polled again after its end";

impl<F, C, M, L, T, E> Future for ResponseFuture<F, C, M, L>
where
    F: Future<Output = Result<T, E>>,
    M: ErrorShape<E>,
    C: Classify<T, M::Inner>,
    L: Lasts<T>,
{
    type Output = Result<L::Answer, Error<M::Inner>>;

    #[allow(clippy::panic, reason = "a future that is polled after its end may panic")]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut inner = self.project().inner;
        match inner.as_mut().project() {
            Projected::Rejected { rejected } => match rejected.take() {
                Some(rejected) => Poll::Ready(Err(Error::Rejected(rejected))),
                None => panic!("{POLLED_AGAIN}"),
            },
            Projected::Running { future, call, classify } => {
                let Some(running) = call else { panic!("{POLLED_AGAIN}") };
                let end = match future.poll(cx) {
                    Poll::Ready(result) => Ok(result.map_err(M::lift)),
                    Poll::Pending => match running.poll_over(cx) {
                        Poll::Ready(limit) => Err(limit),
                        Poll::Pending => return Poll::Pending,
                    },
                };
                let Some(running) = call.take() else { panic!("{POLLED_AGAIN}") };
                Poll::Ready(match end {
                    Ok(end) => finish::<_, _, L>(running, outcome(classify, &end), end),
                    Err(limit) => {
                        inner.set(Inner::Rejected { rejected: None });
                        Err(running.timed_out(limit))
                    }
                })
            }
        }
    }
}

fn finish<T, E, L: Lasts<T>>(call: Running, judged: crate::Outcome, end: Result<T, E>) -> Result<L::Answer, E> {
    match end {
        Ok(answer) => Ok(L::last(answer, call, judged)),
        Err(error) => {
            call.permit.record(judged);
            Err(error)
        }
    }
}
