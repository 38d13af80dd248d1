//! One attempt: a call of the user's function, bounded in time, its panic caught.

use super::Inner;
use crate::definition::{Definition, Leaf, Settle, StateText};
use crate::journal::{Outcome, Turn, Verb};
use crate::outcome::{AttemptFacts, Probe, Stop};
use futures_util::FutureExt;
use partita_core::{Effect, Error, ErrorKind, Part};
use partita_time::{BoxFuture, timeout};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::Poll;

/// How an attempt of a leaf ended, and what it staged.
pub(super) struct Ended {
    pub(super) leaf: usize,
    pub(super) verb: Verb,
    pub(super) n: u32,
    pub(super) outcome: Outcome,
    pub(super) staged: Part,
}

impl Ended {
    fn is_done(&self) -> bool {
        matches!(self.outcome, Outcome::Done(_) | Outcome::Undone | Outcome::Probed(Probe::Done(_)))
    }

    /// Whether the end has no writes of the step's own.
    pub(super) fn stages_nothing(&self) -> bool {
        self.staged.is_empty()
    }

    /// Whether nothing but the record of it follows from this end, while others run.
    pub(super) fn is_plain(&self) -> bool {
        self.is_done() && self.stages_nothing()
    }

    /// Tells the turn.
    pub(super) fn tell(&self, turn: &mut Turn<'_>) {
        turn.ended(self.leaf, self.verb, self.n, &self.outcome);
    }
}

/// What to call.
pub(super) struct Attempt {
    pub(super) leaf: usize,
    pub(super) verb: Verb,
    pub(super) n: u32,
    pub(super) saga: Arc<str>,
    pub(super) state: StateText,
}

impl Attempt {
    pub(super) fn run(self, inner: Arc<Inner>, def: Arc<Definition>) -> BoxFuture<'static, Ended> {
        Box::pin(async move {
            let Some(leaf) = def.leaves.get(self.leaf) else {
                let error = Error::new(ErrorKind::Corrupt, "the definition has no such step").effect(Effect::None);
                return self.ended(Outcome::Unfinished(error), Part::new());
            };
            let facts = Arc::new(AttemptFacts {
                saga: self.saga.clone(),
                step: leaf.name,
                key: self.key(leaf, &inner),
                attempt: self.n,
                staged: Mutex::default(),
            });
            let called = AssertUnwindSafe(self.call(leaf, facts.clone())).catch_unwind();
            let limit = if self.verb == Verb::Undo { leaf.undo_limit() } else { leaf.attempt };
            let outcome = match timeout(&*inner.host.clock, limit, called).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => Outcome::Unfinished(Error::new(ErrorKind::Other, "the step panicked")),
                Err(_) => Outcome::Unfinished(Error::new(ErrorKind::Timeout, format!("no answer within {limit:?}"))),
            };
            #[cfg(feature = "sabotage")]
            let outcome = error_is_not_done(outcome, &inner);
            self.ended(outcome, facts.take_staged())
        })
    }

    /// What a step staged counts only where it is done.
    fn ended(&self, outcome: Outcome, staged: Part) -> Ended {
        let mut ended = Ended { leaf: self.leaf, verb: self.verb, n: self.n, outcome, staged };
        if !ended.is_done() {
            ended.staged = Part::new();
        }
        ended
    }

    /// A key that is known already; otherwise it is made when the step asks for it.
    fn key(&self, leaf: &Leaf, inner: &Inner) -> OnceLock<String> {
        #[cfg(feature = "sabotage")]
        if inner.sabotaged(super::Sabotage::NewKeyPerAttempt) {
            let first = leaf.key(&self.saga);
            return OnceLock::from(format!("{}{}", first.trim_end_matches('0'), self.n - 1));
        }
        let _ = (leaf, inner);
        OnceLock::new()
    }

    async fn call(&self, leaf: &Leaf, facts: Arc<AttemptFacts>) -> Outcome {
        match (self.verb, &leaf.settle, &leaf.undo) {
            (Verb::Undo, _, Some(undo)) => undo(&self.state, facts).await.map_or_else(unfinished, |()| Outcome::Undone),
            (Verb::Settle, Settle::Probe(ask, _), _) => {
                ask(&self.state, facts).await.map_or_else(unfinished, Outcome::Probed)
            }
            (Verb::Undo, _, None) => Outcome::Undone,
            (Verb::Do | Verb::Settle, ..) => match (leaf.act)(&self.state, facts).await {
                Ok(out) => Outcome::Done(out),
                Err(Stop::Rejected(refusal)) => Outcome::Rejected(refusal),
                Err(Stop::Unfinished(error)) => unfinished(error),
            },
        }
    }
}

/// The attempts under way: few, so that asking each in turn is cheaper than keeping books about them.
#[derive(Default)]
pub(super) struct Attempts(Vec<BoxFuture<'static, Ended>>);

impl Attempts {
    pub(super) fn push(&mut self, attempt: BoxFuture<'static, Ended>) {
        self.0.push(attempt);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next one that ends; `None` when there is none.
    pub(super) async fn next(&mut self) -> Option<Ended> {
        std::future::poll_fn(|cx| {
            for place in 0..self.0.len() {
                if let Poll::Ready(ended) = self.0[place].as_mut().poll(cx) {
                    drop(self.0.swap_remove(place));
                    return Poll::Ready(Some(ended));
                }
            }
            if self.0.is_empty() { Poll::Ready(None) } else { Poll::Pending }
        })
        .await
    }
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
