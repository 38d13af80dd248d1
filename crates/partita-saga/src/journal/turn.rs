//! What follows from what happened: the pure rules of a saga. No time is read, nothing is called.

use super::instance::{Instance, Phase};
use super::record::{Fact, Verb};
use crate::definition::{Definition, Json, Kind, Leaf, Settle, Why};
use crate::outcome::{Probe, Refusal};
use partita_core::{Again, Effect, Error};
use partita_time::{Backoff, Entropy, Timestamp};
use serde_json::value::RawValue;
use std::collections::BTreeSet;

const UNDO_ATTEMPTS: u32 = 8;
/// Bytes of an error's text that the journal keeps.
const MAX_ERROR: usize = 300;

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
}

impl Lost {
    fn maybe(error: &str) -> Self {
        Self { error: error.to_owned(), doubt: true }
    }
}

/// One turn: makes facts true one after another, and collects them for the record.
pub(crate) struct Turn<'a> {
    pub(crate) def: &'a Definition,
    pub(crate) now: Timestamp,
    pub(crate) entropy: &'a Entropy,
    /// Leaves with an attempt under way in this process.
    pub(crate) running: &'a BTreeSet<usize>,
    pub(crate) instance: &'a mut Instance,
    pub(crate) facts: Vec<Fact>,
    pub(crate) state: Option<Json>,
    /// Test-only: a step in doubt is taken for not done.
    pub(crate) forgets_doubt: bool,
}

impl Turn<'_> {
    fn push(&mut self, fact: Fact) {
        self.instance.take(&fact, self.now);
        self.facts.push(fact);
    }

    fn leaf(&self, leaf: usize) -> Option<&Leaf> {
        self.def.leaves.get(leaf)
    }

    fn open(&mut self, leaf: usize, verb: Verb, n: u32, due: Timestamp) {
        let due = (due > self.now).then_some(due);
        self.push(Fact::Open { leaf, verb, n, due });
    }

    /// Opens the first node.
    pub(crate) fn begin(&mut self) {
        self.open_node(0);
    }

    /// A new owner: attempts that were under way ended without an answer.
    pub(crate) fn recover(&mut self) {
        let lost: Vec<_> = self.instance.open().filter(|(_, intent)| intent.due <= self.now).collect();
        if lost.is_empty() {
            return;
        }
        self.push(Fact::Recovered);
        for (leaf, intent) in &lost {
            let error = "the process ended during this attempt".to_owned();
            self.push(Fact::Unknown { leaf: *leaf, verb: intent.verb, n: intent.n, error, doubt: true });
        }
        for (leaf, intent) in lost {
            if self.instance.slot(leaf).open.is_none() {
                self.again(leaf, intent.verb, intent.n, true);
            }
        }
    }

    /// An attempt ended.
    pub(crate) fn ended(&mut self, leaf: usize, verb: Verb, n: u32, outcome: Outcome) {
        match (verb, outcome) {
            (Verb::Do | Verb::Settle, Outcome::Done(out) | Outcome::Probed(Probe::Done(out))) => self.done(leaf, out),
            (Verb::Do | Verb::Settle, Outcome::Rejected(refusal)) => self.rejected(leaf, refusal),
            (Verb::Undo, Outcome::Undone) => {
                self.push(Fact::Undone { leaf });
                self.unwind_further();
            }
            (_, Outcome::Probed(Probe::NotDone)) => self.not_done(leaf, n),
            (_, Outcome::Unfinished(error)) => self.unfinished(leaf, verb, n, &error),
            (_, Outcome::Probed(_)) => self.unknown(leaf, verb, n, Lost::maybe("no answer yet")),
            (_, Outcome::Done(_) | Outcome::Undone | Outcome::Rejected(_)) => {
                self.unknown(leaf, verb, n, Lost::maybe("an answer that does not fit the attempt"));
            }
        }
    }

    fn done(&mut self, leaf: usize, out: Json) {
        let node = self.def.node_of(leaf);
        let is_group = self.def.nodes.get(node).is_some_and(|node| node.join.is_some());
        let kept = is_group.then(|| RawValue::from_string(out.to_string()).ok()).flatten();
        self.push(Fact::Done { leaf, out: kept });
        if self.instance.phase != Phase::Forward {
            return self.unwind_further();
        }
        if !is_group {
            self.set_state(out);
        } else if self.node_is_done(node) && !self.join(node) {
            return;
        }
        self.go_on(node);
    }

    fn set_state(&mut self, state: Json) {
        if *state != *self.instance.state {
            self.state = Some(state.clone());
            self.instance.state = state;
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
        match join(&self.instance.state, &outs) {
            Ok(state) => self.set_state(state),
            Err(error) => {
                self.park(format!("the outputs of a group cannot be joined: {}", error.0));
                return false;
            }
        }
        true
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

    /// Whether the pivot's intent is not yet recorded.
    pub(crate) fn may_turn_back(&self) -> bool {
        let mut slots = self.def.leaves.iter().zip(&self.instance.slots);
        self.instance.phase == Phase::Forward
            && slots.all(|(leaf, slot)| leaf.kind.before_pivot() || slot.first.is_none())
    }

    /// Turns back if there is a reason to: cancelled, the deadline passed, or `or_else`.
    fn turns_back(&mut self, or_else: Option<Why>) -> bool {
        let late = self.instance.deadline.is_some_and(|deadline| self.now >= deadline);
        let why = match (self.instance.cancelled, or_else, late) {
            (true, _, _) => Why::Cancelled,
            (false, Some(why), _) => why,
            (false, None, true) => Why::Deadline,
            (false, None, false) => return false,
        };
        self.push(Fact::Unwind { why });
        self.unwind_further();
        true
    }

    fn rejected(&mut self, leaf: usize, refusal: Refusal) {
        self.push(Fact::Rejected { leaf, reason: refusal.reason.clone() });
        if self.instance.phase != Phase::Forward {
            return self.unwind_further();
        }
        if self.instance.parked.is_some() {
            return;
        }
        let step = self.leaf(leaf).map_or("", |leaf| leaf.name).to_owned();
        self.turns_back(Some(Why::Rejected { step, reason: refusal.reason }));
    }

    /// A probe found no trace.
    fn not_done(&mut self, leaf: usize, n: u32) {
        if self.instance.phase == Phase::Forward {
            if self.may_turn_back() && self.turns_back(self.late(leaf)) {
                return;
            }
            let attempts = self.instance.slot(leaf).attempts;
            return self.open(leaf, Verb::Do, attempts + 1, self.now);
        }
        let window = match self.leaf(leaf).map(|leaf| &leaf.settle) {
            Some(Settle::Probe(_, window)) => *window,
            _ => std::time::Duration::ZERO,
        };
        let certain = self.instance.slot(leaf).last.plus(window);
        if self.now >= certain {
            self.push(Fact::Closed { leaf, doubt: false });
            return self.unwind_further();
        }
        let error = "no trace yet, but the request may still be under way".to_owned();
        self.push(Fact::Unknown { leaf, verb: Verb::Settle, n, error, doubt: true });
        self.open(leaf, Verb::Settle, n + 1, certain);
    }

    fn unfinished(&mut self, leaf: usize, verb: Verb, n: u32, error: &Error) {
        let doubt = error.possible_effect() == Effect::Possible;
        let hopeless = error.may_try_again() == Again::Never;
        if hopeless && verb == Verb::Do && self.instance.phase == Phase::Forward {
            self.push(Fact::Unknown { leaf, verb, n, error: error.to_string(), doubt });
            let name = self.leaf(leaf).map_or("", |leaf| leaf.name);
            return self.park(format!("{name} cannot go on: {error}"));
        }
        self.unknown(leaf, verb, n, Lost { error: error.to_string(), doubt });
    }

    fn unknown(&mut self, leaf: usize, verb: Verb, n: u32, lost: Lost) {
        let Lost { mut error, doubt } = lost;
        error.truncate(error.floor_char_boundary(MAX_ERROR));
        self.push(Fact::Unknown { leaf, verb, n, error, doubt });
        self.again(leaf, verb, n, false);
    }

    /// After an attempt without an answer: the next one, or the way back, or an operator.
    fn again(&mut self, leaf: usize, verb: Verb, n: u32, at_once: bool) {
        let wait = if at_once { std::time::Duration::ZERO } else { Backoff::default().wait(n, self.entropy) };
        let due = self.now.plus(wait);
        match verb {
            Verb::Undo if n >= UNDO_ATTEMPTS => {
                self.push(Fact::GivenUp { leaf });
                self.unwind_further();
            }
            Verb::Undo => self.open(leaf, Verb::Undo, n + 1, due),
            _ if self.instance.parked.is_some() => {}
            _ if self.instance.phase != Phase::Forward => self.settle_again(leaf, verb, n, due),
            _ if self.may_turn_back() && self.turns_back(self.exhausted(leaf)) => {}
            Verb::Settle => self.open(leaf, Verb::Settle, n + 1, due),
            Verb::Do => self.try_again(leaf, n, due),
        }
    }

    fn try_again(&mut self, leaf: usize, n: u32, due: Timestamp) {
        let Some(def) = self.leaf(leaf) else { return };
        let (asks, spent) = (matches!(def.settle, Settle::Probe(..)), def.retry.is_some_and(|most| n >= most));
        let (name, retriable) = (def.name, def.kind == Kind::Retriable);
        let slot = self.instance.slot(leaf);
        let (doubt, tries) = (slot.doubt, slot.settle_attempts);
        if retriable && spent {
            return self.park(format!("{name} failed {n} times"));
        }
        if asks && doubt {
            self.open(leaf, Verb::Settle, tries + 1, due);
        } else {
            self.open(leaf, Verb::Do, n + 1, due);
        }
    }

    /// Whether a step before the pivot has used up its time or its tries.
    fn exhausted(&self, leaf: usize) -> Option<Why> {
        let (def, slot) = (self.leaf(leaf)?, self.instance.slots.get(leaf)?);
        let spent = def.retry.is_some_and(|most| slot.attempts >= most);
        self.late(leaf).or_else(|| spent.then(|| Why::Exhausted { step: def.name.to_owned() }))
    }

    fn late(&self, leaf: usize) -> Option<Why> {
        let (def, slot) = (self.leaf(leaf)?, self.instance.slots.get(leaf)?);
        let end = slot.first?.plus(def.within?);
        (self.now >= end).then(|| Why::Exhausted { step: def.name.to_owned() })
    }

    /// When a wait of a step before the pivot must end, whatever the next attempt's time.
    pub(crate) fn alarm(&self) -> Option<Timestamp> {
        if !self.may_turn_back() || self.instance.parked.is_some() {
            return None;
        }
        let within = self
            .instance
            .open()
            .filter_map(|(leaf, _)| Some(self.instance.slots.get(leaf)?.first?.plus(self.leaf(leaf)?.within?)));
        within.chain(self.instance.deadline).min()
    }

    /// Time passed while every open attempt of doing waited.
    pub(crate) fn time_passed(&mut self) {
        let waiting: Vec<usize> =
            self.instance.open().map(|(leaf, _)| leaf).filter(|leaf| !self.running.contains(leaf)).collect();
        let why = waiting.into_iter().find_map(|leaf| self.late(leaf));
        if self.may_turn_back() {
            self.turns_back(why);
        }
    }

    /// A cancel: accepted while the pivot's intent is not recorded, and answered yes again later.
    pub(crate) fn cancel(&mut self) -> bool {
        let turned =
            matches!(&self.instance.phase, Phase::Unwinding(Why::Cancelled) | Phase::Ended(Some(Why::Cancelled)));
        if self.instance.cancelled || turned {
            return true;
        }
        if self.instance.parked.is_some() || !self.may_turn_back() {
            return false;
        }
        self.push(Fact::Cancel);
        if self.running.is_empty() {
            self.turns_back(None);
        }
        true
    }

    pub(crate) fn park(&mut self, why: String) {
        self.push(Fact::Parked { why });
    }

    fn settle_again(&mut self, leaf: usize, verb: Verb, n: u32, due: Timestamp) {
        let window = match self.leaf(leaf).map(|leaf| &leaf.settle) {
            Some(Settle::Insist(window)) => {
                self.instance.slots.get(leaf).and_then(|slot| slot.first).map(|at| at.plus(*window))
            }
            _ => None,
        };
        if window.is_some_and(|end| self.now >= end) {
            self.push(Fact::GivenUp { leaf });
            self.unwind_further();
        } else if verb == Verb::Settle {
            self.open(leaf, Verb::Settle, n + 1, due);
        } else {
            self.unwind_further();
        }
    }

    /// The next step back: the last node that may have left something behind; none left, the end.
    fn unwind_further(&mut self) {
        self.close_waiting();
        let nodes: Vec<_> = self.def.nodes.iter().map(crate::definition::Node::leaves).collect();
        for leaves in nodes.into_iter().rev() {
            let mut busy = false;
            for leaf in leaves {
                busy |= self.unwind_leaf(leaf);
            }
            if busy {
                return;
            }
        }
        let given_up: Vec<&str> = self
            .def
            .leaves
            .iter()
            .zip(&self.instance.slots)
            .filter(|(_, slot)| slot.given_up)
            .map(|(leaf, _)| leaf.name)
            .collect();
        if given_up.is_empty() {
            self.push(Fact::End);
        } else {
            let why = format!("cannot undo {}", given_up.join(", "));
            self.park(why);
        }
    }

    /// Doing that waits for its next attempt goes no further.
    fn close_waiting(&mut self) {
        let waiting =
            self.instance.open().filter(|(leaf, intent)| intent.verb == Verb::Do && !self.running.contains(leaf));
        for (leaf, _) in waiting.collect::<Vec<_>>() {
            let doubt = self.instance.slot(leaf).doubt;
            self.push(Fact::Closed { leaf, doubt });
        }
    }

    /// Opens what is next for a leaf; false when nothing is left to do for it.
    fn unwind_leaf(&mut self, leaf: usize) -> bool {
        let Some(slot) = self.instance.slots.get(leaf) else { return false };
        if slot.open.is_some() || self.running.contains(&leaf) {
            return true;
        }
        let Some(def) = self.leaf(leaf) else { return false };
        if def.kind != Kind::Compensatable || !slot.leaves_something() {
            return false;
        }
        if slot.doubt && self.forgets_doubt {
            self.push(Fact::Closed { leaf, doubt: false });
            return false;
        }
        if slot.doubt && !matches!(def.settle, Settle::Tombstone) {
            let n = slot.settle_attempts + 1;
            self.open(leaf, Verb::Settle, n, self.now);
        } else {
            let n = slot.undo_attempts + 1;
            self.open(leaf, Verb::Undo, n, self.now);
        }
        true
    }
}
