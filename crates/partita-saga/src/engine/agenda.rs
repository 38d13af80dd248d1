//! Who is to be woken when: the sagas that rest in the store.

use partita_time::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

const MOST: usize = 65_536;

/// What a saga that leaves memory waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing: it has ended, is parked, or the process stops.
    Over,
    /// Its time.
    Until(Timestamp),
    /// A free slot, but when the alarm rings it turns back.
    Turn(Option<Timestamp>),
}

/// What the scheduler has in mind.
#[derive(Debug)]
pub(crate) struct Agenda {
    /// Sagas at rest and when they go on; the nearest ones, if there are too many.
    timers: BTreeSet<(Timestamp, Arc<str>)>,
    /// Sagas that wait for a slot, and when they must turn back.
    alarms: BTreeSet<(Timestamp, Arc<str>)>,
    /// The store may hold sagas that are due and wait for a slot.
    backlog: bool,
    /// The store may hold sagas that this process has never seen.
    unseen: bool,
    /// The store holds no saga that turned back and is not due, which versions before this one wrote.
    turned_are_due: bool,
    /// From this time on there may be resting sagas that are not in `timers`.
    forgotten_from: Option<Timestamp>,
}

impl Default for Agenda {
    fn default() -> Self {
        let (timers, alarms) = (BTreeSet::new(), BTreeSet::new());
        Self { timers, alarms, backlog: true, unseen: true, turned_are_due: false, forgotten_from: None }
    }
}

/// How far the scheduler looks through the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scan {
    None,
    /// Only sagas that are due.
    Due,
    /// All live sagas.
    All,
}

impl Agenda {
    pub(super) fn rest(&mut self, rest: Rest, id: &Arc<str>) {
        match rest {
            Rest::Over => {}
            Rest::Until(wake) => {
                self.timers.insert((wake, id.clone()));
                if self.timers.len() > MOST
                    && let Some((dropped, _)) = self.timers.pop_last()
                {
                    self.forget_from(dropped);
                }
            }
            Rest::Turn(alarm) => {
                self.backlog = true;
                self.alarms.extend(alarm.map(|at| (at, id.clone())));
                if self.alarms.len() > MOST
                    && let Some((dropped, _)) = self.alarms.pop_last()
                {
                    self.forget_from(dropped);
                }
            }
        }
    }

    fn forget_from(&mut self, at: Timestamp) {
        self.forgotten_from = Some(self.forgotten_from.map_or(at, |from| from.min(at)));
    }

    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.timers.first().is_some_and(|(at, _)| *at <= now)
    }

    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<Arc<str>> {
        pop(&mut self.timers, now)
    }

    pub(super) fn take_alarm(&mut self, now: Timestamp) -> Option<Arc<str>> {
        pop(&mut self.alarms, now)
    }

    /// When something is to be woken.
    pub(super) fn next(&self) -> Option<Timestamp> {
        let first = [self.timers.first(), self.alarms.first()].into_iter().flatten().map(|(at, _)| *at);
        first.chain(self.forgotten_from).min()
    }

    /// Others wait for a slot, and were there first.
    pub(super) fn has_backlog(&self) -> bool {
        self.backlog
    }

    pub(super) fn leaves_backlog(&mut self) {
        self.backlog = true;
    }

    /// Whether resting sagas from this time on are too many to have in mind.
    pub(super) fn forgets(&self, at: Timestamp) -> bool {
        self.forgotten_from.is_some_and(|from| from <= at)
    }

    /// Whether the due times name every saga that turned back.
    pub(super) fn all_turned_are_due(&self) -> bool {
        self.turned_are_due
    }

    /// They do, and go on to.
    pub(super) fn turned_are_due(&mut self) {
        self.turned_are_due = true;
    }

    /// What to look for now; sagas that are due, only if there is a slot for one.
    pub(super) fn take_scan(&mut self, now: Timestamp, free: bool) -> Scan {
        if std::mem::take(&mut self.unseen) || self.forgets(now) {
            (self.backlog, self.forgotten_from) = (false, None);
            return Scan::All;
        }
        if free && std::mem::take(&mut self.backlog) { Scan::Due } else { Scan::None }
    }

    /// A scan that could not be finished is still to be made.
    pub(super) fn put_back(&mut self, scan: Scan) {
        self.backlog |= scan != Scan::None;
        self.unseen |= scan == Scan::All;
    }
}

fn pop(from: &mut BTreeSet<(Timestamp, Arc<str>)>, now: Timestamp) -> Option<Arc<str>> {
    let (at, _) = from.first()?;
    if *at > now {
        return None;
    }
    from.pop_first().map(|(_, id)| id)
}
