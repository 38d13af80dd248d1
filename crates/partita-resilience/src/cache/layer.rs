//! A cache as a tower layer.

use super::Cache;
use crate::{ByResult, Classify, Error, ErrorShape, Nested, Plain};
use partita_time::BoxFuture;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::mem;
use std::task::{Context as Task, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// Puts a [`Cache`] before a service; the function names the key of a request, or None for one that is never kept.
pub struct CacheLayer<K, T, F, C = ByResult, M = Plain> {
    cache: Cache<K, T, C>,
    key: F,
    shape: PhantomData<fn() -> M>,
}

impl<K, T, C> Cache<K, T, C> {
    /// As a layer; `key` names the key of a request, or None for one that is never kept.
    pub fn layer<F>(&self, key: F) -> CacheLayer<K, T, F, C> {
        CacheLayer { cache: self.clone(), key, shape: PhantomData }
    }
}

impl<K, T, F, C, M> CacheLayer<K, T, F, C, M> {
    /// The service beneath is a policy itself: its refusals are hidden by a stale answer.
    #[must_use]
    pub fn nested(self) -> CacheLayer<K, T, F, C, Nested> {
        CacheLayer { cache: self.cache, key: self.key, shape: PhantomData }
    }
}

impl<K, T, F: Clone, C, M> Clone for CacheLayer<K, T, F, C, M> {
    fn clone(&self) -> Self {
        Self { cache: self.cache.clone(), key: self.key.clone(), shape: PhantomData }
    }
}

impl<K, T, F, C, M> fmt::Debug for CacheLayer<K, T, F, C, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cache.fmt(f)
    }
}

impl<S, K, T, F: Clone, C, M> Layer<S> for CacheLayer<K, T, F, C, M> {
    type Service = CacheService<S, K, T, F, C, M>;

    fn layer(&self, inner: S) -> Self::Service {
        CacheService { inner, layer: self.clone() }
    }
}

/// A service behind a [`Cache`].
pub struct CacheService<S, K, T, F, C = ByResult, M = Plain> {
    inner: S,
    layer: CacheLayer<K, T, F, C, M>,
}

impl<S: Clone, K, T, F: Clone, C, M> Clone for CacheService<S, K, T, F, C, M> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, K, T, F, C, M> fmt::Debug for CacheService<S, K, T, F, C, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.layer.fmt(f)
    }
}

impl<S, Q, K, T, F, C, M> Service<Q> for CacheService<S, K, T, F, C, M>
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
    type Error = Error<M::Inner>;
    type Future = BoxFuture<'static, Result<T, Error<M::Inner>>>;

    fn poll_ready(&mut self, cx: &mut Task<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(M::lift)
    }

    fn call(&mut self, request: Q) -> Self::Future {
        let next = self.inner.clone();
        let mut service = mem::replace(&mut self.inner, next);
        let key = (self.layer.key)(&request);
        let cache = self.layer.cache.clone();
        Box::pin(async move {
            let call = move || {
                let response = service.call(request);
                async move { response.await.map_err(M::lift) }
            };
            match key {
                Some(key) => cache.around(key, call).await,
                None => call().await,
            }
        })
    }
}
