//! One judgement of ends for every policy of a stack.

use crate::{Classify, Outcome};
use std::sync::Arc;

/// Shares a judgement among policies.
#[derive(Debug)]
pub(super) struct Judge<C>(pub(super) Arc<C>);

impl<C> Clone for Judge<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T, E, C: Classify<T, E>> Classify<T, E> for Judge<C> {
    fn classify(&self, result: Result<&T, &E>) -> Outcome {
        self.0.classify(result)
    }

    fn may_pass(&self, result: Result<&T, &E>) -> bool {
        self.0.may_pass(result)
    }
}
