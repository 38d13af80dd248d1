//! The stack as a tower layer.

use super::ask::{Answers, Ask, Sharing};
use super::lasting::Lasting;
use super::requests::Requests;
use super::{Answered, Stack};
use crate::cache::Cache;
use crate::coalesce::Coalesce;
use crate::deadline::Context;
use crate::layered::{PolicyLayer, Serve, With, take_ready};
use crate::retry::{ByClone, Repeat};
use crate::{Classify, Error, ErrorShape, Plain};
use partita_time::BoxFuture;
use std::fmt;
use tower_service::Service;

/// A [`Stack`] as a layer, and what it asks of requests.
type Layered<C, S, F, K, A> = Asking<Stack<C, S, F>, Ask<ByClone, K, A>, Plain>;

/// A policy as a layer, what it asks of requests, and what it stands on.
type Asking<P, G, M> = PolicyLayer<With<P, G>, M>;

/// As [`Asking`], with how requests are made again.
type Repeating<P, R, K, A, L, M> = Asking<P, Ask<R, K, A, L>, M>;

impl<C> Stack<C> {
    /// As a layer; requests are cloned for further attempts. A call's future is on the heap, one allocation; the plain call
    /// makes none.
    pub fn layer(&self) -> Layered<C, (), (), (), ()> {
        self.asking((), ())
    }
}

impl<C> Stack<C, (), Answered<C>> {
    /// As a layer with a second answer: `answer` looks at the request and gives what answers in the place of a call, told
    /// the error, or None where an answer was judged a failure.
    pub fn layer<A>(&self, answer: A) -> Layered<C, (), Answered<C>, (), A> {
        self.asking((), answer)
    }
}

impl<C, K, T, E> Stack<C, Coalesce<K, T, E>> {
    /// As a layer; `key` names the key of a request, or None for one that is made by itself.
    pub fn layer<G>(&self, key: G) -> Layered<C, Coalesce<K, T, E>, (), G, ()> {
        self.asking(key, ())
    }
}

impl<C, K, T, E> Stack<C, Coalesce<K, T, E>, Answered<C>> {
    /// As a layer with the key of a request, or None for one that is made by itself, and its second answer.
    pub fn layer<G, A>(&self, key: G, answer: A) -> Layered<C, Coalesce<K, T, E>, Answered<C>, G, A> {
        self.asking(key, answer)
    }
}

impl<C, K, T, D> Stack<C, Cache<K, T, D>> {
    /// As a layer; `key` names the key of a request, or None for one that is never kept. Who finds a stale answer gets it at
    /// once and the request is made in the background, within the stack's own deadline, as in [`Stack::call_refreshing`].
    pub fn layer<G>(&self, key: G) -> Layered<C, Cache<K, T, D>, (), G, ()> {
        self.asking(key, ())
    }
}

impl<C, K, T, D> Stack<C, Cache<K, T, D>, Answered<C>> {
    /// As a layer with the key of a request, or None for one that is never kept, and its second answer.
    pub fn layer<G, A>(&self, key: G, answer: A) -> Layered<C, Cache<K, T, D>, Answered<C>, G, A> {
        self.asking(key, answer)
    }
}

impl<C, S, F> Stack<C, S, F> {
    pub(crate) fn asking<K, A, L>(&self, key: K, answer: A) -> Asking<Self, Ask<ByClone, K, A, L>, Plain> {
        PolicyLayer::new(With { policy: self.clone(), ask: Ask::new(ByClone, key, answer) })
    }
}

impl<C, S, F, R, K, A, L, M> Repeating<Stack<C, S, F>, R, K, A, L, M> {
    /// Requests are made again by `repeat`.
    #[must_use]
    pub fn repeat<P>(self, repeat: P) -> Repeating<Stack<C, S, F>, P, K, A, L, M> {
        self.map(|ask| Ask::new(repeat, ask.key, ask.answer))
    }
}

impl<S, Q, C, H, F, R, K, A, L, M> Serve<S, Q, M> for With<Stack<C, H, F>, Ask<R, K, A, L>>
where
    S: Service<Q> + Clone + Send + 'static,
    S::Future: Send,
    Q: Send + 'static,
    C: Classify<L::Answer, M::Inner> + 'static,
    H: Sharing<K, Q, L::Answer, M::Inner>,
    F: Answers<A, Q, S::Response, L, M::Inner>,
    R: Repeat<Q> + Clone + Send + Sync + 'static,
    L: Lasting<S::Response>,
    M: ErrorShape<S::Error> + 'static,
    M::Inner: fmt::Debug + Send + 'static,
{
    type Response = L::Answer;
    type Future = BoxFuture<'static, Result<L::Answer, Error<M::Inner>>>;

    fn serve(&self, inner: &mut S, request: Q) -> Self::Future {
        let (next, ready) = (inner.clone(), take_ready(inner));
        let Self { policy: stack, ask } = self;
        let context = ask.repeat.context(&request, Context::current());
        let (key, second) = (H::key(&ask.key, &request), F::second(&ask.answer, &request));
        let requests = Requests::<S, Q, R, L, M>::new((ready, next), request, ask.repeat.clone());
        let stack = stack.clone();
        Box::pin(async move {
            let beneath = stack.clone();
            let call = move |context, limited| requests.send(beneath, context, limited);
            F::answered(&stack, second, H::through(&stack, key, context, call)).await
        })
    }
}
