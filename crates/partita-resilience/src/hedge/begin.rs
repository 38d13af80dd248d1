//! How an attempt is begun: by a closure, or by a service.

use crate::deadline::Attempt;
use crate::retry::Repeat;
use crate::{Error, ErrorShape};
use pin_project_lite::pin_project;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_service::Service;

/// Begins attempts.
pub(super) trait Begin {
    type Work: Future;

    /// Whether there is a further attempt, before it is paid for.
    fn has_next(&self) -> bool {
        true
    }

    /// The work of one attempt; None when there is no further one.
    fn begin(&mut self, attempt: Attempt) -> Option<Self::Work>;
}

impl<F, Fut> Begin for F
where
    F: FnMut(Attempt) -> Option<Fut>,
    Fut: Future,
{
    type Work = Fut;

    fn begin(&mut self, attempt: Attempt) -> Option<Fut> {
        self(attempt)
    }
}

/// So many attempts and no more.
pub(super) struct AtMost<B> {
    pub(super) left: usize,
    pub(super) begin: B,
}

impl<B: Begin> Begin for AtMost<B> {
    type Work = B::Work;

    fn has_next(&self) -> bool {
        self.left > 0
    }

    fn begin(&mut self, attempt: Attempt) -> Option<B::Work> {
        self.left = self.left.checked_sub(1)?;
        self.begin.begin(attempt)
    }
}

/// A service, and the request to make again.
pub(super) struct Requests<S, Q, R, M> {
    /// The service that was made ready, with the first request.
    pub(super) first: Option<(S, Q)>,
    /// What the others are made of; without a request there are none.
    pub(super) more: (S, Option<Q>),
    pub(super) repeat: R,
    pub(super) shape: PhantomData<fn() -> M>,
}

impl<S, Q, R, M> Begin for Requests<S, Q, R, M>
where
    S: Service<Q> + Clone,
    R: Repeat<Q>,
    M: ErrorShape<S::Error>,
{
    type Work = Once<S, Q, S::Future, M>;

    fn has_next(&self) -> bool {
        self.first.is_some() || self.more.1.is_some()
    }

    fn begin(&mut self, _: Attempt) -> Option<Self::Work> {
        let shape = PhantomData;
        if let Some((mut service, request)) = self.first.take() {
            return Some(Once { service: None, request: None, work: Some(service.call(request)), shape });
        }
        let request = self.more.1.take()?;
        self.more.1 = self.repeat.repeat(&request);
        Some(Once { service: Some(self.more.0.clone()), request: Some(request), work: None, shape })
    }
}

pin_project! {
    /// One request: the service is made ready if it is not, then called.
    pub(super) struct Once<S, Q, F, M> {
        service: Option<S>,
        request: Option<Q>,
        #[pin]
        work: Option<F>,
        shape: PhantomData<fn() -> M>,
    }
}

impl<S, Q, M> Future for Once<S, Q, S::Future, M>
where
    S: Service<Q>,
    M: ErrorShape<S::Error>,
{
    type Output = Result<S::Response, Error<M::Inner>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some(service) = this.service.as_mut() {
            ready!(service.poll_ready(cx)).map_err(M::lift)?;
            if let Some(request) = this.request.take() {
                this.work.set(Some(service.call(request)));
            }
            *this.service = None;
        }
        this.work.as_pin_mut().map_or(Poll::Pending, |work| work.poll(cx)).map_err(M::lift)
    }
}
