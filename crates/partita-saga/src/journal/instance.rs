//! Where a saga stands: the fold of its records, and nothing else.

use super::record::{Fact, Record, Verb};
use crate::definition::{Json, Leaf, StateText, Why};
use crate::view::Class;
use partita_time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// An attempt that may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Intent {
    pub(crate) verb: Verb,
    pub(crate) n: u32,
    pub(crate) due: Timestamp,
    /// It was opened for later, not for at once.
    pub(crate) waits: bool,
}

/// How a leaf stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    /// The attempt that may act, if any.
    pub(crate) open: Option<Intent>,
    /// When doing was first opened.
    pub(crate) first: Option<Timestamp>,
    /// When an attempt of doing was last opened or ended: a probe's window counts from here.
    pub(crate) last: Timestamp,
    /// Time since `first` between the last record of one process and the first of the next.
    pub(crate) away: Duration,
    pub(crate) doing: Tally,
    pub(crate) undoing: Tally,
    pub(crate) settling: Tally,
    /// Why the last attempt was put off, if it was.
    pub(crate) said: Option<Arc<str>>,
    pub(crate) done: bool,
    pub(crate) rejected: bool,
    /// It may have taken effect, and nobody knows.
    pub(crate) doubt: bool,
    pub(crate) undone: bool,
    pub(crate) given_up: bool,
    pub(crate) out: Option<Json>,
}

/// Attempts of one verb.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) opened: u32,
    /// Those that their process did not outlive.
    pub(crate) cut: u32,
    /// Those that were put off.
    pub(crate) put_off: u32,
}

impl Tally {
    /// Those that use up a try.
    pub(crate) fn tries(self) -> u32 {
        self.opened.saturating_sub(self.put_off)
    }
}

/// Which way a saga goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Forward,
    Unwinding(Why),
    /// Completed, or compensated because of this.
    Ended(Option<Why>),
}

/// Where a saga stands.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) id: Arc<str>,
    pub(crate) number: u64,
    pub(crate) name: Arc<str>,
    pub(crate) version: u32,
    pub(crate) print: Arc<str>,
    pub(crate) started: Timestamp,
    /// When the newest record was written.
    pub(crate) at: Timestamp,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) length: u32,
    /// Epoch of the owner that wrote the newest record.
    pub(crate) epoch: u64,
    pub(crate) state: StateText,
    pub(crate) slots: Vec<Slot>,
    pub(crate) phase: Phase,
    pub(crate) cancelled: bool,
    pub(crate) parked: Option<String>,
}

impl Instance {
    pub(crate) fn new(id: Arc<str>, number: u64) -> Self {
        Self {
            id,
            number,
            name: "".into(),
            version: 0,
            print: "".into(),
            started: Timestamp::default(),
            at: Timestamp::default(),
            deadline: None,
            length: 0,
            epoch: 0,
            state: Json::from("null").into(),
            slots: vec![],
            phase: Phase::Forward,
            cancelled: false,
            parked: None,
        }
    }

    pub(crate) fn apply(&mut self, record: &Record) {
        for fact in &record.facts {
            self.take(fact, record.at);
        }
        if let Some(state) = &record.state {
            self.state = state.clone().into();
        }
        self.length += 1;
        self.epoch = record.epoch;
    }

    pub(crate) fn slot(&mut self, leaf: usize) -> &mut Slot {
        if self.slots.len() <= leaf {
            self.slots.resize_with(leaf + 1, Slot::default);
        }
        &mut self.slots[leaf]
    }

    /// Makes one fact true.
    pub(crate) fn take(&mut self, fact: &Fact, at: Timestamp) {
        let before = std::mem::replace(&mut self.at, at);
        match fact {
            Fact::Start { name, version, print, deadline } => {
                (self.name, self.version, self.print) = (name.as_str().into(), *version, print.as_str().into());
                (self.started, self.deadline) = (at, *deadline);
            }
            Fact::Cancel => self.cancelled = true,
            Fact::Unwind { why } => self.phase = Phase::Unwinding(why.clone()),
            Fact::Parked { why } => self.parked = Some(why.clone()),
            Fact::Recovered => self.recovered(before, at),
            Fact::End => {
                let why = match &self.phase {
                    Phase::Unwinding(why) => Some(why.clone()),
                    Phase::Forward | Phase::Ended(_) => None,
                };
                self.phase = Phase::Ended(why);
            }
            Fact::Open { leaf, .. }
            | Fact::Done { leaf, .. }
            | Fact::Rejected { leaf, .. }
            | Fact::Unknown { leaf, .. }
            | Fact::Closed { leaf, .. }
            | Fact::Undone { leaf }
            | Fact::GivenUp { leaf } => self.slot(*leaf).take(fact, at),
        }
    }

    /// A new owner from `at` on, after a record of `before`. When the clock was set back meanwhile, everything is as long ago
    /// or as far ahead as it was then: nobody waits until the clock has caught up, and no time is given twice.
    fn recovered(&mut self, before: Timestamp, at: Timestamp) {
        for slot in &mut self.slots {
            slot.away += at.since(before);
        }
        if at >= before {
            return;
        }
        let as_long_ago = |moment: Timestamp| {
            let ago = i64::try_from(before.since(moment).as_millis()).unwrap_or(i64::MAX);
            Timestamp::from_millis(at.as_millis().saturating_sub(ago))
        };
        self.deadline = self.deadline.map(|deadline| at.plus(deadline.since(before)));
        for slot in &mut self.slots {
            slot.first = slot.first.map(as_long_ago);
            slot.last = as_long_ago(slot.last);
        }
    }

    /// Where it stands, in one word; `busy` when an attempt runs or is due within a second.
    pub(crate) fn class(&self, busy: bool) -> Class {
        match (&self.parked, &self.phase) {
            (Some(_), _) => Class::Parked,
            (None, Phase::Unwinding(_)) => Class::Unwinding,
            (None, Phase::Forward) if busy => Class::Running,
            (None, Phase::Forward) => Class::Waiting,
            (None, Phase::Ended(None)) => Class::Completed,
            (None, Phase::Ended(Some(_))) => Class::Compensated,
        }
    }

    /// Why it turned back or is parked, in words.
    pub(crate) fn reason(&self) -> Option<String> {
        match (&self.parked, &self.phase) {
            (Some(why), _) => Some(why.clone()),
            (None, Phase::Unwinding(why) | Phase::Ended(Some(why))) => Some(why.to_string()),
            (None, Phase::Forward | Phase::Ended(None)) => None,
        }
    }

    /// Attempts to undo that were put off.
    pub(crate) fn undos_put_off(&self) -> u32 {
        self.slots.iter().map(|slot| slot.undoing.put_off).sum()
    }

    /// Open intents with their leaves.
    pub(crate) fn open(&self) -> impl Iterator<Item = (usize, Intent)> {
        self.slots.iter().enumerate().filter_map(|(leaf, slot)| Some((leaf, slot.open?)))
    }
}

impl Slot {
    fn take(&mut self, fact: &Fact, at: Timestamp) {
        match fact {
            Fact::Unknown { put_off: true, error, .. } if error.is_empty() => {}
            Fact::Unknown { put_off: true, error, .. } => self.said = Some(error.as_str().into()),
            Fact::Open { .. } => {}
            _ => self.said = None,
        }
        match fact {
            Fact::Open { verb, n, due, .. } => {
                let (due, waits) = (due.unwrap_or(at), due.is_some());
                self.open = Some(Intent { verb: *verb, n: *n, due, waits });
                self.tally(*verb).opened = *n;
                if *verb == Verb::Do {
                    self.first.get_or_insert(at);
                    self.last = due;
                }
            }
            Fact::Done { out, .. } => {
                (self.open, self.done, self.doubt) = (None, true, false);
                self.out = out.as_ref().map(|out| out.get().into());
            }
            Fact::Rejected { doubt, .. } => (self.open, self.rejected, self.doubt) = (None, true, *doubt),
            Fact::Unknown { verb, doubt, cut, put_off, .. } => {
                self.open = None;
                let tally = self.tally(*verb);
                tally.cut += u32::from(*cut);
                tally.put_off += u32::from(*put_off);
                if *verb == Verb::Do {
                    self.last = at;
                    self.doubt |= doubt;
                }
            }
            Fact::Closed { doubt, .. } => (self.open, self.doubt) = (None, *doubt),
            Fact::Undone { .. } => (self.open, self.undone) = (None, true),
            Fact::GivenUp { .. } => (self.open, self.given_up) = (None, true),
            _ => self.open = None,
        }
    }

    /// When the time for the whole step ends. Time without a process is left out, but for what the attempts that were cut
    /// off may have taken: one that ends its process each time comes to an end, too.
    pub(crate) fn end(&self, leaf: &Leaf) -> Option<Timestamp> {
        let away = self.away.saturating_sub(leaf.attempt.saturating_mul(self.doing.cut + self.settling.cut));
        Some(self.first?.plus(leaf.within?.saturating_add(away)))
    }

    fn tally(&mut self, verb: Verb) -> &mut Tally {
        match verb {
            Verb::Do => &mut self.doing,
            Verb::Undo => &mut self.undoing,
            Verb::Settle => &mut self.settling,
        }
    }

    /// Whether no further attempt of doing is allowed.
    pub(crate) fn is_spent(&self, retry: Option<u32>) -> bool {
        retry.is_some_and(|most| self.doing.tries() >= most)
    }

    /// Whether something may be left behind.
    pub(crate) fn leaves_something(&self) -> bool {
        (self.done || self.doubt) && !self.undone && !self.given_up
    }
}
