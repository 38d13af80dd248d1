//! Starting a saga: its first record travels in the caller's commit.

use super::lately::Life;
use super::row::{Row, RowValue};
use super::runner::Runner;
use super::scheduler;
use super::{Engine, SAGAS};
use crate::definition::Definition;
use crate::journal::{Fact, Instance, Record, Turn};
use partita_core::{
    Append, Commit, Conflict, Error, ErrorKind, Found, JournalAppend, NewEvent, Part, Receipt, Result, StreamId,
    Version,
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;

/// A registered definition: starts sagas of one type.
#[derive(Debug)]
pub struct Registered<S> {
    engine: Engine,
    definition: Arc<Definition>,
    _state: PhantomData<fn(S)>,
}

impl<S> Clone for Registered<S> {
    fn clone(&self) -> Self {
        Self::new(self.engine.clone(), self.definition.clone())
    }
}

/// A saga about to be started: hand it to [`Registered::launch`].
#[derive(Debug)]
#[must_use = "nothing is started before `launch`"]
pub struct Start {
    commit: Commit,
    instance: Instance,
    row: Row,
    life: Life,
}

/// What its event tells of a start.
#[derive(Serialize)]
struct StartFacts {
    saga: &'static str,
    version: u32,
}

/// What a start found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// The saga is new.
    New,
    /// The same saga had been started with the same input.
    Already,
}

impl<S> Registered<S> {
    pub(super) fn new(engine: Engine, definition: Arc<Definition>) -> Self {
        Self { engine, definition, _state: PhantomData }
    }

    /// What is stored with each saga of this definition, in 16 digits: names, kinds, order, ways of settling. A saga that
    /// carries another one is parked; a test that pins it notices a version that changed unawares.
    pub fn fingerprint(&self) -> &str {
        &self.definition.fingerprint
    }
}

impl<S: Serialize> Registered<S> {
    /// Prepares a saga. Nothing is started before [`Self::launch`].
    ///
    /// # Errors
    /// `Corrupt` when the state has no JSON form; `TooLarge` over 64 KiB of it.
    pub fn start(&self, id: &str, state: &S) -> Result<Start> {
        let inner = &self.engine.0;
        let json = serde_json::to_string(state)?;
        if json.len() > super::write::MAX_STATE {
            return Err(Error::new(ErrorKind::TooLarge, "the state of a saga takes 64 KiB at most").with("saga", id));
        }
        let now = inner.host.clock.now();
        let number = inner.next_number.fetch_add(1, Ordering::Relaxed);
        let mut instance = Instance::new(id.into(), number);
        let record = self.first_record(&mut instance, &json.as_str().into(), now)?;
        let value = RowValue {
            number,
            name: self.definition.name.to_owned(),
            version: self.definition.version,
            class: crate::Class::Running.word().to_owned(),
            started: now,
            changed: now,
            rests: None,
            input: digest(&json),
            reason: None,
            deadline: instance.deadline,
            cancelled: false,
        };
        let (row, part) = Row::first(id, value)?;
        let facts = StartFacts { saga: self.definition.name, version: self.definition.version };
        let event = NewEvent::new("saga.started", id, &facts)?.seal(&inner.settings.source, &inner.host);
        // The line's `Absent` guards the stream too: so a start that comes second always meets the line.
        let part =
            part.append(Append { stream: StreamId::named("saga", id), expect: Version::Any, events: vec![event] });
        let body = record.encode()?;
        let life = Life::of(record, body.len());
        let journal = JournalAppend { saga: number, expect: 0, records: vec![body] };
        let commit = Commit { fence: Some(inner.fence(id)), journals: vec![journal], part, prunes: vec![] };
        Ok(Start { commit, instance, row, life })
    }

    fn first_record(&self, instance: &mut Instance, state: &Arc<str>, now: partita_time::Timestamp) -> Result<Record> {
        let (def, inner) = (&*self.definition, &self.engine.0);
        let start = Fact::Start {
            name: def.name.to_owned(),
            version: def.version,
            print: def.fingerprint.to_string(),
            deadline: def.deadline.map(|limit| now.plus(limit)),
        };
        instance.take(&start, now);
        instance.state = state.clone().into();
        let mut turn = Turn {
            def,
            now,
            entropy: &inner.host.entropy,
            running: &mut BTreeSet::new(),
            instance,
            facts: vec![start],
            state: None,
            forgets_doubt: false,
        };
        turn.begin();
        let facts = std::mem::take(&mut turn.facts);
        let epoch = inner.fence(&instance.id).epoch;
        (instance.length, instance.epoch) = (1, epoch);
        Ok(Record { at: now, epoch, facts, state: Some(state.clone()) })
    }

    /// Commits the start together with `part` and sets the saga going. It runs even if the caller goes away meanwhile.
    ///
    /// # Errors
    /// Those of the commit; a conflict on index 0 of the puts means that the id is taken.
    pub async fn launch(&self, start: Start, part: Part) -> Result<Receipt> {
        let inner = self.engine.0.clone();
        if inner.stopping() {
            return Err(Error::new(ErrorKind::Closed, "the engine is stopping").effect(partita_core::Effect::None));
        }
        let ticket = inner.store.submit(start.commit.with(part));
        let (answer, answered) = oneshot::channel();
        let mut runner = Runner::new(inner.clone(), self.definition.clone(), start.instance, start.row);
        runner.life = start.life;
        let id = runner.id();
        let spawner = inner.host.spawner.clone();
        spawner.spawn(Box::pin(async move {
            match ticket.await {
                Ok(receipt) => {
                    let is_ours = runner.enter();
                    let _ = inner.changes.send(id);
                    let _ = answer.send(Ok(receipt));
                    if is_ours {
                        runner.run().await;
                    }
                }
                Err(error) => {
                    if error.kind() == ErrorKind::Fenced {
                        inner.is_fenced();
                    } else if error.possible_effect() == partita_core::Effect::Possible {
                        scheduler::look_again(&inner);
                    }
                    let _ = answer.send(Err(error));
                }
            }
        }));
        answered.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Closed, "the engine went away")))
    }

    /// Starts a saga by itself. The same id with the same input is the same saga, however often it is started.
    ///
    /// # Errors
    /// `Conflict` when the id was started with another input; those of the commit.
    pub async fn run(&self, id: &str, state: &S) -> Result<Started> {
        let start = self.start(id, state)?;
        let value = start.row.value.clone();
        match self.launch(start, Part::new()).await {
            Ok(_) => Ok(Started::New),
            Err(error) => match taken(&error) {
                Some(row) if row.value.input == value.input && row.value.name == self.definition.name => {
                    Ok(Started::Already)
                }
                Some(_) => {
                    Err(Error::new(ErrorKind::Conflict, "the id was started with another input").with(SAGAS, id))
                }
                None => Err(error),
            },
        }
    }
}

/// The saga that a start met under its id.
fn taken(error: &Error) -> Option<Row> {
    let Some(Conflict { found: Found::Record(Some(record)), .. }) = error.conflict() else { return None };
    Row::read(record).ok()
}

fn digest(json: &str) -> String {
    let hex = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    Sha256::digest(json).iter().take(16).flat_map(|byte| [hex(byte >> 4), hex(byte & 15)]).collect()
}
