//! What a stack's layer asks of a request, and what it does with that.

use super::lasting::Lasting;
use super::{Answered, Stack};
use crate::cache::Cache;
use crate::coalesce::Coalesce;
use crate::deadline::Context;
use crate::{Classify, Error, Nested};
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::marker::PhantomData;

/// What a stack's layer asks of a request: how to make it again, its key, and its second answer. `L` says how long an
/// attempt lasts.
pub struct Ask<R, K = (), A = (), L = Nested> {
    pub(super) repeat: R,
    pub(super) key: K,
    pub(super) answer: A,
    lasts: PhantomData<fn() -> L>,
}

impl<R, K, A, L> Ask<R, K, A, L> {
    pub(super) const fn new(repeat: R, key: K, answer: A) -> Self {
        Self { repeat, key, answer, lasts: PhantomData }
    }
}

impl<R: Clone, K: Clone, A: Clone, L> Clone for Ask<R, K, A, L> {
    fn clone(&self) -> Self {
        Self::new(self.repeat.clone(), self.key.clone(), self.answer.clone())
    }
}

impl<R, K, A, L> fmt::Debug for Ask<R, K, A, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ask")
    }
}

/// What shares answers among callers, with `G` to ask a request for its key.
pub trait Sharing<G, Q, T, E>: Send + Sync + Sized + 'static {
    /// What is known of a request.
    type Key: Send + 'static;

    /// Looks at a request.
    fn key(ask: &G, request: &Q) -> Self::Key;

    /// An answer that is there or comes, or what `call` brings; `call` is told whether it has to keep to its time itself.
    fn through<C, F, W, Fut>(
        stack: &Stack<C, Self, F>,
        key: Self::Key,
        context: Context,
        call: W,
    ) -> impl Future<Output = Result<T, Error<E>>> + Send
    where
        C: Classify<T, E> + 'static,
        F: Send + Sync + 'static,
        W: FnOnce(Context, bool) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, Error<E>>> + Send + 'static;
}

impl<Q, T, E> Sharing<(), Q, T, E> for () {
    type Key = ();

    fn key((): &(), _: &Q) {}

    fn through<C, F, W, Fut>(
        _: &Stack<C, Self, F>,
        (): (),
        context: Context,
        call: W,
    ) -> impl Future<Output = Result<T, Error<E>>> + Send
    where
        C: Classify<T, E> + 'static,
        F: Send + Sync + 'static,
        W: FnOnce(Context, bool) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, Error<E>>> + Send + 'static,
    {
        call(context, true)
    }
}

impl<G, Q, K, T, E> Sharing<G, Q, T, E> for Coalesce<K, T, E>
where
    G: Fn(&Q) -> Option<K>,
    K: Hash + Eq + Clone + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    type Key = Option<K>;

    fn key(ask: &G, request: &Q) -> Option<K> {
        ask(request)
    }

    fn through<C, F, W, Fut>(
        stack: &Stack<C, Self, F>,
        key: Option<K>,
        context: Context,
        call: W,
    ) -> impl Future<Output = Result<T, Error<E>>> + Send
    where
        C: Classify<T, E> + 'static,
        F: Send + Sync + 'static,
        W: FnOnce(Context, bool) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, Error<E>>> + Send + 'static,
    {
        stack.shared(key, context, call)
    }
}

impl<G, Q, K, T, D, E> Sharing<G, Q, T, E> for Cache<K, T, D>
where
    G: Fn(&Q) -> Option<K>,
    K: Hash + Eq + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
    D: Classify<T, E> + 'static,
    E: Send + 'static,
{
    type Key = Option<K>;

    fn key(ask: &G, request: &Q) -> Option<K> {
        ask(request)
    }

    fn through<C, F, W, Fut>(
        stack: &Stack<C, Self, F>,
        key: Option<K>,
        context: Context,
        call: W,
    ) -> impl Future<Output = Result<T, Error<E>>> + Send
    where
        C: Classify<T, E> + 'static,
        F: Send + Sync + 'static,
        W: FnOnce(Context, bool) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, Error<E>>> + Send + 'static,
    {
        stack.refreshed(key, context, |context| call(context, true))
    }
}

/// What answers for calls that end badly, with `A` to ask a request for its second answer.
pub trait Answers<A, Q, T, L: Lasting<T>, E>: Send + Sync + Sized + 'static {
    /// What answers in the place of one call.
    type Second: Send + 'static;

    /// Looks at a request.
    fn second(ask: &A, request: &Q) -> Self::Second;

    /// What `call` brings, or the second answer.
    fn answered<C, H, Fut>(
        stack: &Stack<C, H, Self>,
        second: Self::Second,
        call: Fut,
    ) -> impl Future<Output = Result<L::Answer, Error<E>>> + Send
    where
        C: Send + Sync + 'static,
        H: Send + Sync + 'static,
        Fut: Future<Output = Result<L::Answer, Error<E>>> + Send;
}

impl<Q, T, L: Lasting<T>, E> Answers<(), Q, T, L, E> for () {
    type Second = ();

    fn second((): &(), _: &Q) {}

    fn answered<C, H, Fut>(
        _: &Stack<C, H, Self>,
        (): (),
        call: Fut,
    ) -> impl Future<Output = Result<L::Answer, Error<E>>> + Send
    where
        C: Send + Sync + 'static,
        H: Send + Sync + 'static,
        Fut: Future<Output = Result<L::Answer, Error<E>>> + Send,
    {
        call
    }
}

impl<A, G, Gut, Q, T, L, E, D> Answers<A, Q, T, L, E> for Answered<D>
where
    A: Fn(&Q) -> G,
    G: FnOnce(Option<&Error<E>>) -> Gut + Send + 'static,
    Gut: Future<Output = Result<T, E>> + Send,
    L: Lasting<T>,
    E: Send,
    D: Classify<L::Answer, E> + 'static,
{
    type Second = G;

    fn second(ask: &A, request: &Q) -> G {
        ask(request)
    }

    async fn answered<C, H, Fut>(stack: &Stack<C, H, Self>, second: G, call: Fut) -> Result<L::Answer, Error<E>>
    where
        C: Send + Sync + 'static,
        H: Send + Sync + 'static,
        Fut: Future<Output = Result<L::Answer, Error<E>>> + Send,
    {
        let second = |error: Option<&Error<E>>| {
            let answer = second(error);
            async move { answer.await.map(L::answer) }
        };
        stack.fallback().0.around_freed(call, L::free, second).await
    }
}
