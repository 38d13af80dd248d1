//! Who waits for a moment of their own.

use super::decision::Decision;
use super::rule::{Cell, Charge, Rule};
use super::share::Share;
use crate::stripe::Striped;
use crate::sync::{Mutex, MutexGuard, lock};
use std::collections::BTreeMap;
use std::task::Waker;

/// One quota's use, and those who wait for it. Lock-free unless somebody waits.
#[derive(Debug)]
pub(crate) struct Meter {
    pub(crate) cell: Cell,
    line: Mutex<Line>,
}

#[derive(Debug, Default)]
struct Line {
    drawn: u64,
    /// The latest that the clock of anyone in line showed.
    seen: u64,
    waiting: BTreeMap<u64, Waiter>,
}

#[derive(Debug)]
struct Waiter {
    charge: Charge,
    waker: Option<Waker>,
}

/// How long a wait may be, in nanoseconds, and how many may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) wait: u64,
    pub(crate) waiters: usize,
}

/// What came of asking for a moment.
#[derive(Debug)]
pub(crate) enum Asked {
    /// It is now.
    Now,
    /// It will come, under this ticket.
    Later(u64),
    /// It would come too late.
    Refused(Decision),
    /// Too many wait.
    Full(Decision),
}

impl Meter {
    pub(crate) fn new(rule: &Rule) -> Self {
        Self { cell: rule.cell(), line: Mutex::default() }
    }

    /// One that many threads may ask at once.
    pub(crate) fn busy(rule: &Rule, stripes: impl FnOnce() -> Striped<Share>) -> Self {
        Self { cell: rule.busy_cell(stripes), line: Mutex::default() }
    }

    /// Takes a moment of its own for a call, within the bounds.
    pub(crate) fn ask(&self, rule: &Rule, now: u64, cost: u32, bounds: Bounds) -> Asked {
        let mut line = self.line_at(now);
        let decision = rule.check(&self.cell, now, cost);
        if decision.allowed() {
            return Asked::Now;
        }
        if decision.never_fits() {
            return Asked::Refused(decision);
        }
        if line.waiting.len() >= bounds.waiters {
            return Asked::Full(decision);
        }
        let Some(charge) = rule.reserve(&self.cell, now, cost, bounds.wait) else {
            return Asked::Refused(decision);
        };
        line.drawn += 1;
        let ticket = line.drawn;
        line.waiting.insert(ticket, Waiter { charge, waker: None });
        Asked::Later(ticket)
    }

    /// How long until a ticket's moment; zero when it has come.
    pub(crate) fn left(&self, rule: &Rule, now: u64, ticket: u64) -> u64 {
        let line = lock(&self.line);
        line.waiting.get(&ticket).map_or(0, |waiter| rule.nanos(waiter.charge.at).saturating_sub(now))
    }

    /// As [`Meter::left`], and `waker` is woken when the moment moves. A moment that has come is taken out.
    pub(crate) fn poll(&self, rule: &Rule, now: u64, ticket: u64, waker: &Waker) -> u64 {
        let mut line = self.line_at(now);
        let Some(waiter) = line.waiting.get_mut(&ticket) else { return 0 };
        let left = rule.nanos(waiter.charge.at).saturating_sub(now);
        if left == 0 {
            line.waiting.remove(&ticket);
        } else if let Some(kept) = &mut waiter.waker {
            kept.clone_from(waker);
        } else {
            waiter.waker = Some(waker.clone());
        }
        left
    }

    /// Gives a moment back; those behind it move up, and are woken. One that has come stays spent, by whoever's clock.
    pub(crate) fn leave(&self, rule: &Rule, now: u64, ticket: u64) {
        let moved: Vec<_> = {
            let mut line = self.line_at(now);
            let Some(Waiter { charge: gone, .. }) = line.waiting.remove(&ticket) else { return };
            if gone.at <= rule.units(line.seen) {
                return;
            }
            let first = if rule.keeps_each() { line.first_at(gone.at, ticket) } else { ticket };
            let behind = line.waiting.range_mut(first..).map(|(_, waiter)| (waiter.charge.at, waiter));
            let mut behind: Vec<_> = behind.collect();
            rule.take_back(&self.cell, now, gone, behind.iter_mut().map(|(_, waiter)| &mut waiter.charge));
            behind.retain(|(before, waiter)| waiter.charge.at != *before);
            behind.into_iter().filter_map(|(_, waiter)| waiter.waker.take()).collect()
        };
        moved.into_iter().for_each(Waker::wake);
    }

    fn line_at(&self, now: u64) -> MutexGuard<'_, Line> {
        let mut line = lock(&self.line);
        line.seen = line.seen.max(now);
        line
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        lock(&self.line).waiting.len()
    }
}

impl Line {
    /// The first ticket of a moment, up to this one: moments come in the order of tickets.
    fn first_at(&self, at: u128, ticket: u64) -> u64 {
        let same = self.waiting.range(..ticket).rev().take_while(|(_, waiter)| waiter.charge.at == at);
        same.last().map_or(ticket, |(first, _)| *first)
    }
}
