//! The bulkhead as a tower layer.

use super::Bulkhead;
use super::call::Held;
use super::core::Core;
use super::enter::Enter;
use crate::{Error, Outcome};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tower_layer::Layer;
use tower_service::Service;

/// Puts a [`Bulkhead`] before a service. All services it makes share it.
#[derive(Clone, Debug)]
pub struct BulkheadLayer(Bulkhead);

impl BulkheadLayer {
    pub(super) const fn new(bulkhead: Bulkhead) -> Self {
        Self(bulkhead)
    }
}

impl<S> Layer<S> for BulkheadLayer {
    type Service = BulkheadService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BulkheadService { inner, bulkhead: self.0.clone() }
    }
}

/// A service behind a [`Bulkhead`]. A permit is taken by the call, not by `poll_ready`, so that a service that is readied
/// and dropped holds none.
#[derive(Clone, Debug)]
pub struct BulkheadService<S> {
    inner: S,
    bulkhead: Bulkhead,
}

impl<S, R> Service<R> for BulkheadService<S>
where
    S: Service<R> + Clone,
{
    type Response = S::Response;
    type Error = Error<S::Error>;
    type Future = BulkheadFuture<S, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let clone = self.inner.clone();
        let ready = std::mem::replace(&mut self.inner, clone);
        let core = Arc::clone(&self.bulkhead.0);
        BulkheadFuture {
            state: State::Entering { enter: Enter::new(Arc::clone(&core)), waits: Some((ready, request)) },
            core,
        }
    }
}

pin_project! {
    /// The answer of a [`BulkheadService`].
    pub struct BulkheadFuture<S, R>
    where
        S: Service<R>,
    {
        #[pin]
        state: State<S, R, S::Future>,
        core: Arc<Core>,
    }
}

pin_project! {
    #[project = Step]
    enum State<S, R, F> {
        Entering { enter: Enter, waits: Option<(S, R)> },
        Calling { #[pin] call: F, held: Option<Held<Arc<Core>>> },
    }
}

impl<S, R> Future for BulkheadFuture<S, R>
where
    S: Service<R>,
{
    type Output = Result<S::Response, Error<S::Error>>;

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
                    return Poll::Ready(result.map_err(Error::Inner));
                }
            };
            this.state.set(next);
        }
    }
}

impl<S: Service<R>, R> fmt::Debug for BulkheadFuture<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BulkheadFuture({})", self.core.name())
    }
}
