//! Coalescing as a tower layer.

use super::Coalesce;
use crate::deadline::Context;
use crate::layered::{PolicyLayer, Serve, With, take_ready};
use crate::{Error, ErrorShape};
use partita_time::BoxFuture;
use std::hash::Hash;
use tower_service::Service;

impl<K, T, E> Coalesce<K, T, E> {
    /// As a layer; `key` names the key of a request, or None for one that is made by itself.
    pub fn layer<F>(&self, key: F) -> PolicyLayer<With<Self, F>> {
        PolicyLayer::new(With { policy: self.clone(), ask: key })
    }
}

impl<S, Q, K, T, E, F, M> Serve<S, Q, M> for With<Coalesce<K, T, E>, F>
where
    S: Service<Q, Response = T> + Clone + Send + 'static,
    S::Future: Send + 'static,
    Q: Send + 'static,
    K: Hash + Eq + Clone + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
    F: Fn(&Q) -> Option<K>,
    M: ErrorShape<S::Error, Inner = E>,
{
    type Response = T;
    type Future = BoxFuture<'static, Result<T, Error<E>>>;

    fn serve(&self, inner: &mut S, request: Q) -> Self::Future {
        let mut service = take_ready(inner);
        let (key, coalesce, context) = ((self.ask)(&request), self.policy.clone(), Context::current());
        Box::pin(async move {
            let call = move || {
                let response = service.call(request);
                async move { response.await.map_err(M::lift) }
            };
            match key {
                Some(key) => coalesce.around(context, key, call).await,
                None => call().await,
            }
        })
    }
}
