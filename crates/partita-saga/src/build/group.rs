//! Parallel groups: branches return outputs of their own, a typed `join` folds them in.

use super::erase::{Calls, act, decode, encode, undo};
use super::place::{BeforePivot, Joined, MayRefuse, State};
use super::{Draft, Step};
use crate::definition::{Join, Json, Kind, Node};
use crate::outcome::{Retriable, StepResult, Unfinished};
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

/// A branch that has no undo yet: only `.undo` and `.nothing_to_undo` go on.
#[must_use = "say how the branch is undone"]
pub struct BranchWithoutUndo<S, E, P, Outs>(Group<S, E, P, Outs>);

impl<S: State, E: Send + Sync + 'static, P> Draft<S, E, P> {
    /// Opens a parallel group: each branch sees the state as it was and hands back an output of its own, `join` folds
    /// them in.
    pub fn together(self, name: &'static str) -> Group<S, E, P, ()>
    where
        P: BeforePivot,
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
    /// Adds a branch.
    pub fn branch<T, F, Fut>(mut self, name: &'static str, f: F) -> BranchWithoutUndo<S, E, P, Outs::Out>
    where
        Outs: Push<T>,
        T: Serialize + DeserializeOwned + 'static,
        F: Fn(S, Step<E>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = StepResult<T>> + Send + 'static,
    {
        let act = act::<S, T, E, MayRefuse, F, Fut>(f);
        self.draft.saga.leaves.push(Calls::new(name, Kind::NothingToUndo, act));
        BranchWithoutUndo(Group { draft: self.draft, name: self.name, first: self.first, _outs: PhantomData })
    }

    /// Folds the outputs into the state. The function must be pure.
    pub fn join<J>(self, join: J) -> Draft<S, E, Joined>
    where
        Outs: Outputs + 'static,
        J: Fn(S, Outs) -> S + Send + Sync + 'static,
    {
        let fold: Join = Arc::new(move |state, outs| encode(&join(decode(state)?, Outs::decode(outs)?)));
        let Self { mut draft, first, .. } = self;
        let count = draft.saga.leaves.len() - first;
        draft.saga.nodes.push(Node { first, count, join: Some(fold) });
        draft.moved()
    }
}

impl<S: State, E: Send + Sync + 'static, P, Outs> BranchWithoutUndo<S, E, P, Outs> {
    /// Undo of the branch; see [`Draft::undo`].
    pub fn undo<F, Fut>(mut self, f: F) -> Group<S, E, P, Outs>
    where
        F: Fn(S, Step<E>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Retriable<()>> + Send + 'static,
    {
        self.0.draft.amend(|leaf| (leaf.undo, leaf.kind) = (Some(undo(f)), Kind::Compensatable));
        self.0
    }

    /// The branch leaves nothing behind; `why` is for readers.
    pub fn nothing_to_undo(self, _why: &'static str) -> Group<S, E, P, Outs> {
        self.0
    }
}

impl<S, E, P, Outs> fmt::Debug for Group<S, E, P, Outs> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Group({})", self.name)
    }
}

impl<S, E, P, Outs> fmt::Debug for BranchWithoutUndo<S, E, P, Outs> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
