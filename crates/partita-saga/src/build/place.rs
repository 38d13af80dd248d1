//! Places of a definition under way, and what may follow at each. Users never name them.

use crate::outcome::{Retriable, StepResult, Stop};
use serde::{Serialize, de::DeserializeOwned};

/// No step yet.
#[derive(Debug)]
pub struct Empty;
/// Every step so far can be undone.
#[derive(Debug)]
pub struct Open;
/// A group is joined; what its branches keep to, they were told themselves.
#[derive(Debug)]
pub struct Joined;
/// The last step has no undo yet.
#[derive(Debug)]
pub struct Undecided;
/// The pivot is behind.
#[derive(Debug)]
pub struct Beyond;
/// The pivot is behind, and a group is joined.
#[derive(Debug)]
pub struct JoinedBeyond;
/// Steps here may refuse.
#[derive(Debug)]
pub struct MayRefuse;
/// Steps here must finish.
#[derive(Debug)]
pub struct MustFinish;

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Empty {}
    impl Sealed for super::Open {}
    impl Sealed for super::Joined {}
    impl Sealed for super::Undecided {}
    impl Sealed for super::Beyond {}
    impl Sealed for super::JoinedBeyond {}
}
use sealed::Sealed;

#[diagnostic::on_unimplemented(
    message = "the step before this call has no undo",
    label = "say first how the step before is undone",
    note = "add `.undo(f)`, or `.nothing_to_undo(\"why\")` if it leaves nothing behind"
)]
pub trait Decided: Sealed {
    type Next;
    type Joined;
    type Kind: 'static;
}
impl Decided for Empty {
    type Next = Undecided;
    type Joined = Joined;
    type Kind = MayRefuse;
}
impl Decided for Open {
    type Next = Undecided;
    type Joined = Joined;
    type Kind = MayRefuse;
}
impl Decided for Joined {
    type Next = Undecided;
    type Joined = Self;
    type Kind = MayRefuse;
}
impl Decided for Beyond {
    type Next = Self;
    type Joined = JoinedBeyond;
    type Kind = MustFinish;
}
impl Decided for JoinedBeyond {
    type Next = Beyond;
    type Joined = Self;
    type Kind = MustFinish;
}

#[diagnostic::on_unimplemented(
    message = "`.undo(..)` and `.nothing_to_undo(..)` belong to a step before the pivot that has none yet",
    label = "this step cannot be given an undo here",
    note = "after the pivot the saga only goes forward; a step takes one undo"
)]
pub trait AwaitsUndo: Sealed {}
impl AwaitsUndo for Undecided {}

#[diagnostic::on_unimplemented(
    message = "a saga has one pivot, and every step before it says how it is undone",
    label = "no pivot here",
    note = "if the step before has no undo yet: `.undo(f)` or `.nothing_to_undo(\"why\")`"
)]
pub trait BeforePivot: Sealed {}
impl BeforePivot for Empty {}
impl BeforePivot for Open {}
impl BeforePivot for Joined {}

#[diagnostic::on_unimplemented(
    message = "there is no step yet that this could belong to",
    label = "add a `.step(..)` or a `.pivot(..)` first",
    note = "`.attempt`, `.within`, `.retry`, `.undo_retry`, `.undo_attempt`, `.probe` and `.insist` describe the step or branch before them; of a group, each branch"
)]
pub trait AfterStep: Sealed {}
impl AfterStep for Open {}
impl AfterStep for Undecided {}
impl AfterStep for Beyond {}

#[diagnostic::on_unimplemented(
    message = "this saga cannot be finished here",
    label = "no step yet, or the last step has no undo",
    note = "add a step; if the last step has no undo yet: `.undo(f)` or `.nothing_to_undo(\"why\")`"
)]
pub trait Complete: Sealed {}
impl Complete for Open {}
impl Complete for Joined {}
impl Complete for Beyond {}
impl Complete for JoinedBeyond {}

#[diagnostic::on_unimplemented(
    message = "a step at this place of the saga cannot return `{Self}`",
    label = "wrong return type for this place",
    note = "before the pivot, and for the pivot: `async fn(state: {S}, cx: Step<Env>) -> StepResult<{S}>`",
    note = "after the pivot: `async fn(state: {S}, cx: Step<Env>) -> Retriable<{S}>`; it cannot refuse, only be tried again"
)]
pub trait Outcome<S, Kind> {
    fn into_stop(self) -> Result<S, Stop>;
}
impl<S> Outcome<S, MayRefuse> for StepResult<S> {
    fn into_stop(self) -> Self {
        self
    }
}
impl<S> Outcome<S, MayRefuse> for Retriable<S> {
    fn into_stop(self) -> Result<S, Stop> {
        self.map_err(Stop::Unfinished)
    }
}
impl<S> Outcome<S, MustFinish> for Retriable<S> {
    fn into_stop(self) -> Result<S, Stop> {
        self.map_err(Stop::Unfinished)
    }
}

/// State of a saga. The engine keeps its text, and what it has read from it: what runs is what a recovery would run. Each
/// attempt is given a clone of that, which must share with others nothing that changes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the state of a saga",
    note = "derive `Clone`, `serde::Serialize` and `serde::Deserialize` for it"
)]
pub trait State: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}
impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> State for T {}
