//! Making a turn durable: the record, the saga's line, and the writes of others that travel with them.

use super::alert::ParkedAlert;
use super::lately::EndedSaga;
use super::runner::{Decided, Runner};
use super::{Inner, lock};
use crate::build::UNDO_TRIES;
use crate::definition::{End, Why};
use crate::journal::{Fact, Instance, Phase, Record};
use partita_core::{
    Again, Append, Commit, Effect, Error, ErrorKind, Found, Item, JournalAppend, NewEvent, Part, Result, StreamId,
    Version,
};
use partita_time::{Backoff, Timestamp};
use serde::Serialize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Bytes of a state at most.
pub(super) const MAX_STATE: usize = 64 << 10;
/// Bytes of a journal at most, repetitions not counted: settling and the pivot have no limit of tries.
const MAX_JOURNAL: usize = 1 << 20;

/// A turn that the store will never take.
pub(super) struct Refused {
    error: Error,
    /// What of it has happened all the same.
    ended: Vec<Fact>,
}

/// What its event tells of an end.
#[derive(Serialize)]
struct EndFacts<'a> {
    end: &'static str,
    saga: &'a str,
    why: Option<Why>,
}

impl Runner {
    /// Makes a turn durable. What it opens may act only after this returns. One that is refused for ever parks its saga, and
    /// of it only what ended is told.
    pub(super) async fn commit(&mut self, decided: Decided, before: Instance, now: Timestamp) -> Result<()> {
        let Some(refused) = self.commit_unless_refused(decided, before, now).await? else { return Ok(()) };
        let why = format!("its writes are refused: {}", refused.error);
        let parked = self.instance.parked.is_none().then_some(Fact::Parked { why });
        let mut told = refused.ended;
        told.extend(parked.clone());
        if told.is_empty() || self.record(told, now).await?.is_none() {
            return Ok(());
        }
        // What ended may itself be what no store takes.
        let Some(parked) = parked else { return Ok(()) };
        self.record(vec![parked], now).await?.map_or(Ok(()), |refused| Err(refused.error))
    }

    async fn record(&mut self, facts: Vec<Fact>, now: Timestamp) -> Result<Option<Refused>> {
        let before = self.instance.clone();
        facts.iter().for_each(|fact| self.instance.take(fact, now));
        self.commit_unless_refused(Decided { facts, ..Decided::default() }, before, now).await
    }

    /// As `commit`, but after a turn that is refused for ever the saga stands as before it, and this is why.
    pub(super) async fn commit_unless_refused(
        &mut self,
        decided: Decided,
        before: Instance,
        now: Timestamp,
    ) -> Result<Option<Refused>> {
        #[cfg(feature = "sabotage")]
        self.call_before_intent(now).await?;
        let (was_parked, since, row_before) = (before.parked.is_some(), before.at, self.row.clone());
        let put_off = before.undos_put_off();
        let Decided { facts, state, beside } = decided;
        let stages = !beside.is_empty();
        let record = Record { at: now, epoch: self.inner.fence(&self.instance.id).epoch, facts, state };
        match self.try_commit(&record, beside, now).await {
            Ok(bytes) => self.life.goes_on(record, bytes),
            Err(error) if self.parks(&error) => {
                tracing::warn!(saga = &*self.instance.id, %error, "a turn cannot be committed");
                (self.instance, self.row) = (before, row_before);
                // What a step staged is true with its end, or neither is.
                let ended = if stages { vec![] } else { record.facts.into_iter().filter_map(ended).collect() };
                return Ok(Some(Refused { error, ended }));
            }
            Err(error) => return Err(error),
        }
        let _ = self.inner.changes.send(self.instance.id.clone());
        let parks = !was_parked && self.instance.parked.is_some();
        let ends = matches!(self.instance.phase, Phase::Ended(_));
        if ends && let Some(records) = self.life.take() {
            lock(&self.inner.lately).keep(self.id(), Arc::new(EndedSaga { row: self.row.clone(), records }));
        }
        if parks || ends {
            let _ = self.inner.rests.send(self.instance.id.clone());
        }
        self.tell(was_parked, since, now);
        if self.instance.undos_put_off() / UNDO_TRIES > put_off / UNDO_TRIES {
            let times = self.instance.undos_put_off();
            self.inner.is_overdue(&self.instance.id, &format!("its undos were put off {times} times in all"));
        }
        Ok(None)
    }

    /// Calls for someone, once it is durable.
    fn tell(&self, was_parked: bool, since: Timestamp, now: Timestamp) {
        let Instance { id, name, parked, .. } = &self.instance;
        if let (false, Some(why)) = (was_parked, parked) {
            self.inner.raise(&ParkedAlert { saga: id.to_string(), name: name.to_string(), why: why.clone() });
        }
        for what in self.overdue(since, now) {
            self.inner.is_overdue(id, &what);
        }
    }

    /// What ran out between two records, from the pivot's intent on.
    fn overdue(&self, since: Timestamp, now: Timestamp) -> Vec<String> {
        let instance = &self.instance;
        let pivot =
            self.def.leaves.iter().zip(&instance.slots).find(|(leaf, _)| leaf.kind == crate::definition::Kind::Pivot);
        let Some(begun) = pivot.and_then(|(_, slot)| slot.first) else { return vec![] };
        if instance.phase != Phase::Forward || instance.parked.is_some() {
            return vec![];
        }
        let ran_out = |end: Timestamp| since < end && end <= now;
        let deadline = instance.deadline.filter(|end| *end > begun && ran_out(*end));
        let late = instance.open().filter_map(|(leaf, _)| {
            let (def, slot) = (self.def.leaves.get(leaf)?, instance.slots.get(leaf)?);
            let within = def.within?;
            ran_out(slot.end(def)?).then(|| format!("{} takes longer than {within:?}", def.name))
        });
        late.chain(deadline.map(|end| format!("it should have gone through by {end}"))).collect()
    }

    /// Writes a record and what goes with it; how long the record is, in bytes.
    async fn try_commit(&mut self, record: &Record, beside: Part, now: Timestamp) -> Result<usize> {
        let outs = record
            .facts
            .iter()
            .filter_map(|fact| if let Fact::Done { out: Some(out), .. } = fact { Some(out.get()) } else { None });
        if outs.chain(record.state.as_deref()).any(|json| json.len() > MAX_STATE) {
            return Err(Error::new(ErrorKind::TooLarge, "the state of a saga takes 64 KiB at most"));
        }
        let ends = matches!(record.facts.last(), Some(Fact::End));
        let body = record.encode()?;
        let bytes = body.len();
        let written = self.written + if record.is_repetition() { 0 } else { bytes };
        if written > MAX_JOURNAL && !ends && self.instance.parked.is_none() {
            return Err(Error::new(ErrorKind::TooLarge, "the journal of a saga takes 1 MiB at most"));
        }
        let rest = self.rest_at(now);
        let mut part = self.row.follow(&self.instance, rest, now)?;
        part.extend(beside);
        let mut apart = None;
        if ends {
            part = part.append(self.end_event()?);
            let last = self.at_end()?;
            if self.ends_apart() { apart = Some(last) } else { part.extend(last) }
        }
        let journal = JournalAppend { saga: self.instance.number, expect: self.instance.length, records: vec![body] };
        let fence = Some(self.inner.fence(&self.instance.id));
        submit(&self.inner, Commit { fence, journals: vec![journal], part, prunes: vec![] }).await?;
        (self.instance.length, self.instance.epoch, self.written) = (self.instance.length + 1, record.epoch, written);
        if let Some(part) = apart {
            submit(&self.inner, Commit::of(part)).await?;
        }
        Ok(bytes)
    }

    /// Whether a refused turn will be refused for ever: the user's own writes conflict, or are over a limit.
    fn parks(&self, error: &Error) -> bool {
        let ours = error.conflict().is_some_and(|conflict| match (&conflict.item, &conflict.found) {
            (Item::Journal(_), _) => true,
            (Item::Put(_), Found::Record(Some(record))) => {
                record.key == *self.instance.id && super::row::Row::read(record).is_ok()
            }
            _ => false,
        });
        let kinds = [ErrorKind::Conflict, ErrorKind::Invalid, ErrorKind::TooLarge, ErrorKind::Corrupt];
        kinds.contains(&error.kind()) && !ours
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
        let Some(at_end) = &self.def.at_end else { return Ok(Part::new()) };
        let written = catch_unwind(AssertUnwindSafe(|| at_end(&self.instance.state, &self.end())));
        let why = match written {
            Ok(Ok(part)) => return Ok(part),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it panicked".to_owned(),
        };
        Err(Error::new(ErrorKind::Invalid, "`at_end` gives nothing to write").with("why", why))
    }

    fn end_event(&self) -> Result<Append> {
        let id = &*self.instance.id;
        let (end, why) = match self.end() {
            End::Completed => ("completed", None),
            End::Compensated(why) => ("compensated", Some(why)),
        };
        let facts = EndFacts { end, saga: &self.instance.name, why };
        let event = NewEvent::new("saga.ended", id, &facts)?.seal(&self.inner.settings.source, &self.inner.host);
        Ok(Append { stream: StreamId::named("saga", id), expect: Version::Exactly(0), events: vec![event] })
    }
}

/// A fact without what follows from it, if it says how a leaf ended; nothing goes on that would need an output.
fn ended(fact: Fact) -> Option<Fact> {
    match fact {
        Fact::Done { leaf, .. } => Some(Fact::Done { leaf, out: None }),
        Fact::Rejected { .. } | Fact::Undone { .. } => Some(fact),
        _ => None,
    }
}

/// Submits until the store has decided. A store that cannot write, or cannot say, is asked again: the guard of the same
/// commit keeps it from taking effect twice.
pub(super) async fn submit(inner: &Inner, commit: Commit) -> Result<()> {
    let (commit, mut tries, mut unsure) = (Arc::new(commit), 0, false);
    loop {
        let Err(error) = inner.store.commit_kept(commit.clone()).await else { return Ok(()) };
        #[cfg(feature = "sabotage")]
        if inner.sabotaged(super::Sabotage::UnknownIsDone) && error.possible_effect() == Effect::Possible {
            return Ok(());
        }
        if unsure && error.kind() == ErrorKind::Conflict && is_there(inner, &commit).await? {
            return Ok(());
        }
        let decided =
            error.may_try_again() == Again::Never || matches!(error.kind(), ErrorKind::Closed | ErrorKind::Fenced);
        if decided || inner.stopping() {
            return Err(error);
        }
        unsure |= error.possible_effect() == Effect::Possible;
        tries += 1;
        if tries == 1 {
            tracing::warn!(%error, "a record cannot be written; it is tried again");
        }
        inner.host.clock.sleep(Backoff::default().wait(tries, &inner.host.entropy)).await;
    }
}

/// Whether the commit had been applied by an earlier try that nobody could tell the end of.
async fn is_there(inner: &Inner, commit: &Commit) -> Result<bool> {
    for append in &commit.journals {
        let found = inner.store.journal(append.saga, append.expect, append.records.len()).await?;
        if !found.iter().map(|entry| &entry.body).eq(&append.records) {
            return Ok(false);
        }
    }
    Ok(true)
}
