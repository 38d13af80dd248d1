//! A request on its way to the service beneath a stack's layer.

use super::Stack;
use super::lasting::{Lasting, Lifted};
use crate::deadline::{Attempt, Context};
use crate::retry::Repeat;
use crate::sync::{Mutex, PoisonError, lock};
use crate::{Classify, Error, ErrorShape, Name, PolicyKind, Reason, Rejected};
use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use tower_service::Service;

/// A request that may be made again, and the services that take its attempts.
pub(super) struct Requests<S, Q, R, L, M> {
    ready: Mutex<Option<S>>,
    next: Mutex<S>,
    request: Mutex<Q>,
    repeat: R,
    shape: PhantomData<fn() -> (L, M)>,
}

impl<S, Q, R, L, M> Requests<S, Q, R, L, M>
where
    S: Service<Q> + Clone,
    R: Repeat<Q>,
    L: Lasting<S::Response>,
    M: ErrorShape<S::Error>,
{
    /// The service that was made ready takes the first attempt, clones of the next one all others.
    pub(super) fn new((ready, next): (S, S), request: Q, repeat: R) -> Self {
        let (ready, next, request) = (Mutex::new(Some(ready)), Mutex::new(next), Mutex::new(request));
        Self { ready, next, request, repeat, shape: PhantomData }
    }

    /// Sends it through the policies beneath what shares answers; one that cannot be repeated only once.
    pub(super) async fn send<C, H, F>(
        self,
        stack: Stack<C, H, F>,
        context: Context,
        limited: bool,
    ) -> Result<L::Answer, Error<M::Inner>>
    where
        C: Classify<L::Answer, M::Inner>,
        M::Inner: fmt::Debug,
    {
        let parts = stack.parts();
        if self.repeat.repeat(&lock(&self.request)).is_none() {
            return parts.call_once::<_, _, Lifted<L>, _, _>(context, limited, || self.once()).await;
        }
        let begin = |attempt: Attempt| self.begin(&attempt, stack.name());
        parts.call::<_, _, Lifted<L>, _, _>(Some(context), limited, begin).await
    }

    async fn once(self) -> Result<L::Answer, Error<M::Inner>> {
        let Self { ready, next, request, .. } = self;
        let own = |mutex: Mutex<Option<S>>| mutex.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut service = own(ready).unwrap_or_else(|| next.into_inner().unwrap_or_else(PoisonError::into_inner));
        let request = request.into_inner().unwrap_or_else(PoisonError::into_inner);
        service.call(request).await.map(L::answer).map_err(M::lift)
    }

    fn begin(
        &self,
        attempt: &Attempt,
        name: &Name,
    ) -> impl Future<Output = Result<L::Answer, Error<M::Inner>>> + use<S, Q, R, L, M> {
        let spare = self.repeat.repeat(&lock(&self.request)).ok_or_else(|| refuse(name));
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
            service.call(request).await.map(L::answer).map_err(M::lift)
        };
        attempt.context().clone().scope(call)
    }
}

fn refuse(name: &Name) -> Rejected {
    Rejected { policy: PolicyKind::Stack, name: name.clone(), reason: Reason::NotRepeatable, retry_after: None }
}
