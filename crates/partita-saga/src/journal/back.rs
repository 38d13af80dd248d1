//! The way back: what turns a saga round, how doubt is settled, and which undo is next.

use super::instance::{Instance, Phase};
use super::record::{Fact, Verb};
use super::turn::Turn;
use crate::definition::{Definition, Kind, Settle, Why};
use partita_time::Timestamp;

fn may_turn_back(def: &Definition, instance: &Instance) -> bool {
    let mut slots = def.leaves.iter().zip(&instance.slots);
    instance.phase == Phase::Forward && slots.all(|(leaf, slot)| leaf.kind.before_pivot() || slot.first.is_none())
}

impl Turn<'_> {
    /// Whether the pivot's intent is not yet recorded.
    pub(crate) fn may_turn_back(&self) -> bool {
        may_turn_back(self.def, self.instance)
    }

    /// When a wait of a step before the pivot must end, whatever the next attempt's time.
    pub(crate) fn alarm(def: &Definition, instance: &Instance) -> Option<Timestamp> {
        if instance.parked.is_some() || !may_turn_back(def, instance) {
            return None;
        }
        let within = instance.open().filter_map(|(leaf, _)| instance.slots.get(leaf)?.end(def.leaves.get(leaf)?));
        within.chain(instance.deadline).min()
    }

    fn is_late(&self) -> bool {
        self.instance.deadline.is_some_and(|deadline| self.now >= deadline)
    }

    /// Turns back if there is a reason to: cancelled, `or_else`, or the deadline passed. After the deadline a step that has
    /// used up its time or tries is no reason of its own.
    pub(super) fn turns_back(&mut self, or_else: Option<Why>) -> bool {
        let why = match (self.instance.cancelled, or_else, self.is_late()) {
            (true, _, _) => Why::Cancelled,
            (false, Some(Why::Exhausted { .. }) | None, true) => Why::Deadline,
            (false, Some(why), _) => why,
            (false, None, false) => return false,
        };
        self.push(Fact::Unwind { why });
        self.unwind_further();
        true
    }

    /// Whether a step before the pivot has used up its time or its tries.
    pub(super) fn exhausted(&self, leaf: usize) -> Option<Why> {
        let (def, slot) = (self.leaf(leaf)?, self.instance.slots.get(leaf)?);
        self.late(leaf).or_else(|| slot.is_spent(def.retry).then(|| Why::Exhausted { step: def.name.to_owned() }))
    }

    fn late(&self, leaf: usize) -> Option<Why> {
        let (def, slot) = (self.leaf(leaf)?, self.instance.slots.get(leaf)?);
        (self.now >= slot.end(def)?).then(|| Why::Exhausted { step: def.name.to_owned() })
    }

    /// Whether no further attempt may begin, because the saga turns back as soon as what runs has ended.
    pub(crate) fn holds(&self, leaf: usize) -> bool {
        self.may_turn_back() && (self.instance.cancelled || self.is_late() || self.late(leaf).is_some())
    }

    /// Time passed while every open attempt of doing waited.
    pub(crate) fn time_passed(&mut self) {
        let why = self.instance.open().find_map(|(leaf, _)| self.late(leaf));
        if self.may_turn_back() && self.instance.parked.is_none() {
            self.turns_back(why);
        }
    }

    /// A cancel: accepted while the pivot's intent is not recorded, and answered yes again later.
    pub(crate) fn cancel(&mut self) -> bool {
        if self.instance.cancelled {
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

    /// Whether the participant may have forgotten the leaf's key by then: the same request would act once more.
    pub(super) fn key_is_forgotten(&self, leaf: usize, by: Timestamp) -> bool {
        let first = self.instance.slots.get(leaf).and_then(|slot| slot.first);
        match (self.leaf(leaf).map(|leaf| &leaf.settle), first) {
            (Some(Settle::Insist(kept)), Some(first)) => by >= first.plus(*kept),
            _ => false,
        }
    }

    /// After a try to settle, or after the last attempt of doing, of a saga that unwinds.
    pub(super) fn settle_again(&mut self, leaf: usize, verb: Verb, n: u32, due: Timestamp) {
        match verb {
            Verb::Settle if self.key_is_forgotten(leaf, due) => self.push(Fact::GivenUp { leaf }),
            Verb::Settle => return self.open(leaf, Verb::Settle, n + 1, due),
            Verb::Do | Verb::Undo => {}
        }
        self.unwind_further();
    }

    /// The next step back: the last node that may have left something behind; none left, the end.
    pub(super) fn unwind_further(&mut self) {
        if self.instance.parked.is_some() {
            return;
        }
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
        let leaves = self.def.leaves.iter().zip(&self.instance.slots);
        let given_up: Vec<&str> = leaves.filter(|(_, slot)| slot.given_up).map(|(leaf, _)| leaf.name).collect();
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
        let (Some(def), Some(slot)) = (self.leaf(leaf), self.instance.slots.get(leaf)) else { return false };
        if slot.open.is_some() || self.running.contains(&leaf) {
            return true;
        }
        if def.kind != Kind::Compensatable || !slot.leaves_something() {
            return false;
        }
        if slot.doubt && self.forgets_doubt {
            self.push(Fact::Closed { leaf, doubt: false });
            return false;
        }
        let settled = !slot.doubt || matches!(def.settle, Settle::Tombstone);
        let (tries, undos) = (slot.settling.opened, slot.undoing.opened);
        if settled {
            self.open(leaf, Verb::Undo, undos + 1, self.now);
        } else if self.key_is_forgotten(leaf, self.now) {
            self.push(Fact::GivenUp { leaf });
            return false;
        } else {
            self.open(leaf, Verb::Settle, tries + 1, self.now);
        }
        true
    }
}
