//! Parallel groups: branches return outputs of their own, a typed `join` folds them in.

use super::erase::{Calls, act, decode, encode};
use super::place::{AwaitsUndo, Decided, Open, Outcome, State};
use super::{Draft, Step};
use crate::definition::{Join, Json, Kind, Node};
use crate::outcome::{Retriable, Unfinished};
use partita_core::{Error, ErrorKind};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

/// A parallel group under way; `Outs` is the tuple of its branches' outputs.
#[must_use = "a group ends with `.join(..)`"]
pub struct Group<S, E, P, Outs> {
    pub(super) draft: Draft<S, E, P>,
    name: &'static str,
    first: usize,
    _outs: PhantomData<fn() -> Outs>,
}

impl<S: State, E: Send + Sync + 'static, P> Draft<S, E, P> {
    /// Opens a parallel group: each branch sees the state as it was and hands back an output of its own, `join` folds
    /// them in. Branches keep to what steps at this place keep to.
    pub fn together(self, name: &'static str) -> Group<S, E, P, ()>
    where
        P: Decided,
    {
        let first = self.saga.leaves.len();
        Group { draft: self, name, first, _outs: PhantomData }
    }
}

#[doc(hidden)]
pub trait Push<T> {
    type Out: Branches<Last = T>;
}
#[doc(hidden)]
pub trait Branches {
    type Last;
}
#[doc(hidden)]
pub trait Outputs: Sized {
    fn decode(all: &[Json]) -> Retriable<Self>;
}

macro_rules! outputs {
    ($($t:ident $v:ident),+ ; $next:ident) => {
        impl<$($t,)+ $next> Push<$next> for ($($t,)+) {
            type Out = ($($t,)+ $next,);
        }
        impl<$($t,)+ $next> Branches for ($($t,)+ $next,) {
            type Last = $next;
        }
        outputs!(@decode $($t $v),+);
    };
    (@decode $($t:ident $v:ident),+) => {
        impl<$($t: DeserializeOwned),+> Outputs for ($($t,)+) {
            fn decode(all: &[Json]) -> Retriable<Self> {
                let [$($v),+] = all else {
                    let error = Error::new(ErrorKind::Corrupt, "a group has another number of outputs");
                    return Err(Unfinished(error));
                };
                Ok(($(decode($v)?,)+))
            }
        }
    };
}
impl<A> Push<A> for () {
    type Out = (A,);
}
impl<A> Branches for (A,) {
    type Last = A;
}
outputs!(A a; B);
outputs!(A a, B b; C);
outputs!(A a, B b, C c; D);
outputs!(A a, B b, C c, D d; F);
outputs!(@decode A a, B b, C c, D d, F f);

impl<S: State, E: Send + Sync + 'static, P, Outs> Group<S, E, P, Outs> {
    /// Adds a branch. Before the pivot it may refuse and needs `.undo(f)` or `.nothing_to_undo("why")` behind it.
    pub fn branch<T, F, Fut, Next, K>(self, name: &'static str, f: F) -> Group<S, E, Next, Outs::Out>
    where
        P: Decided<Next = Next, Kind = K>,
        Outs: Push<T>,
        T: Serialize + DeserializeOwned + 'static,
        F: Fn(S, Step<E>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output: Outcome<T, K>> + Send + 'static,
    {
        let mut group = self.moved();
        group.draft.saga.leaves.push(Calls::new(name, Kind::Retriable, act::<S, T, E, K, F, Fut>(f)));
        group
    }

    /// Undo of the branch; see [`Draft::undo`].
    pub fn undo<F, Fut>(self, f: F) -> Group<S, E, Open, Outs>
    where
        P: AwaitsUndo,
        F: Fn(S, Step<E>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Retriable<()>> + Send + 'static,
    {
        let Self { draft, name, first, _outs } = self;
        Group { draft: draft.undo(f), name, first, _outs }
    }

    /// The branch leaves nothing behind; `why` is for readers.
    pub fn nothing_to_undo(self, why: &'static str) -> Group<S, E, Open, Outs>
    where
        P: AwaitsUndo,
    {
        let Self { draft, name, first, _outs } = self;
        Group { draft: draft.nothing_to_undo(why), name, first, _outs }
    }

    /// Folds the outputs into the state. The function must be pure.
    pub fn join<J, Next>(self, join: J) -> Draft<S, E, Next>
    where
        P: Decided<Joined = Next>,
        Outs: Outputs + 'static,
        J: Fn(S, Outs) -> S + Send + Sync + 'static,
    {
        let fold: Join = Arc::new(move |state, outs| encode(&join(state.read()?, Outs::decode(outs)?)));
        let Self { mut draft, first, .. } = self;
        let count = draft.saga.leaves.len() - first;
        draft.saga.nodes.push(Node { first, count, join: Some(fold) });
        draft.moved()
    }

    fn moved<Q, More>(self) -> Group<S, E, Q, More> {
        Group { draft: self.draft.moved(), name: self.name, first: self.first, _outs: PhantomData }
    }
}

impl<S, E, P, Outs> fmt::Debug for Group<S, E, P, Outs> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Group({})", self.name)
    }
}
