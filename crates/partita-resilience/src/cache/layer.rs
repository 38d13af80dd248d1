//! A cache as a tower layer.

use super::{Cache, Fetch};
use crate::deadline::Context;
use crate::layered::{PolicyLayer, Serve, With, take_ready};
use crate::{ByResult, Classify, Error, ErrorShape};
use partita_time::BoxFuture;
use std::hash::Hash;
use tower_service::Service;

impl<K, T, C> Cache<K, T, C> {
    /// As a layer; `key` names the key of a request, or None for one that is never kept. When nested, a stale answer hides
    /// the refusals beneath too. Who finds a stale answer gets it at once and the request is made in the background, without
    /// the caller's deadline, as in [`Cache::call_refreshing`].
    pub fn layer<F>(&self, key: F) -> PolicyLayer<With<Self, F>> {
        PolicyLayer::new(With { policy: self.clone(), ask: key })
    }
}

impl<S, Q, K, T, F, C, M> Serve<S, Q, M> for With<Cache<K, T, C>, F>
where
    S: Service<Q, Response = T> + Clone + Send + 'static,
    S::Future: Send + 'static,
    Q: Send + 'static,
    K: Hash + Eq + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
    F: Fn(&Q) -> Option<K>,
    M: ErrorShape<S::Error>,
    M::Inner: Send + 'static,
    C: Classify<T, M::Inner> + 'static,
{
    type Response = T;
    type Future = BoxFuture<'static, Result<T, Error<M::Inner>>>;

    fn serve(&self, inner: &mut S, request: Q) -> Self::Future {
        let mut service = take_ready(inner);
        let (key, cache) = ((self.ask)(&request), self.policy.clone());
        let context = Context::current();
        let call = move |fetch| {
            let context = match fetch {
                Fetch::Awaited => context,
                Fetch::Behind => context.without_deadline(),
            };
            let response = context.scope_with(|| service.call(request));
            async move { response.await.map_err(M::lift) }
        };
        Box::pin(async move {
            match key {
                Some(key) => cache.around_refreshing(key, None::<ByResult>, call).await,
                None => call(Fetch::Awaited).await,
            }
        })
    }
}
