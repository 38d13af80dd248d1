//! The stack as a tower layer.

use super::Stack;
use crate::deadline::{Attempt, Context};
use crate::retry::{ByClone, Repeat};
use crate::{ByResult, Classify, Error, Name, PolicyKind, Reason, Rejected};
use partita_time::BoxFuture;
use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context as Task, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// Wraps a service in a [`Stack`]. Every service that it makes shares the stack.
#[derive(Debug)]
pub struct StackLayer<C = ByResult, R = ByClone> {
    stack: Stack<C>,
    repeat: R,
}

impl<C> Stack<C> {
    /// As a layer; requests are cloned for further attempts.
    pub fn layer(&self) -> StackLayer<C> {
        StackLayer { stack: self.clone(), repeat: ByClone }
    }
}

impl<C, R> StackLayer<C, R> {
    /// Requests are made again by `repeat`.
    #[must_use]
    pub fn repeat<S>(self, repeat: S) -> StackLayer<C, S> {
        StackLayer { stack: self.stack, repeat }
    }
}

impl<C, R: Clone> Clone for StackLayer<C, R> {
    fn clone(&self) -> Self {
        Self { stack: self.stack.clone(), repeat: self.repeat.clone() }
    }
}

impl<S, C, R: Clone> Layer<S> for StackLayer<C, R> {
    type Service = StackService<S, C, R>;

    fn layer(&self, inner: S) -> Self::Service {
        StackService { inner, layer: self.clone() }
    }
}

/// A service behind a [`Stack`]. Its future is on the heap, one allocation a call; the plain call makes none.
#[derive(Debug)]
pub struct StackService<S, C = ByResult, R = ByClone> {
    inner: S,
    layer: StackLayer<C, R>,
}

impl<S: Clone, C, R: Clone> Clone for StackService<S, C, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, Q, C, R> Service<Q> for StackService<S, C, R>
where
    S: Service<Q> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: Send,
    S::Error: fmt::Debug + Send,
    Q: Send + 'static,
    C: Classify<S::Response, S::Error> + 'static,
    R: Repeat<Q> + Clone + Send + Sync + 'static,
{
    type Response = S::Response;
    type Error = Error<S::Error>;
    type Future = BoxFuture<'static, Result<S::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Task<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(Error::Inner)
    }

    fn call(&mut self, request: Q) -> Self::Future {
        let next = self.inner.clone();
        // The service that was made ready takes the first attempt; its clone has not been asked yet.
        let ready = std::mem::replace(&mut self.inner, next.clone());
        let StackLayer { stack, repeat } = self.layer.clone();
        let context = repeat.context(&request, Context::current());
        Box::pin(async move {
            if repeat.repeat(&request).is_none() {
                let mut ready = ready;
                return stack.call_once(context, move || ready.call(request)).await;
            }
            let name = stack.name().clone();
            let calls = Calls {
                ready: Mutex::new(Some(ready)),
                request: Mutex::new(request),
                next: Mutex::new(next),
                repeat,
                name,
            };
            stack.around(context, |attempt| calls.begin(&attempt)).await
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request that can be made again, and the services that take its attempts.
struct Calls<S, Q, R> {
    ready: Mutex<Option<S>>,
    request: Mutex<Q>,
    next: Mutex<S>,
    repeat: R,
    name: Name,
}

impl<S, Q, R> Calls<S, Q, R>
where
    S: Service<Q> + Clone,
    R: Repeat<Q>,
{
    fn begin(&self, attempt: &Attempt) -> impl Future<Output = Result<S::Response, Error<S::Error>>> + use<S, Q, R> {
        let spare = self.repeat.repeat(&lock(&self.request)).ok_or_else(|| self.refuse());
        let (first, mut next) = (lock(&self.ready).take(), lock(&self.next).clone());
        let call = async move {
            let request = spare?;
            let mut service = match first {
                Some(ready) => ready,
                None => {
                    poll_fn(|cx| next.poll_ready(cx)).await.map_err(Error::Inner)?;
                    next
                }
            };
            service.call(request).await.map_err(Error::Inner)
        };
        attempt.context().clone().scope(call)
    }

    fn refuse(&self) -> Rejected {
        Rejected {
            policy: PolicyKind::Stack,
            name: self.name.clone(),
            reason: Reason::NotRepeatable,
            retry_after: None,
        }
    }
}
