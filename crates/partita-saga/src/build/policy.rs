//! Times and settling of the step or branch before.

use super::erase::{Settling, ask};
use super::group::Branches;
use super::place::{AfterStep, State};
use super::{Draft, Group, Step};
use crate::outcome::ProbeResult;
use serde::Serialize;
use std::future::Future;
use std::time::Duration;

const PROBE_WINDOW: Duration = Duration::from_secs(5);

impl<S: State, E: Send + Sync + 'static, P> Draft<S, E, P> {
    /// Time for one try (10 s unless told); then its outcome is unknown.
    pub fn attempt(mut self, limit: Duration) -> Self
    where
        P: AfterStep,
    {
        self.amend(|leaf| leaf.attempt = limit);
        self
    }

    /// Time for the whole step, tries and waits; before the pivot the saga then unwinds, from the pivot on it only alerts.
    pub fn within(mut self, limit: Duration) -> Self
    where
        P: AfterStep,
    {
        self.amend(|leaf| leaf.within = Some(limit));
        self
    }

    /// Tries at most (unlimited unless told), those that were put off ([`partita_core::Error::put_off`]) not counted. Used up, the saga unwinds before the pivot and parks after it; the pivot itself
    /// never gives up.
    pub fn retry(mut self, attempts: u32) -> Self
    where
        P: AfterStep,
    {
        self.amend(|leaf| leaf.retry = Some(attempts.max(1)));
        self
    }

    /// Tries of the step's undo at most (100 unless told: four minutes of a participant that fails at once). Used up, the
    /// saga does its other undos and waits for an operator. Tries that their process did not outlive count only from 100 on,
    /// those that were put off ([`partita_core::Error::put_off`]) never: they go on until it is done.
    pub fn undo_retry(mut self, attempts: u32) -> Self
    where
        P: AfterStep,
    {
        self.amend(|leaf| leaf.undo_retry = attempts.max(1));
        self
    }

    /// Time for one try of the step's undo (that of [`Self::attempt`] unless told); then its outcome is unknown.
    pub fn undo_attempt(mut self, limit: Duration) -> Self
    where
        P: AfterStep,
    {
        self.amend(|leaf| leaf.undo_attempt = Some(limit));
        self
    }

    /// How a lost answer is settled: ask the participant. "Not done" counts only outside the window (5 s unless told by
    /// [`Self::window`]) since the request may still be under way.
    pub fn probe<F, Fut>(mut self, f: F) -> Self
    where
        P: AfterStep,
        F: Fn(S, Step<E>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ProbeResult<S>> + Send + 'static,
    {
        self.amend(|leaf| leaf.settle = Settling::Probe(ask(f), PROBE_WINDOW));
        self
    }

    /// How a lost answer is settled: the same request with the same key until a definite answer, for as long as the
    /// participant keeps the key.
    pub fn insist(mut self, key_kept: Duration) -> Self
    where
        P: AfterStep,
    {
        self.amend(|leaf| leaf.settle = Settling::Insist(key_kept));
        self
    }

    /// How long after an attempt a probe's "not done" is no answer.
    pub fn window(mut self, window: Duration) -> Self
    where
        P: AfterStep,
    {
        self.amend(|leaf| leaf.settle.opens(window));
        self
    }
}

impl<S: State, E: Send + Sync + 'static, P: AfterStep, Outs: Branches> Group<S, E, P, Outs> {
    /// Time for one try of the branch; see [`Draft::attempt`].
    pub fn attempt(mut self, limit: Duration) -> Self {
        self.draft.amend(|leaf| leaf.attempt = limit);
        self
    }

    /// Time for the whole branch, tries and waits; see [`Draft::within`].
    pub fn within(mut self, limit: Duration) -> Self {
        self.draft.amend(|leaf| leaf.within = Some(limit));
        self
    }

    /// Tries of the branch at most; see [`Draft::retry`].
    pub fn retry(mut self, attempts: u32) -> Self {
        self.draft.amend(|leaf| leaf.retry = Some(attempts.max(1)));
        self
    }

    /// Tries of the branch's undo at most; see [`Draft::undo_retry`].
    pub fn undo_retry(mut self, attempts: u32) -> Self {
        self.draft.amend(|leaf| leaf.undo_retry = attempts.max(1));
        self
    }

    /// Time for one try of the branch's undo; see [`Draft::undo_attempt`].
    pub fn undo_attempt(mut self, limit: Duration) -> Self {
        self.draft.amend(|leaf| leaf.undo_attempt = Some(limit));
        self
    }

    /// How a lost answer of the branch is settled: ask for its output; see [`Draft::probe`].
    pub fn probe<F, Fut>(mut self, f: F) -> Self
    where
        Outs::Last: Serialize + 'static,
        F: Fn(S, Step<E>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ProbeResult<Outs::Last>> + Send + 'static,
    {
        self.draft.amend(|leaf| leaf.settle = Settling::Probe(ask(f), PROBE_WINDOW));
        self
    }

    /// How a lost answer of the branch is settled: the same request; see [`Draft::insist`].
    pub fn insist(mut self, key_kept: Duration) -> Self {
        self.draft.amend(|leaf| leaf.settle = Settling::Insist(key_kept));
        self
    }

    /// How long after an attempt a probe's "not done" is no answer; see [`Draft::window`].
    pub fn window(mut self, window: Duration) -> Self {
        self.draft.amend(|leaf| leaf.settle.opens(window));
        self
    }
}
