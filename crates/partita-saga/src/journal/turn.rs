//! What follows from what happened: the pure rules of a saga. No time is read, nothing is called.

use super::instance::{Instance, Intent, Phase};
use super::record::{Fact, Verb};
use crate::build::UNDO_TRIES;
use crate::definition::{Definition, Json, Kind, Leaf, Settle, Why};
use crate::outcome::{Probe, Refusal};
use partita_core::{Again, Effect, Error, ErrorKind};
use partita_time::{Backoff, Entropy, Timestamp};
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Bytes of an error's text that the journal keeps.
const MAX_ERROR: usize = 300;
/// A participant that puts an attempt off for longer is asked earlier.
const MAX_PUT_OFF: Duration = Duration::from_secs(60);
/// How far the waits grow of one that may be put off for days: each try is a record for ever. They grow with every third
/// try, so that an outage of seconds is over within seconds.
const PATIENT: Backoff = Backoff { initial: Duration::from_millis(100), max: Duration::from_secs(20) };

/// How an attempt ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done(Json),
    Rejected(Refusal),
    Probed(Probe<Json>),
    Undone,
    Unfinished(Error),
}

/// Why an attempt has no answer, and whether it may have had an effect.
struct Lost {
    error: String,
    doubt: bool,
    /// How long to wait at least, of one that was put off.
    put_off: Option<Duration>,
}

impl Lost {
    fn maybe(error: &str) -> Self {
        Self { error: error.to_owned(), doubt: true, put_off: None }
    }
}

fn shortened(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_ERROR));
    text
}

/// One turn: makes facts true one after another, and collects them for the record.
pub(crate) struct Turn<'a> {
    pub(crate) def: &'a Definition,
    pub(crate) now: Timestamp,
    pub(crate) entropy: &'a Entropy,
    /// Leaves with an attempt under way in this process, or whose attempt's end is still to be told.
    pub(crate) running: &'a mut BTreeSet<usize>,
    pub(crate) instance: &'a mut Instance,
    pub(crate) facts: Vec<Fact>,
    pub(crate) state: Option<Json>,
    /// Test-only: a step in doubt is taken for not done.
    pub(crate) forgets_doubt: bool,
}

impl Turn<'_> {
    pub(super) fn push(&mut self, fact: Fact) {
        self.instance.take(&fact, self.now);
        self.facts.push(fact);
    }

    pub(super) fn leaf(&self, leaf: usize) -> Option<&Leaf> {
        self.def.leaves.get(leaf)
    }

    pub(super) fn open(&mut self, leaf: usize, verb: Verb, n: u32, due: Timestamp) {
        let due = (due > self.now).then_some(due);
        self.push(Fact::Open { leaf, verb, n, due });
    }

    /// Opens the first node.
    pub(crate) fn begin(&mut self) {
        self.open_node(0);
    }

    /// A new owner: attempts that were opened for at once, or were due by `horizon`, may have been made by the one before,
    /// and have no answer. A clock that was set back since says nothing about what was due: then all of them may.
    pub(crate) fn recover(&mut self, horizon: Timestamp) {
        if self.instance.parked.is_some() {
            return;
        }
        let set_back = horizon < self.instance.at;
        let may_be_made = |intent: &Intent| set_back || !intent.waits || intent.due <= horizon;
        let lost: Vec<_> = self.instance.open().filter(|(_, intent)| may_be_made(intent)).collect();
        if lost.is_empty() {
            return;
        }
        self.push(Fact::Recovered);
        for (leaf, intent) in &lost {
            let error = "the process ended during this attempt".to_owned();
            let Intent { verb, n, .. } = *intent;
            self.push(Fact::Unknown { leaf: *leaf, verb, n, error, doubt: true, cut: true, put_off: false });
        }
        for (leaf, intent) in lost {
            if self.instance.slot(leaf).open.is_none() {
                self.again(leaf, intent.verb, intent.n, Duration::ZERO);
            }
        }
    }

    /// An attempt ended.
    pub(crate) fn ended(&mut self, leaf: usize, verb: Verb, n: u32, outcome: &Outcome) {
        self.running.remove(&leaf);
        match (verb, outcome) {
            (Verb::Do | Verb::Settle, Outcome::Done(out) | Outcome::Probed(Probe::Done(out))) => self.done(leaf, out),
            (Verb::Do | Verb::Settle, Outcome::Rejected(refusal)) => self.rejected(leaf, refusal),
            (Verb::Undo, Outcome::Undone) => {
                self.push(Fact::Undone { leaf });
                self.unwind_further();
            }
            (_, Outcome::Probed(Probe::NotDone)) => self.not_done(leaf, n),
            (_, Outcome::Unfinished(error)) => self.unfinished(leaf, verb, n, error),
            (_, Outcome::Probed(_)) => self.unknown(leaf, verb, n, Lost::maybe("no answer yet")),
            (_, Outcome::Done(_) | Outcome::Undone | Outcome::Rejected(_)) => {
                self.unknown(leaf, verb, n, Lost::maybe("an answer that does not fit the attempt"));
            }
        }
    }

    fn done(&mut self, leaf: usize, out: &Json) {
        let node = self.def.node_of(leaf);
        let is_group = self.def.nodes.get(node).is_some_and(|node| node.join.is_some());
        let kept = is_group.then(|| RawValue::from_string(out.to_string()).ok()).flatten();
        self.push(Fact::Done { leaf, out: kept });
        if self.instance.phase != Phase::Forward {
            return self.unwind_further();
        }
        if !is_group {
            self.set_state(out.clone());
        } else if self.node_is_done(node) && !self.join(node) {
            return;
        }
        self.go_on(node);
    }

    fn set_state(&mut self, state: Json) {
        if state != *self.instance.state.json() {
            self.state = Some(state.clone());
            self.instance.state = state.into();
        }
    }

    fn node_is_done(&self, node: usize) -> bool {
        let leaves = self.def.nodes.get(node).map_or(0..0, crate::definition::Node::leaves);
        leaves.into_iter().all(|leaf| self.instance.slots.get(leaf).is_some_and(|slot| slot.done))
    }

    fn join(&mut self, node: usize) -> bool {
        let Some((node, join)) = self.def.nodes.get(node).and_then(|node| Some((node, node.join.as_ref()?))) else {
            return true;
        };
        let outs: Vec<Json> = node.leaves().filter_map(|leaf| self.instance.slots.get(leaf)?.out.clone()).collect();
        let joined = catch_unwind(AssertUnwindSafe(|| join(&self.instance.state, &outs)));
        let why = match joined {
            Ok(Ok(state)) => {
                self.set_state(state);
                return true;
            }
            Ok(Err(error)) => shortened(error.0.to_string()),
            Err(_) => "`join` panicked".to_owned(),
        };
        self.park(format!("the outputs of a group cannot be joined: {why}"));
        false
    }

    /// Something of `node` is done: turns back, waits for the rest of the node, opens the next one, or ends.
    fn go_on(&mut self, node: usize) {
        let stays = self.instance.parked.is_some() || (self.may_turn_back() && self.turns_back(None));
        if stays || !self.node_is_done(node) {
            return;
        }
        if node + 1 < self.def.nodes.len() {
            self.open_node(node + 1);
        } else {
            self.push(Fact::End);
        }
    }

    fn open_node(&mut self, node: usize) {
        let leaves = self.def.nodes.get(node).map_or(0..0, crate::definition::Node::leaves);
        for leaf in leaves {
            self.open(leaf, Verb::Do, 1, self.now);
        }
    }

    /// Refused for good. An earlier attempt without an answer may still arrive, when the refusal's reason has passed: then a
    /// tombstone must be waiting for it.
    fn rejected(&mut self, leaf: usize, refusal: &Refusal) {
        let tombstone =
            self.leaf(leaf).is_some_and(|def| def.undo.is_some() && matches!(def.settle, Settle::Tombstone));
        let doubt = tombstone && self.instance.slot(leaf).doubt;
        self.push(Fact::Rejected { leaf, reason: refusal.reason.clone(), doubt });
        if self.instance.phase != Phase::Forward {
            return self.unwind_further();
        }
        if self.instance.parked.is_some() {
            return;
        }
        let step = self.leaf(leaf).map_or("", |leaf| leaf.name).to_owned();
        self.turns_back(Some(Why::Rejected { step, reason: refusal.reason.clone() }));
    }

    /// A probe found no trace, which is an answer only when the last request cannot be under way any more.
    fn not_done(&mut self, leaf: usize, n: u32) {
        let window = match self.leaf(leaf).map(|leaf| &leaf.settle) {
            Some(Settle::Probe(_, window)) => *window,
            _ => Duration::ZERO,
        };
        let certain = self.instance.slot(leaf).last.plus(window);
        let early = self.now < certain;
        self.push(if early {
            let error = "no trace yet, but the request may still be under way".to_owned();
            Fact::Unknown { leaf, verb: Verb::Settle, n, error, doubt: true, cut: false, put_off: false }
        } else {
            Fact::Closed { leaf, doubt: false }
        });
        let (forward, attempts) = (self.instance.phase == Phase::Forward, self.instance.slot(leaf).doing.opened);
        if self.instance.parked.is_some() || (self.may_turn_back() && self.turns_back(self.exhausted(leaf))) {
            return;
        }
        match (early, forward) {
            (true, _) => self.open(leaf, Verb::Settle, n + 1, certain),
            (false, true) => self.try_again(leaf, attempts, self.now),
            (false, false) => self.unwind_further(),
        }
    }

    fn unfinished(&mut self, leaf: usize, verb: Verb, n: u32, error: &Error) {
        let doubt = error.possible_effect() == Effect::Possible;
        let final_say = doubt || error.kind() == ErrorKind::Corrupt || !self.may_turn_back();
        let hopeless = error.may_try_again() == Again::Never && final_say;
        let lost = Lost { error: error.to_string(), doubt, put_off: error.put_off() };
        if hopeless && verb == Verb::Do && self.instance.phase == Phase::Forward {
            let name = self.leaf(leaf).map_or("", |leaf| leaf.name);
            let why = format!("{name} cannot go on: {}", shortened(lost.error.clone()));
            self.lose(leaf, verb, n, lost);
            return self.park(why);
        }
        self.unknown(leaf, verb, n, lost);
    }

    fn unknown(&mut self, leaf: usize, verb: Verb, n: u32, lost: Lost) {
        let patient = lost.put_off.is_some() && !self.may_turn_back();
        let (backoff, tries) = if patient { (PATIENT, n.div_ceil(3)) } else { (Backoff::default(), n) };
        let wait = backoff.wait(tries, self.entropy).max(lost.put_off.unwrap_or_default().min(MAX_PUT_OFF));
        self.lose(leaf, verb, n, lost);
        self.again(leaf, verb, n, wait);
    }

    fn lose(&mut self, leaf: usize, verb: Verb, n: u32, lost: Lost) {
        let Lost { error, doubt, put_off } = lost;
        let (mut error, put_off) = (shortened(error), put_off.is_some());
        if put_off && self.instance.slot(leaf).said.as_deref() == Some(&*error) {
            error.clear();
        }
        self.push(Fact::Unknown { leaf, verb, n, error, doubt, cut: false, put_off });
    }

    /// After an attempt without an answer: the next one, or the way back, or an operator.
    fn again(&mut self, leaf: usize, verb: Verb, n: u32, wait: Duration) {
        let due = self.now.plus(wait);
        match verb {
            Verb::Undo if self.has_undone_enough(leaf) => {
                self.push(Fact::GivenUp { leaf });
                self.unwind_further();
            }
            _ if self.instance.parked.is_some() => {}
            Verb::Undo => self.open(leaf, Verb::Undo, n + 1, due),
            _ if self.instance.phase != Phase::Forward => self.settle_again(leaf, verb, n, due),
            _ if self.may_turn_back() && self.turns_back(self.exhausted(leaf)) => {}
            Verb::Settle => self.open(leaf, Verb::Settle, n + 1, due),
            Verb::Do => self.try_again(leaf, n, due),
        }
    }

    /// Whether an undo was tried as often as told. One that was put off is no try; one that its process did not outlive does
    /// not count, unless it is what ends each process.
    fn has_undone_enough(&mut self, leaf: usize) -> bool {
        let Some(most) = self.leaf(leaf).map(|def| def.undo_retry) else { return true };
        let undoing = self.instance.slot(leaf).undoing;
        let tries = undoing.tries();
        tries.saturating_sub(undoing.cut) >= most || tries >= most.max(UNDO_TRIES)
    }

    fn try_again(&mut self, leaf: usize, n: u32, due: Timestamp) {
        let Some(def) = self.leaf(leaf) else { return };
        let (asks, retry) = (matches!(def.settle, Settle::Probe(..)), def.retry);
        let (name, retriable) = (def.name, def.kind == Kind::Retriable);
        let slot = self.instance.slot(leaf);
        let (doubt, asked, spent, tries) = (slot.doubt, slot.settling.opened, slot.is_spent(retry), slot.doing.tries());
        if retriable && spent {
            return self.park(format!("{name} failed {tries} times"));
        }
        if doubt && self.key_is_forgotten(leaf, due) {
            return self.park(format!("{name} is in doubt, and its participant keeps the key no longer"));
        }
        if asks && doubt {
            self.open(leaf, Verb::Settle, asked + 1, due);
        } else {
            self.open(leaf, Verb::Do, n + 1, due);
        }
    }

    pub(crate) fn park(&mut self, why: String) {
        if self.instance.parked.is_none() {
            self.push(Fact::Parked { why });
        }
    }
}
