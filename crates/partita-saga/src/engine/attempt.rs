//! One attempt: a call of the user's function, bounded in time, its panic caught.

use super::Inner;
use crate::definition::{Definition, Leaf, Settle};
use crate::journal::{Outcome, Verb};
use crate::outcome::{AttemptFacts, Retriable, Stop};
use futures_util::FutureExt;
use partita_core::{Effect, Error, ErrorKind, Part};
use partita_time::{BoxFuture, timeout};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

/// How an attempt of a leaf ended, and what it staged.
pub(super) struct Ended {
    pub(super) leaf: usize,
    pub(super) verb: Verb,
    pub(super) n: u32,
    pub(super) outcome: Outcome,
    pub(super) staged: Part,
}

/// What to call.
pub(super) struct Attempt {
    pub(super) leaf: usize,
    pub(super) verb: Verb,
    pub(super) n: u32,
    pub(super) saga: Arc<str>,
    pub(super) state: Arc<str>,
}

impl Attempt {
    pub(super) fn run(self, inner: Arc<Inner>, def: Arc<Definition>) -> BoxFuture<'static, Ended> {
        Box::pin(async move {
            let Some(leaf) = def.leaves.get(self.leaf) else {
                let error = Error::new(ErrorKind::Corrupt, "the definition has no such step").effect(Effect::None);
                return self.ended(Outcome::Unfinished(error), Part::new());
            };
            let facts = AttemptFacts {
                saga: self.saga.clone(),
                key: self.key(leaf, &inner),
                attempt: self.n,
                staged: Arc::new(Mutex::default()),
            };
            let called = AssertUnwindSafe(async { self.call(leaf, facts.clone()).await }).catch_unwind();
            let outcome = match timeout(&*inner.host.clock, leaf.attempt, called).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => Outcome::Unfinished(Error::new(ErrorKind::Other, "the step panicked")),
                Err(_) => {
                    let limit = format!("no answer within {:?}", leaf.attempt);
                    Outcome::Unfinished(Error::new(ErrorKind::Timeout, limit))
                }
            };
            #[cfg(feature = "sabotage")]
            let outcome = error_is_not_done(outcome, &inner);
            self.ended(outcome, facts.take_staged())
        })
    }

    fn ended(self, outcome: Outcome, staged: Part) -> Ended {
        Ended { leaf: self.leaf, verb: self.verb, n: self.n, outcome, staged }
    }

    fn key(&self, leaf: &Leaf, inner: &Inner) -> Arc<str> {
        #[cfg(feature = "sabotage")]
        if inner.sabotaged(super::Sabotage::NewKeyPerAttempt) {
            let first = leaf.key(&self.saga);
            return format!("{}{}", first.trim_end_matches('0'), self.n - 1).into();
        }
        let _ = inner;
        leaf.key(&self.saga).into()
    }

    fn call(&self, leaf: &Leaf, facts: AttemptFacts) -> impl Future<Output = Outcome> + Send + use<> {
        let running: BoxFuture<'static, Outcome> = match (self.verb, &leaf.settle, &leaf.undo) {
            (Verb::Undo, _, Some(undo)) => Box::pin(undo(&self.state, facts).map(undone)),
            (Verb::Settle, Settle::Probe(ask, _), _) => {
                Box::pin(ask(&self.state, facts).map(|answer| answer.map_or_else(unfinished, Outcome::Probed)))
            }
            (Verb::Undo, _, None) => Box::pin(std::future::ready(Outcome::Undone)),
            (Verb::Do | Verb::Settle, ..) => Box::pin((leaf.act)(&self.state, facts).map(|answer| match answer {
                Ok(out) => Outcome::Done(out),
                Err(Stop::Rejected(refusal)) => Outcome::Rejected(refusal),
                Err(Stop::Unfinished(error)) => unfinished(error),
            })),
        };
        running
    }
}

fn undone(answer: Retriable<()>) -> Outcome {
    answer.map_or_else(unfinished, |()| Outcome::Undone)
}

fn unfinished(error: crate::Unfinished) -> Outcome {
    Outcome::Unfinished(error.0)
}

#[cfg(feature = "sabotage")]
fn error_is_not_done(outcome: Outcome, inner: &Inner) -> Outcome {
    match outcome {
        Outcome::Unfinished(error)
            if error.kind() == ErrorKind::Unavailable && inner.sabotaged(super::Sabotage::ErrorIsNotDone) =>
        {
            Outcome::Unfinished(error.effect(Effect::None))
        }
        other => other,
    }
}
