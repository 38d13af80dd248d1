//! The typed builder. Its place parameter says where the definition stands; users never name it.

mod erase;
mod group;
#[doc(hidden)]
pub mod place;
mod policy;

use crate::definition::{AtEnd, Definition, End, Kind, Leaf, Node, Settle, fingerprint};
use crate::outcome::{Retriable, Step};
use erase::{Calls, act, undo};
pub use group::Group;
use partita_core::Part;
use place::{AwaitsUndo, BeforePivot, Beyond, Complete, Decided, Empty, MayRefuse, Open, Outcome, State};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

const ATTEMPT: Duration = Duration::from_secs(10);
/// Outlasts a participant that is down for some minutes: who is parked needs a person.
pub(crate) const UNDO_TRIES: u32 = 100;

/// A finished definition: `Saga<State, Env>`.
pub struct Saga<S, E = ()> {
    name: &'static str,
    version: u32,
    schema: u32,
    deadline: Option<Duration>,
    leaves: Vec<Calls<E>>,
    nodes: Vec<Node>,
    at_end: Option<AtEnd>,
    _state: PhantomData<fn(S) -> S>,
}

/// A definition under way.
#[must_use = "a definition does nothing until `.build()`"]
pub struct Draft<S, E, P> {
    saga: Saga<S, E>,
    _place: PhantomData<P>,
}

impl<S: State, E: Send + Sync + 'static> Saga<S, E> {
    /// Begins a definition. The name is stored with every instance.
    pub fn named(name: &'static str) -> Draft<S, E, Empty> {
        let (leaves, nodes, at_end) = (vec![], vec![], None);
        let saga = Self { name, version: 1, schema: 1, deadline: None, leaves, nodes, at_end, _state: PhantomData };
        Draft { saga, _place: PhantomData }
    }
}

impl<S, E> Saga<S, E> {
    pub(crate) fn bind(&self, env: &Arc<E>) -> Definition {
        let leaves: Vec<Leaf> = self.leaves.iter().map(|calls| calls.bind(env)).collect();
        let fingerprint = fingerprint(self.name, self.schema, &leaves, &self.nodes);
        let Self { name, version, deadline, nodes, at_end, .. } = self;
        let (nodes, at_end) = (nodes.clone(), at_end.clone());
        Definition { name, version: *version, deadline: *deadline, leaves, nodes, at_end, fingerprint }
    }
}

impl<S: State, E: Send + Sync + 'static, P> Draft<S, E, P> {
    /// Version of the definition, from 1. Several versions of one name may be registered side by side.
    pub fn version(mut self, version: u32) -> Self {
        self.saga.version = version;
        self
    }

    /// Number of the state's shape, from 1: raise it when old state bytes cannot be read any more.
    pub fn schema(mut self, number: u32) -> Self {
        self.saga.schema = number;
        self
    }

    /// Until when the pivot must have begun, counted from the start; then the saga unwinds.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.saga.deadline = Some(limit);
        self
    }

    /// Adds a step. Before the pivot it may refuse and needs `.undo(f)` or `.nothing_to_undo("why")` behind it.
    // `Next` and `K` are parameters of the method, not `P::Next` in its signature: only so does a missing undo give E0277
    // with our text, and not E0599 "trait bounds were not satisfied".
    pub fn step<F, Fut, Next, K>(self, name: &'static str, f: F) -> Draft<S, E, Next>
    where
        P: Decided<Next = Next, Kind = K>,
        F: Fn(S, Step<E>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Outcome<S, K>> + Send + 'static,
    {
        self.push(name, Kind::Retriable, act::<S, S, E, K, F, Fut>(f))
    }

    /// Undo of the step before. It is given the last state that was committed going forward (of a step in doubt: the state
    /// before it), finds the effect by its key, and may be the first thing that the participant hears.
    pub fn undo<F, Fut>(mut self, f: F) -> Draft<S, E, Open>
    where
        P: AwaitsUndo,
        F: Fn(S, Step<E>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Retriable<()>> + Send + 'static,
    {
        self.amend(|leaf| (leaf.undo, leaf.kind) = (Some(undo(f)), Kind::Compensatable));
        self.moved()
    }

    /// The step before leaves nothing behind; `why` is for readers.
    pub fn nothing_to_undo(mut self, _why: &'static str) -> Draft<S, E, Open>
    where
        P: AwaitsUndo,
    {
        self.amend(|leaf| leaf.kind = Kind::NothingToUndo);
        self.moved()
    }

    /// The point of no return: refused, the saga unwinds; done, it only goes forward.
    pub fn pivot<F, Fut>(self, name: &'static str, f: F) -> Draft<S, E, Beyond>
    where
        P: BeforePivot,
        F: Fn(S, Step<E>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Outcome<S, MayRefuse>> + Send + 'static,
    {
        self.push(name, Kind::Pivot, act::<S, S, E, MayRefuse, F, Fut>(f))
    }

    /// Writes that are committed with the saga's last record, so that an order's status and its saga's end cannot differ.
    /// The function must be pure.
    pub fn at_end<F>(mut self, f: F) -> Self
    where
        P: Complete,
        F: Fn(S, &End) -> partita_core::Result<Part> + Send + Sync + 'static,
    {
        self.saga.at_end = Some(Arc::new(move |state, end| f(state.read().map_err(|unread| unread.0)?, end)));
        self
    }

    /// Finishes the definition.
    #[must_use]
    pub fn build(self) -> Saga<S, E>
    where
        P: Complete,
    {
        self.saga
    }

    fn push<Q>(mut self, name: &'static str, kind: Kind, act: erase::Call<E, erase::Answer>) -> Draft<S, E, Q> {
        self.saga.nodes.push(Node { first: self.saga.leaves.len(), count: 1, join: None });
        self.saga.leaves.push(Calls::new(name, kind, act));
        self.moved()
    }

    fn moved<Q>(self) -> Draft<S, E, Q> {
        Draft { saga: self.saga, _place: PhantomData }
    }

    fn amend(&mut self, change: impl FnOnce(&mut Calls<E>)) {
        if let Some(leaf) = self.saga.leaves.last_mut() {
            change(leaf);
        }
    }
}

impl<S, E> fmt::Debug for Saga<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Saga({} v{})", self.name, self.version)
    }
}

impl<S, E, P> fmt::Debug for Draft<S, E, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Draft({})", self.saga.name)
    }
}

impl<E> Calls<E> {
    fn new(name: &'static str, kind: Kind, act: erase::Call<E, erase::Answer>) -> Self {
        let (undo, settle) = (None, erase::Settling::Tombstone);
        let (attempt, undo_attempt, within) = (ATTEMPT, None, None);
        Self { name, kind, act, undo, settle, attempt, within, retry: None, undo_retry: UNDO_TRIES, undo_attempt }
    }

    fn bind(&self, env: &Arc<E>) -> Leaf
    where
        E: Sized,
    {
        let settle = match &self.settle {
            erase::Settling::Tombstone => Settle::Tombstone,
            erase::Settling::Insist(window) => Settle::Insist(*window),
            erase::Settling::Probe(ask, window) => Settle::Probe(ask(env.clone()), *window),
        };
        Leaf {
            name: self.name,
            kind: self.kind,
            act: (self.act)(env.clone()),
            undo: self.undo.as_ref().map(|undo| undo(env.clone())),
            settle,
            attempt: self.attempt,
            within: self.within,
            retry: self.retry,
            undo_retry: self.undo_retry,
            undo_attempt: self.undo_attempt,
        }
    }
}
