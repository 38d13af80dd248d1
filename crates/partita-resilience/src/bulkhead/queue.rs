//! Who waits for a permit, first come first served.
//!
//! Everything here happens under one lock, and only when no permit is free. A waiter that goes away takes itself out; if
//! it had been given a permit meanwhile, that goes to the next one, so no wake-up is ever swallowed.

use super::slots::{Slot, Slots};
use crate::sync::{Mutex, lock};
use std::collections::BTreeMap;
use std::task::Waker;

/// The waiters.
#[derive(Debug, Default)]
pub(crate) struct Queue(Mutex<Line>);

#[derive(Debug, Default)]
struct Line {
    drawn: u64,
    waiting: BTreeMap<u64, Waker>,
    granted: BTreeMap<u64, Slot>,
}

/// What happened to a call that found no free permit.
#[derive(Debug)]
pub(crate) enum Joined {
    /// A permit had come free.
    Taken(Slot),
    /// It waits, under this ticket.
    Waits(u64),
    /// The queue is full.
    Full,
}

/// Where a waiter stands.
#[derive(Debug)]
pub(crate) enum Turn {
    /// It has a permit now.
    Comes(Slot),
    /// It waits on.
    Waits,
}

impl Queue {
    /// Joins the queue, which holds `most`.
    pub(crate) fn join(&self, slots: &Slots, most: usize, waker: &Waker) -> Joined {
        let mut line = lock(&self.0);
        if line.waiting.is_empty() {
            slots.begin_waiting();
            let taken = slots.take_for_waiter();
            if taken.is_some() || most == 0 {
                slots.end_waiting();
                return taken.map_or(Joined::Full, Joined::Taken);
            }
        } else if line.waiting.len() >= most {
            return Joined::Full;
        }
        line.drawn += 1;
        let ticket = line.drawn;
        line.waiting.insert(ticket, waker.clone());
        Joined::Waits(ticket)
    }

    /// Whether a waiter's turn has come.
    pub(crate) fn poll(&self, ticket: u64, waker: &Waker) -> Turn {
        let mut line = lock(&self.0);
        if let Some(slot) = line.granted.remove(&ticket) {
            return Turn::Comes(slot);
        }
        if let Some(kept) = line.waiting.get_mut(&ticket) {
            kept.clone_from(waker);
        }
        Turn::Waits
    }

    /// A waiter goes away; the permit that it had been given and never took, if any.
    pub(crate) fn leave(&self, slots: &Slots, ticket: u64) -> Option<Slot> {
        let mut line = lock(&self.0);
        if line.waiting.remove(&ticket).is_some() && line.waiting.is_empty() {
            slots.end_waiting();
        }
        line.granted.remove(&ticket)
    }

    /// Gives free permits to the first who wait.
    pub(crate) fn hand_over(&self, slots: &Slots) {
        while let Some(waker) = self.grant(slots) {
            waker.wake();
        }
    }

    fn grant(&self, slots: &Slots) -> Option<Waker> {
        let mut line = lock(&self.0);
        let (&ticket, _) = line.waiting.first_key_value()?;
        let slot = slots.take_for_waiter()?;
        line.granted.insert(ticket, slot);
        let waker = line.waiting.remove(&ticket);
        if line.waiting.is_empty() {
            slots.end_waiting();
        }
        waker
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        lock(&self.0).waiting.len()
    }
}
