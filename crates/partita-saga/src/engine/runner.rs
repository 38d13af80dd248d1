//! One saga at work: attempts run, turns are decided, each is committed before what it opens may act.

use super::agenda::Rest;
use super::attempt::{Attempt, Attempts, Ended};
use super::lately::Life;
use super::row::Row;
use super::write::submit;
use super::{Inner, LETTERS, cancel, lock, scheduler};
use crate::definition::Definition;
use crate::journal::{Fact, Instance, Phase, Turn, Verb};
use futures_util::FutureExt;
use partita_core::{Commit, Error, ErrorKind, Expect, Part, Put, Result};
use partita_time::Timestamp;
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit};

/// A wait of this length or more is in the store, and takes no slot.
const REST: Duration = Duration::from_secs(1);
/// A wait up to this length is sat out in memory too, while there is room.
const STAY: Duration = Duration::from_secs(10);
/// How long the end of a branch waits for the ends of others, to be written with them.
const COMPANY: Duration = Duration::from_millis(100);
/// When a saga is looked at again whose runner failed.
const SUSPECT: Duration = Duration::from_secs(30);

pub(super) struct Runner {
    pub(super) inner: Arc<Inner>,
    pub(super) def: Arc<Definition>,
    pub(super) instance: Instance,
    pub(super) row: Row,
    pub(super) bell: Arc<Notify>,
    pub(super) slot: Option<OwnedSemaphorePermit>,
    /// Bytes of its journal.
    pub(super) written: usize,
    pub(super) life: Life,
    /// It was read from the store, and this is why it cannot run.
    loaded: Option<Option<String>>,
    running: BTreeSet<usize>,
    attempts: Attempts,
    /// Attempts whose ends are not written yet.
    ended: Vec<Ended>,
    /// Until when these wait for the ends of others.
    company: Option<Timestamp>,
}

/// What a turn decided.
#[derive(Default)]
pub(super) struct Decided {
    pub(super) facts: Vec<Fact>,
    pub(super) state: Option<Arc<str>>,
    /// Writes beside the record: what a step staged, letters that were read.
    pub(super) beside: Part,
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
            written: 0,
            life: Life::default(),
            loaded: None,
            running: BTreeSet::new(),
            attempts: Attempts::default(),
            ended: vec![],
            company: None,
        }
    }

    pub(super) fn id(&self) -> Arc<str> {
        self.instance.id.clone()
    }

    pub(super) fn is_loaded(&mut self, written: usize, misfit: Option<String>) {
        (self.written, self.loaded) = (written, Some(misfit));
    }

    /// Takes a place in this process's memory, so that letters find the saga. False when a scan was faster and brought it in.
    pub(super) fn enter(&self) -> bool {
        let mut active = lock(&self.inner.active);
        let is_free = !active.contains_key(&self.instance.id);
        if is_free {
            active.insert(self.instance.id.clone(), self.bell.clone());
        }
        is_free
    }

    /// Works until the saga rests, ends, or its process stops.
    pub(super) async fn run(mut self) {
        let rest = match AssertUnwindSafe(self.work()).catch_unwind().await {
            Ok(Ok(rest)) => rest,
            Ok(Err(error)) => self.failed(&error),
            Err(_) => self.failed(&Error::new(ErrorKind::Other, "its runner panicked")),
        };
        let (inner, id) = (self.inner.clone(), self.id());
        drop(self);
        scheduler::left(&inner, &id, rest);
    }

    /// The saga cannot be worked on now. What it had begun has no answer, so it is taken over like after a crash.
    fn failed(&self, error: &Error) -> Rest {
        let id = self.id();
        match error.kind() {
            ErrorKind::Fenced => self.inner.is_fenced(),
            ErrorKind::Closed => {}
            _ if self.inner.stopping() => {}
            _ => {
                tracing::error!(saga = &*id, %error, "a saga stopped; it is tried again in {SUSPECT:?}");
                lock(&self.inner.suspects).insert(id);
                cancel::drop_askers(&self.inner, self.instance.number);
                return Rest::Until(self.now().plus(SUSPECT));
            }
        }
        cancel::drop_askers(&self.inner, self.instance.number);
        Rest::Over
    }

    async fn work(&mut self) -> Result<Rest> {
        if let Some(misfit) = self.loaded.take() {
            self.take_over(misfit).await?;
        }
        loop {
            let idle = self.running.is_empty();
            if idle && (self.is_over() || self.inner.stopping()) {
                return Ok(Rest::Over);
            }
            let now = self.now();
            if idle && self.time_passed(now).await? {
                continue;
            }
            self.start_ready(now);
            if self.running.is_empty()
                && let Some(rest) = self.rests(now)
            {
                if !self.stays(rest, now) {
                    return Ok(rest);
                }
                self.slot = None;
                scheduler::slot_is_free(&self.inner);
            }
            self.wait(now).await?;
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.inner.host.clock.now()
    }

    fn is_over(&self) -> bool {
        self.instance.parked.is_some() || matches!(self.instance.phase, Phase::Ended(_))
    }

    /// What it leaves memory for, while nothing of it runs; `None` for a wait that is too short for that.
    fn rests(&mut self, now: Timestamp) -> Option<Rest> {
        let Some(wake) = self.wake_at() else { return Some(Rest::Over) };
        if wake <= now {
            return Some(Rest::Turn(self.alarm()));
        }
        (wake.since(now) >= REST).then_some(Rest::Until(wake))
    }

    /// Whether it keeps its place in memory, without a slot, through a wait that is in the store already: reading the journal
    /// anew for each of many attempts would cost more than the place.
    fn stays(&self, rest: Rest, now: Timestamp) -> bool {
        let Rest::Until(wake) = rest else { return false };
        wake.since(now) <= STAY && lock(&self.inner.active).len() < self.inner.settings.max_running.saturating_mul(2)
    }

    /// Whatever comes first: a letter, the end of an attempt, the time of the next one.
    async fn wait(&mut self, now: Timestamp) -> Result<()> {
        if !self.ended.is_empty() && self.company.is_none_or(|until| until <= now) {
            return self.write_ended().await;
        }
        let next = self.next_due(now).into_iter().chain(self.company).min().map(|wake| wake.since(now));
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
            Some(ended) = self.attempts.next() => self.has_ended(ended).await,
            () = sleep => Ok(()),
            () = inner.stopped(), if idle => Ok(()),
        }
    }

    /// When something falls due that is not running.
    fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        if self.running.is_empty() {
            return self.wake_at();
        }
        let waiting = self.instance.open().filter(|(leaf, intent)| !self.running.contains(leaf) && intent.due > now);
        waiting.map(|(_, intent)| intent.due).min()
    }

    fn wake_at(&self) -> Option<Timestamp> {
        let due = self.instance.open().map(|(_, intent)| intent.due).min()?;
        Some(self.alarm().map_or(due, |alarm| alarm.min(due)))
    }

    /// When it goes on, if that is not soon.
    pub(super) fn rest_at(&self, now: Timestamp) -> Option<Timestamp> {
        if !self.running.is_empty() {
            return None;
        }
        self.wake_at().filter(|wake| wake.since(now) >= REST)
    }

    fn alarm(&self) -> Option<Timestamp> {
        Turn::alarm(&self.def, &self.instance)
    }

    fn turn(&mut self, now: Timestamp) -> Turn<'_> {
        #[cfg(feature = "sabotage")]
        let forgets_doubt = self.inner.forgets_doubt();
        #[cfg(not(feature = "sabotage"))]
        let forgets_doubt = false;
        Turn {
            def: &self.def,
            now,
            entropy: &self.inner.host.entropy,
            running: &mut self.running,
            instance: &mut self.instance,
            facts: vec![],
            state: None,
            forgets_doubt,
        }
    }

    /// Decides a turn and makes it durable; one without facts only if something is written beside it.
    async fn turns(&mut self, beside: Part, decide: impl FnOnce(&mut Turn<'_>)) -> Result<()> {
        let (before, now) = (self.instance.clone(), self.now());
        let mut turn = self.turn(now);
        decide(&mut turn);
        let (facts, state) = (turn.facts, turn.state);
        if !facts.is_empty() {
            return self.commit(Decided { facts, state, beside }, before, now).await;
        }
        if beside.puts.is_empty() {
            return Ok(());
        }
        let fence = Some(self.inner.fence(&self.instance.id));
        submit(&self.inner, Commit { fence, ..Commit::of(beside) }).await
    }

    /// Starts what is due. Without a free slot the saga waits in the store, behind those that were there first.
    fn start_ready(&mut self, now: Timestamp) {
        if !self.inner.may_act() || self.instance.parked.is_some() {
            return;
        }
        let due = self.instance.open().filter(|(leaf, intent)| intent.due <= now && !self.running.contains(leaf));
        let mut ready: Vec<_> = due.collect();
        let turn = self.turn(now);
        ready.retain(|(leaf, intent)| intent.verb == Verb::Undo || !turn.holds(*leaf));
        if ready.is_empty() || !self.has_slot() {
            return;
        }
        for (leaf, intent) in ready {
            let (saga, state) = (self.id(), self.instance.state.clone());
            let attempt = Attempt { leaf, verb: intent.verb, n: intent.n, saga, state };
            self.running.insert(leaf);
            self.attempts.push(attempt.run(self.inner.clone(), self.def.clone()));
        }
    }

    fn has_slot(&mut self) -> bool {
        if self.slot.is_none() && !lock(&self.inner.agenda).has_backlog() {
            self.slot = self.inner.slots.clone().try_acquire_owned().ok();
        }
        self.slot.is_some()
    }

    /// An attempt ended. Nothing acts on a branch that is done before the others are, so their ends are written together;
    /// a crash before that is one during the attempt, so the last try of a branch is written at once.
    async fn has_ended(&mut self, ended: Ended) -> Result<()> {
        self.ended.push(ended);
        if !self.attempts.is_empty() && self.ended.iter().all(|ended| ended.is_plain() && !self.is_last_try(ended)) {
            let until = self.now().plus(COMPANY);
            self.company.get_or_insert(until);
            return Ok(());
        }
        self.write_ended().await
    }

    fn is_last_try(&self, ended: &Ended) -> bool {
        let of = self.def.leaves.get(ended.leaf).zip(self.instance.slots.get(ended.leaf));
        ended.verb != Verb::Undo && of.is_some_and(|(def, slot)| slot.is_spent(def.retry))
    }

    async fn write_ended(&mut self) -> Result<()> {
        self.company = None;
        let (mut plain, others): (Vec<_>, Vec<_>) = self.ended.drain(..).partition(Ended::stages_nothing);
        if plain.len() > 1 && self.write_together(&plain).await? {
            plain.clear();
        }
        for mut ended in plain.into_iter().chain(others) {
            let beside = std::mem::take(&mut ended.staged);
            self.turns(beside, |turn| ended.tell(turn)).await?;
        }
        Ok(())
    }

    /// Writes ends in one record; false when that is refused: then each is to be told by itself.
    async fn write_together(&mut self, ends: &[Ended]) -> Result<bool> {
        let (before, running, now) = (self.instance.clone(), self.running.clone(), self.now());
        let mut turn = self.turn(now);
        ends.iter().for_each(|ended| ended.tell(&mut turn));
        let decided = Decided { facts: turn.facts, state: turn.state, beside: Part::new() };
        let refused = self.commit_unless_refused(decided, before, now).await?.is_some();
        if refused {
            self.running = running;
        }
        Ok(!refused)
    }

    /// Whether time alone changed something.
    async fn time_passed(&mut self, now: Timestamp) -> Result<bool> {
        if self.alarm().is_none_or(|alarm| alarm > now) {
            return Ok(false);
        }
        self.turns(Part::new(), |turn| turn.time_passed()).await?;
        Ok(true)
    }

    /// A new owner: parks what does not fit its definition, recovers what was under way, reads letters.
    async fn take_over(&mut self, misfit: Option<String>) -> Result<()> {
        let id = self.id();
        let is_suspect = lock(&self.inner.suspects).remove(&id);
        let is_new = self.instance.epoch != self.inner.fence(&id).epoch;
        let horizon = if is_suspect { self.now() } else { self.inner.took_over };
        match misfit {
            Some(why) => self.turns(Part::new(), |turn| turn.park(why)).await?,
            None if is_suspect || is_new => self.turns(Part::new(), |turn| turn.recover(horizon)).await?,
            None => {}
        }
        self.read_letters().await
    }

    /// Folds the letters in, each with its answer, and deletes them in the same commit.
    async fn read_letters(&mut self) -> Result<()> {
        loop {
            let letters = cancel::letters(&self.inner, self.instance.number).await?;
            if letters.is_empty() {
                return Ok(());
            }
            for letter in letters {
                let delete = Put::delete(LETTERS, letter.key.as_str(), Expect::Exactly(letter.revision));
                let mut accepted = false;
                self.turns(Part::new().put(delete), |turn| accepted = turn.cancel()).await?;
                if let Some(asker) = lock(&self.inner.askers).remove(&letter.key) {
                    let _ = asker.send(accepted);
                }
            }
        }
    }

    /// Test-only: what the turn opens acts before the turn is durable.
    #[cfg(feature = "sabotage")]
    pub(super) async fn call_before_intent(&mut self, now: Timestamp) -> Result<()> {
        if self.inner.sabotaged(super::Sabotage::CallBeforeIntent) {
            self.start_ready(now);
            while let Some(ended) = self.attempts.next().await {
                self.ended.push(ended);
            }
        }
        Ok(())
    }
}
