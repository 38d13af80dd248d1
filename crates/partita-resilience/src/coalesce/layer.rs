//! Coalescing as a tower layer.

use super::Coalesce;
use crate::deadline::Context;
use crate::{Error, ErrorShape, Nested, Plain};
use partita_time::BoxFuture;
use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::mem;
use std::task::{Context as Task, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// Wraps a service in a [`Coalesce`]; the function names the key of a request, or None for one that is made by itself.
pub struct CoalesceLayer<K, T, E, F, M = Plain> {
    coalesce: Coalesce<K, T, E>,
    key: F,
    shape: PhantomData<fn() -> M>,
}

impl<K, T, E> Coalesce<K, T, E> {
    /// As a layer; `key` names the key of a request, or None for one that is made by itself.
    pub fn layer<F>(&self, key: F) -> CoalesceLayer<K, T, E, F> {
        CoalesceLayer { coalesce: self.clone(), key, shape: PhantomData }
    }
}

impl<K, T, E, F, M> CoalesceLayer<K, T, E, F, M> {
    /// The service beneath is a policy itself.
    #[must_use]
    pub fn nested(self) -> CoalesceLayer<K, T, E, F, Nested> {
        CoalesceLayer { coalesce: self.coalesce, key: self.key, shape: PhantomData }
    }
}

impl<K, T, E, F: Clone, M> Clone for CoalesceLayer<K, T, E, F, M> {
    fn clone(&self) -> Self {
        Self { coalesce: self.coalesce.clone(), key: self.key.clone(), shape: PhantomData }
    }
}

impl<K, T, E, F, M> fmt::Debug for CoalesceLayer<K, T, E, F, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.coalesce.fmt(f)
    }
}

impl<S, K, T, E, F: Clone, M> Layer<S> for CoalesceLayer<K, T, E, F, M> {
    type Service = CoalesceService<S, K, T, E, F, M>;

    fn layer(&self, inner: S) -> Self::Service {
        CoalesceService { inner, layer: self.clone() }
    }
}

/// A service whose equal calls are made one.
pub struct CoalesceService<S, K, T, E, F, M = Plain> {
    inner: S,
    layer: CoalesceLayer<K, T, E, F, M>,
}

impl<S: Clone, K, T, E, F: Clone, M> Clone for CoalesceService<S, K, T, E, F, M> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<S, K, T, E, F, M> fmt::Debug for CoalesceService<S, K, T, E, F, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.layer.fmt(f)
    }
}

impl<S, Q, K, T, E, F, M> Service<Q> for CoalesceService<S, K, T, E, F, M>
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
    type Error = Error<E>;
    type Future = BoxFuture<'static, Result<T, Error<E>>>;

    fn poll_ready(&mut self, cx: &mut Task<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(M::lift)
    }

    fn call(&mut self, request: Q) -> Self::Future {
        let next = self.inner.clone();
        let mut service = mem::replace(&mut self.inner, next);
        let key = (self.layer.key)(&request);
        let coalesce = self.layer.coalesce.clone();
        let context = Context::current();
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
