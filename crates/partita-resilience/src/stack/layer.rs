//! The stack as a tower layer.

use super::Stack;
use crate::deadline::{Attempt, Context};
use crate::layered::{PolicyLayer, Serve, With, take_ready};
use crate::retry::{ByClone, Repeat};
use crate::{Classify, Error, ErrorShape, Name, PolicyKind, Reason, Rejected};
use partita_time::BoxFuture;
use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tower_service::Service;

impl<C> Stack<C> {
    /// As a layer; requests are cloned for further attempts. A call's future is on the heap, one allocation; the plain call
    /// makes none.
    pub fn layer(&self) -> PolicyLayer<With<Self, ByClone>> {
        PolicyLayer::new(With { policy: self.clone(), ask: ByClone })
    }
}

impl<C, R, M> PolicyLayer<With<Stack<C>, R>, M> {
    /// Requests are made again by `repeat`.
    #[must_use]
    pub fn repeat<S>(self, repeat: S) -> PolicyLayer<With<Stack<C>, S>, M> {
        self.with(repeat)
    }
}

impl<S, Q, C, R, M> Serve<S, Q, M> for With<Stack<C>, R>
where
    S: Service<Q> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: Send,
    Q: Send + 'static,
    C: Classify<S::Response, M::Inner> + 'static,
    R: Repeat<Q> + Clone + Send + Sync + 'static,
    M: ErrorShape<S::Error> + 'static,
    M::Inner: fmt::Debug + Send,
{
    type Response = S::Response;
    type Future = BoxFuture<'static, Result<S::Response, Error<M::Inner>>>;

    fn serve(&self, inner: &mut S, request: Q) -> Self::Future {
        let (next, mut ready) = (inner.clone(), take_ready(inner));
        let Self { policy: stack, ask: repeat } = self.clone();
        let context = repeat.context(&request, Context::current());
        Box::pin(async move {
            if repeat.repeat(&request).is_none() {
                return stack.once_around(context, || async { ready.call(request).await.map_err(M::lift) }).await;
            }
            let name = stack.name().clone();
            let calls = Calls {
                ready: Mutex::new(Some(ready)),
                request: Mutex::new(request),
                next: Mutex::new(next),
                repeat,
                name,
                shape: PhantomData::<fn() -> M>,
            };
            stack.around(context, |attempt| calls.begin(&attempt)).await
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request that can be made again, and the services that take its attempts.
struct Calls<S, Q, R, M> {
    ready: Mutex<Option<S>>,
    request: Mutex<Q>,
    next: Mutex<S>,
    repeat: R,
    name: Name,
    shape: PhantomData<fn() -> M>,
}

impl<S, Q, R, M> Calls<S, Q, R, M>
where
    S: Service<Q> + Clone,
    R: Repeat<Q>,
    M: ErrorShape<S::Error>,
{
    fn begin(&self, attempt: &Attempt) -> impl Future<Output = Result<S::Response, Error<M::Inner>>> + use<S, Q, R, M> {
        let spare = self.repeat.repeat(&lock(&self.request)).ok_or_else(|| self.refuse());
        let (first, mut next) = (lock(&self.ready).take(), lock(&self.next).clone());
        let call = async move {
            let request = spare?;
            let mut service = match first {
                Some(ready) => ready,
                None => {
                    poll_fn(|cx| next.poll_ready(cx)).await.map_err(M::lift)?;
                    next
                }
            };
            service.call(request).await.map_err(M::lift)
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
