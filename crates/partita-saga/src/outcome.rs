//! What a step is given, and what it may answer.

use partita_core::{Error, Part};
use serde::Serialize;
use std::fmt::{self, Display};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// An attempt that ended without an answer: the effect may be there. It is made again with the same key, or probed.
#[derive(Debug)]
pub struct Unfinished(pub Error);

/// A business refusal: definite, and without effect. Made by [`reject`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason as JSON.
    pub reason: serde_json::Value,
    /// The reason in words.
    pub text: String,
}

/// Why a step did not finish.
#[derive(Debug)]
pub enum Stop {
    /// The participant refused for good and did nothing: the saga unwinds, without undoing this step.
    Rejected(Refusal),
    /// No answer.
    Unfinished(Unfinished),
}

/// Answer of a step before the pivot, and of the pivot.
pub type StepResult<T> = Result<T, Stop>;
/// Answer of a step after the pivot, and of an undo: it cannot refuse, only be tried again.
pub type Retriable<T> = Result<T, Unfinished>;
/// Answer of a probe.
pub type ProbeResult<T> = Result<Probe<T>, Unfinished>;

/// What became of an attempt whose answer was lost.
#[derive(Debug)]
pub enum Probe<T> {
    /// It took effect.
    Done(T),
    /// It left no trace. Inside the step's window this is no answer, since the request may still be under way.
    NotDone,
    /// It is still under way, or nobody knows.
    StillUnknown,
}

/// A business refusal. Nothing else makes one: `?` on an error always leaves the attempt unfinished.
pub fn reject(reason: impl Serialize + Display) -> Stop {
    let text = reason.to_string();
    let reason = serde_json::to_value(&reason).unwrap_or_else(|_| serde_json::Value::String(text.clone()));
    Stop::Rejected(Refusal { reason, text })
}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Error> for Unfinished {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Unfinished(Unfinished(error))
    }
}

impl From<Unfinished> for Stop {
    fn from(unfinished: Unfinished) -> Self {
        Self::Unfinished(unfinished)
    }
}

/// What one attempt knows of itself.
#[derive(Debug)]
pub(crate) struct AttemptFacts {
    pub(crate) saga: Arc<str>,
    pub(crate) step: &'static str,
    /// Made when it is first asked for: many steps call nobody.
    pub(crate) key: OnceLock<String>,
    pub(crate) attempt: u32,
    pub(crate) staged: Mutex<Part>,
}

impl AttemptFacts {
    pub(crate) fn take_staged(&self) -> Part {
        std::mem::take(&mut *self.staged.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a step is given beside the state.
#[derive(Debug)]
pub struct Step<Env = ()> {
    pub(crate) env: Arc<Env>,
    pub(crate) facts: Arc<AttemptFacts>,
}

impl<Env> Step<Env> {
    /// Clients and settings, handed over when the saga was registered.
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// Idempotency key `{saga}/{step}/{round}`, spaces as hyphens: the same for every attempt of this step and for its undo.
    pub fn key(&self) -> &str {
        self.facts.key.get_or_init(|| crate::definition::key_of(&self.facts.saga, self.facts.step))
    }

    /// The saga's public id.
    pub fn saga(&self) -> &str {
        &self.facts.saga
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.facts.attempt
    }

    /// Writes in the saga's own store that become true with the record of this step's "done", or not at all.
    pub fn also(&self, part: Part) {
        self.facts.staged.lock().unwrap_or_else(PoisonError::into_inner).extend(part);
    }
}
