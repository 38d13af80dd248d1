//! How long an attempt lasts.

use super::Permits;
use crate::{Error, ErrorShape, Nested, Outcome, Plain};
use std::marker::PhantomData;

/// Whether an attempt ends with its answer, or lasts while the answer holds its permits.
pub trait Keeps<T> {
    /// Whether answers hold permits.
    const KEEPS: bool = false;

    /// Gives the permits of an attempt to its answer, which was judged so.
    fn keep(answer: &mut T, permits: Permits, judged: Outcome) {
        let _ = answer;
        permits.finish(judged);
    }
}

impl<T> Keeps<T> for Plain {}

impl<T> Keeps<T> for Nested {}

/// What a stack's layer makes of the answers of the service beneath.
pub trait Lasting<T>: Keeps<Self::Answer> + 'static {
    /// An answer, with room for permits where it holds them.
    type Answer: Send;

    /// An answer, which holds nothing yet.
    fn answer(answer: T) -> Self::Answer;

    /// Makes an answer give its permits back.
    fn free(answer: &mut Self::Answer) {
        let _ = answer;
    }
}

impl<T: Send> Lasting<T> for Nested {
    type Answer = T;

    fn answer(answer: T) -> T {
        answer
    }
}

/// Attempts as `L` says, whose errors are those of policies already.
pub(super) struct Lifted<L>(PhantomData<L>);

impl<L, E> ErrorShape<Error<E>> for Lifted<L> {
    type Inner = E;

    fn lift(error: Error<E>) -> Error<E> {
        error
    }
}

impl<T, L: Keeps<T>> Keeps<T> for Lifted<L> {
    const KEEPS: bool = L::KEEPS;

    fn keep(answer: &mut T, permits: Permits, judged: Outcome) {
        L::keep(answer, permits, judged);
    }
}
