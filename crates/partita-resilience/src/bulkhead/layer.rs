//! The bulkhead as a tower layer.

use super::Bulkhead;
use super::call::Held;
use super::core::Core;
use super::enter::Enter;
use crate::layered::{Serve, take_ready};
use crate::{Error, ErrorShape, Outcome, Plain};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tower_service::Service;

impl<S, R, M> Serve<S, R, M> for Bulkhead
where
    S: Service<R> + Clone,
    M: ErrorShape<S::Error>,
{
    type Response = S::Response;
    type Future = BulkheadFuture<S, R, M>;

    fn serve(&self, inner: &mut S, request: R) -> Self::Future {
        let core = Arc::clone(&self.0);
        let (enter, waits) = (Enter::new(Arc::clone(&core)), Some((take_ready(inner), request)));
        BulkheadFuture { state: State::Entering { enter, waits }, core, shape: PhantomData }
    }
}

pin_project! {
    /// The answer of a service behind a [`Bulkhead`].
    pub struct BulkheadFuture<S, R, M = Plain>
    where
        S: Service<R>,
    {
        #[pin]
        state: State<S, R, S::Future>,
        core: Arc<Core>,
        shape: PhantomData<fn() -> M>,
    }
}

pin_project! {
    #[project = Step]
    enum State<S, R, F> {
        Entering { enter: Enter, waits: Option<(S, R)> },
        Calling { #[pin] call: F, held: Option<Held<Arc<Core>>> },
    }
}

impl<S, R, M> Future for BulkheadFuture<S, R, M>
where
    S: Service<R>,
    M: ErrorShape<S::Error>,
{
    type Output = Result<S::Response, Error<M::Inner>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                Step::Entering { enter, waits } => {
                    let slot = ready!(Pin::new(enter).poll(cx))?;
                    let held = Held::new(Arc::clone(this.core), slot, Outcome::Cancelled);
                    let Some((mut service, request)) = waits.take() else { return Poll::Pending };
                    State::Calling { call: service.call(request), held: Some(held) }
                }
                Step::Calling { call, held } => {
                    let result = ready!(call.poll(cx));
                    if let Some(held) = held.take() {
                        held.end(if result.is_ok() { Outcome::Success } else { Outcome::Failure });
                    }
                    return Poll::Ready(result.map_err(M::lift));
                }
            };
            this.state.set(next);
        }
    }
}

impl<S: Service<R>, R, M> fmt::Debug for BulkheadFuture<S, R, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BulkheadFuture({})", self.core.name())
    }
}
