//! One saga at work: attempts run, turns are decided, each is committed before what it opens may act.

use super::attempt::{Attempt, Ended};
use super::row::Row;
use super::{Inner, LETTERS, SAGAS, cancel, lock, scheduler};
use crate::definition::{Definition, End, Why};
use crate::engine::alert::ParkedAlert;
use crate::journal::{Fact, Instance, Outcome, Phase, Record, Turn};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use partita_core::{
    Again, Append, Commit, Effect, Error, ErrorKind, Expect, JournalAppend, NewEvent, Part, Put, Result, StreamId,
    Version,
};
use partita_time::{Backoff, BoxFuture, Timestamp};
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit};

/// Bytes of a state at most.
pub(super) const MAX_STATE: usize = 64 << 10;
/// Bytes of a journal at most.
const MAX_JOURNAL: usize = 1 << 20;
/// A wait of this length or more is in the store, not in memory.
const REST: Duration = Duration::from_secs(1);

pub(super) struct Runner {
    pub(super) inner: Arc<Inner>,
    pub(super) def: Arc<Definition>,
    pub(super) instance: Instance,
    pub(super) row: Row,
    pub(super) bell: Arc<Notify>,
    pub(super) slot: Option<OwnedSemaphorePermit>,
    running: BTreeSet<usize>,
    attempts: FuturesUnordered<BoxFuture<'static, Ended>>,
    early: Vec<Ended>,
    written: usize,
}

/// What a turn decided.
#[derive(Default)]
pub(super) struct Decided {
    facts: Vec<Fact>,
    state: Option<Arc<str>>,
    /// Writes beside the record: what a step staged, letters that were read.
    beside: Part,
}

impl Runner {
    pub(super) fn new(inner: Arc<Inner>, def: Arc<Definition>, instance: Instance, row: Row) -> Self {
        Self {
            inner,
            def,
            instance,
            row,
            bell: Arc::default(),
            slot: None,
            running: BTreeSet::new(),
            attempts: FuturesUnordered::new(),
            early: vec![],
            written: 0,
        }
    }

    /// Takes a place in this process's memory, so that letters find the saga.
    pub(super) fn enter(&self) {
        lock(&self.inner.active).insert(self.instance.id.clone(), self.bell.clone());
    }

    /// Works until the saga rests, ends, or its process stops.
    pub(super) async fn run(mut self) {
        let id = self.instance.id.clone();
        if let Err(error) = self.work().await {
            let gone = matches!(error.kind(), ErrorKind::Closed | ErrorKind::Fenced);
            if !gone {
                tracing::error!(saga = &*id, %error, "a saga stopped; it goes on at the next start");
            }
        }
        self.slot = None;
        scheduler::left(&self.inner, &id);
    }

    async fn work(&mut self) -> Result<()> {
        loop {
            if self.is_at_rest() {
                return Ok(());
            }
            let now = self.now();
            if self.running.is_empty() && self.early.is_empty() && self.time_passed(now).await? {
                continue;
            }
            self.start_ready(now)?;
            if self.running.is_empty() && self.early.is_empty() {
                let Some(wake) = self.wake_at() else { return Ok(()) };
                if self.inner.stopping() {
                    return Ok(());
                }
                if wake <= now {
                    return Ok(());
                }
                if wake.since(now) >= REST {
                    scheduler::rest(&self.inner, wake, &self.instance.id);
                    return Ok(());
                }
            }
            self.wait(now).await?;
        }
    }

    fn now(&self) -> Timestamp {
        self.inner.host.clock.now()
    }

    fn is_at_rest(&self) -> bool {
        let over = self.instance.parked.is_some() || matches!(self.instance.phase, Phase::Ended(_));
        over && self.running.is_empty() && self.early.is_empty()
    }

    /// Whatever comes first: a letter, the end of an attempt, the time of the next one.
    async fn wait(&mut self, now: Timestamp) -> Result<()> {
        if let Some(ended) = self.early.pop() {
            return self.ended(ended).await;
        }
        let next = self.next_due(now).map(|wake| wake.since(now));
        let clock = self.inner.host.clock.clone();
        let sleep = async move {
            match next {
                Some(wait) => clock.sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        let inner = self.inner.clone();
        let idle = self.running.is_empty();
        tokio::select! {
            biased;
            () = self.bell.notified() => self.read_letters().await,
            Some(ended) = self.attempts.next() => self.ended(ended).await,
            () = sleep => Ok(()),
            () = inner.stopped(), if idle => Ok(()),
        }
    }

    /// When something falls due that is not running.
    fn next_due(&mut self, now: Timestamp) -> Option<Timestamp> {
        let waiting = self.instance.open().filter(|(leaf, intent)| !self.running.contains(leaf) && intent.due > now);
        let due = waiting.map(|(_, intent)| intent.due).min();
        if self.running.is_empty() { due.into_iter().chain(self.alarm()).min() } else { due }
    }

    fn wake_at(&mut self) -> Option<Timestamp> {
        let due = self.instance.open().map(|(_, intent)| intent.due).min()?;
        Some(self.alarm().map_or(due, |alarm| alarm.min(due)))
    }

    fn alarm(&mut self) -> Option<Timestamp> {
        let now = self.now();
        self.turn(now).alarm()
    }

    pub(super) fn turn(&mut self, now: Timestamp) -> Turn<'_> {
        #[cfg(feature = "sabotage")]
        let forgets_doubt = self.inner.sabotaged(super::Sabotage::SkipUndoInDoubt);
        #[cfg(not(feature = "sabotage"))]
        let forgets_doubt = false;
        Turn {
            def: &self.def,
            now,
            entropy: &self.inner.host.entropy,
            running: &self.running,
            instance: &mut self.instance,
            facts: vec![],
            state: None,
            forgets_doubt,
        }
    }

    /// Starts what is due. Without a free slot the saga waits in the store.
    fn start_ready(&mut self, now: Timestamp) -> Result<()> {
        if self.inner.stopping() || self.instance.parked.is_some() {
            return Ok(());
        }
        let ready: Vec<_> =
            self.instance.open().filter(|(leaf, intent)| intent.due <= now && !self.running.contains(leaf)).collect();
        if ready.is_empty() || !self.has_slot() {
            return Ok(());
        }
        for (leaf, intent) in ready {
            let attempt = Attempt {
                leaf,
                verb: intent.verb,
                n: intent.n,
                saga: self.instance.id.clone(),
                state: self.instance.state.clone(),
            };
            self.running.insert(leaf);
            self.attempts.push(attempt.run(self.inner.clone(), self.def.clone()));
        }
        Ok(())
    }

    fn has_slot(&mut self) -> bool {
        if self.slot.is_none() {
            self.slot = self.inner.slots.clone().try_acquire_owned().ok();
        }
        if self.slot.is_none() {
            scheduler::overflow(&self.inner);
        }
        self.slot.is_some()
    }

    async fn ended(&mut self, ended: Ended) -> Result<()> {
        self.running.remove(&ended.leaf);
        let before = self.instance.clone();
        let now = self.now();
        let beside =
            if matches!(ended.outcome, Outcome::Done(_) | Outcome::Undone) { ended.staged } else { Part::new() };
        let mut turn = self.turn(now);
        turn.ended(ended.leaf, ended.verb, ended.n, ended.outcome);
        let decided = Decided { facts: turn.facts, state: turn.state, beside };
        self.commit(decided, before, now).await
    }

    /// Whether time alone changed something.
    async fn time_passed(&mut self, now: Timestamp) -> Result<bool> {
        let before = self.instance.clone();
        let mut turn = self.turn(now);
        if turn.alarm().is_some_and(|alarm| alarm <= now) {
            turn.time_passed();
        }
        let decided = Decided { facts: turn.facts, ..Decided::default() };
        let changed = !decided.facts.is_empty();
        if changed {
            self.commit(decided, before, now).await?;
        }
        Ok(changed)
    }

    /// A new owner takes over what an earlier one left under way.
    pub(super) async fn recover(&mut self) -> Result<()> {
        if self.instance.epoch == self.inner.fence(&self.instance.id).epoch {
            return Ok(());
        }
        let before = self.instance.clone();
        let now = self.now();
        let mut turn = self.turn(now);
        turn.recover();
        let decided = Decided { facts: turn.facts, ..Decided::default() };
        if decided.facts.is_empty() {
            return Ok(());
        }
        self.commit(decided, before, now).await
    }

    pub(super) async fn park(&mut self, why: String) -> Result<()> {
        let before = self.instance.clone();
        let now = self.now();
        let mut turn = self.turn(now);
        turn.park(why);
        let decided = Decided { facts: turn.facts, ..Decided::default() };
        self.commit(decided, before, now).await
    }

    /// Folds the letters in, each with its answer, and deletes them in the same commit.
    pub(super) async fn read_letters(&mut self) -> Result<()> {
        for letter in cancel::letters(&self.inner, self.instance.number).await? {
            let before = self.instance.clone();
            let now = self.now();
            let mut turn = self.turn(now);
            let accepted = turn.cancel();
            let facts = turn.facts;
            let delete = Put::delete(LETTERS, letter.key.as_str(), Expect::Exactly(letter.revision));
            let beside = Part::new().put(delete);
            if facts.is_empty() {
                submit(&self.inner, Commit::of(beside)).await?;
            } else {
                self.commit(Decided { facts, beside, ..Decided::default() }, before, now).await?;
            }
            if let Some(asker) = lock(&self.inner.askers).remove(&letter.key) {
                let _ = asker.send(accepted);
            }
        }
        Ok(())
    }

    /// Makes a turn durable. What it opens may act only after this returns.
    async fn commit(&mut self, decided: Decided, before: Instance, now: Timestamp) -> Result<()> {
        #[cfg(feature = "sabotage")]
        self.call_before_intent(now).await?;
        let (was_parked, row_before) = (before.parked.is_some(), self.row.clone());
        match self.try_commit(decided, now).await {
            Ok(()) => {}
            Err(error) if parks(&error) && !was_parked => {
                tracing::warn!(saga = &*self.instance.id, %error, "a turn cannot be committed");
                (self.instance, self.row) = (before, row_before);
                let why = format!("its writes are refused: {error}");
                self.instance.parked = Some(why.clone());
                self.try_commit(Decided { facts: vec![Fact::Parked { why }], ..Decided::default() }, now).await?;
            }
            Err(error) => return Err(error),
        }
        let _ = self.inner.changes.send(self.instance.id.clone());
        if self.instance.parked.is_some() || matches!(self.instance.phase, Phase::Ended(_)) {
            let _ = self.inner.rests.send(self.instance.id.clone());
        }
        if let (false, Some(why)) = (was_parked, &self.instance.parked) {
            let saga = self.instance.id.to_string();
            self.inner.raise(&ParkedAlert { saga, name: self.instance.name.clone(), why: why.clone() });
        }
        Ok(())
    }

    async fn try_commit(&mut self, decided: Decided, now: Timestamp) -> Result<()> {
        let Decided { facts, state, beside } = decided;
        if state.as_ref().is_some_and(|state| state.len() > MAX_STATE) {
            return Err(Error::new(ErrorKind::TooLarge, "the state of a saga takes 64 KiB at most"));
        }
        let ends = matches!(facts.last(), Some(Fact::End));
        let epoch = self.inner.fence(&self.instance.id).epoch;
        let state = state.map(|state| RawValue::from_string(state.to_string())).transpose()?;
        let body = Record { at: now, epoch, facts, state }.encode()?;
        self.written += body.len();
        if self.written > MAX_JOURNAL && !ends && self.instance.parked.is_none() {
            return Err(Error::new(ErrorKind::TooLarge, "the journal of a saga takes 1 MiB at most"));
        }
        let rest = self.rest_at(now);
        let mut part = self.row.follow(&self.instance, rest, now)?;
        part.extend(beside);
        let mut apart = Part::new();
        if ends {
            part = part.append(self.end_event()?);
            let written = self.at_end()?;
            if self.ends_apart() { apart = written } else { part.extend(written) }
        }
        let journal = JournalAppend { saga: self.instance.number, expect: self.instance.length, records: vec![body] };
        let fence = Some(self.inner.fence(&self.instance.id));
        submit(&self.inner, Commit { fence, journals: vec![journal], part, prunes: vec![] }).await?;
        self.instance.length += 1;
        self.instance.epoch = epoch;
        if !apart.puts.is_empty() {
            submit(&self.inner, Commit::of(apart)).await?;
        }
        Ok(())
    }

    /// When it goes on, if that is not soon.
    fn rest_at(&mut self, now: Timestamp) -> Option<Timestamp> {
        if !self.running.is_empty() || !self.early.is_empty() {
            return None;
        }
        self.wake_at().filter(|wake| wake.since(now) >= REST)
    }

    fn ends_apart(&self) -> bool {
        #[cfg(feature = "sabotage")]
        return self.inner.sabotaged(super::Sabotage::EndApart);
        #[cfg(not(feature = "sabotage"))]
        false
    }

    fn end(&self) -> End {
        match &self.instance.phase {
            Phase::Ended(Some(why)) | Phase::Unwinding(why) => End::Compensated(why.clone()),
            Phase::Ended(None) | Phase::Forward => End::Completed,
        }
    }

    fn at_end(&self) -> Result<Part> {
        self.def.at_end.as_ref().map_or_else(|| Ok(Part::new()), |at_end| at_end(&self.instance.state, &self.end()))
    }

    fn end_event(&self) -> Result<Append> {
        let id = &*self.instance.id;
        let (end, why): (_, Option<Why>) = match self.end() {
            End::Completed => ("completed", None),
            End::Compensated(why) => ("compensated", Some(why)),
        };
        let facts = serde_json::json!({ "saga": self.instance.name, "end": end, "why": why });
        let event = NewEvent::new("saga.ended", id, &facts)?.seal(&self.inner.settings.source, &self.inner.host);
        Ok(Append { stream: StreamId::named("saga", id), expect: Version::Exactly(0), events: vec![event] })
    }

    /// Test-only: what the turn opens acts before the turn is durable.
    #[cfg(feature = "sabotage")]
    async fn call_before_intent(&mut self, now: Timestamp) -> Result<()> {
        if self.inner.sabotaged(super::Sabotage::CallBeforeIntent) {
            self.start_ready(now)?;
            while let Some(ended) = self.attempts.next().await {
                self.early.push(ended);
            }
        }
        Ok(())
    }

    pub(super) fn count_written(&mut self, bytes: usize) {
        self.written = bytes;
    }
}

/// Submits until the store has decided. A store that cannot write now is waited for: nothing was applied.
async fn submit(inner: &Inner, commit: Commit) -> Result<()> {
    let mut tries = 0;
    loop {
        match inner.store.commit(commit.clone()).await {
            Ok(_) => return Ok(()),
            Err(error) if error.may_try_again() == Again::Later && error.possible_effect() == Effect::None => {
                if inner.stopping() || error.kind() == ErrorKind::Closed {
                    return Err(error);
                }
                tries += 1;
                let wait = Backoff::default().wait(tries, &inner.host.entropy);
                inner.host.clock.sleep(wait).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whether a refused turn will be refused for ever: the user's own writes conflict, or are over a limit.
fn parks(error: &Error) -> bool {
    let journal = error.conflict().is_some_and(|conflict| matches!(conflict.item, partita_core::Item::Journal(_)));
    let saga = error.conflict().is_some_and(|conflict| match &conflict.found {
        partita_core::Found::Record(Some(record)) => Row::read(record).is_ok(),
        _ => false,
    });
    let kinds = [ErrorKind::Conflict, ErrorKind::Invalid, ErrorKind::TooLarge, ErrorKind::Corrupt];
    kinds.contains(&error.kind()) && !journal && !saga
}

/// Where sagas are kept; named here for its users in this module.
pub(super) const SPACE: &str = SAGAS;
