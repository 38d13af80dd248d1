//! Who leads, who waits, and what they get.

use crate::sync::{AtomicU64, Mutex, Ordering, lock};
use crate::{Error, Event, EventKind, Listeners, PolicyKind, Timing};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Where a coalescing policy stands; counts since it was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoalesceSnapshot {
    /// The policy's name.
    pub name: crate::Name,
    /// Keys with a call under way.
    pub under_way: usize,
    /// Calls that were made.
    pub led: u64,
    /// Calls that another one's answer spared.
    pub shared: u64,
    /// Times that a waiter had to take over.
    pub handed_over: u64,
    /// Waits that were too long.
    pub timed_out: u64,
}

pub(super) struct Core<K, T, E> {
    pub(super) name: crate::Name,
    pub(super) max_wait: Duration,
    pub(super) listeners: Listeners,
    pub(super) timing: Timing,
    flights: Mutex<HashMap<K, Flight<T, E>>>,
    led: AtomicU64,
    shared: AtomicU64,
    handed_over: AtomicU64,
    timed_out: AtomicU64,
}

/// One call and those who wait for it.
type Flight<T, E> = Arc<Mutex<State<T, E>>>;

/// An answer, shared.
type End<T, E> = Arc<Result<T, Error<E>>>;

struct State<T, E> {
    end: Option<End<T, E>>,
    leader: u64,
    tickets: u64,
    /// In the order of their coming.
    waiters: Vec<(u64, Option<Waker>)>,
}

/// A caller's place at a call: its leader or one who waits. Dropped, it hands on what it has.
pub(super) struct Seat<'a, K: Hash + Eq, T, E> {
    core: &'a Core<K, T, E>,
    key: K,
    flight: Flight<T, E>,
    ticket: u64,
}

/// What a caller is to do.
pub(super) enum Turn<T, E> {
    Lead,
    Take(End<T, E>),
}

impl<K: Hash + Eq + Clone, T, E> Core<K, T, E> {
    pub(super) fn new(name: crate::Name, max_wait: Duration, listeners: Listeners, timing: Timing) -> Self {
        let [led, shared, handed_over, timed_out] = std::array::from_fn(|_| AtomicU64::new(0));
        Self { name, max_wait, listeners, timing, flights: Mutex::default(), led, shared, handed_over, timed_out }
    }

    pub(super) fn join(&self, key: K) -> Seat<'_, K, T, E> {
        let mut flights = lock(&self.flights);
        let (flight, ticket) = match flights.entry(key.clone()) {
            Entry::Occupied(entry) => {
                let flight = Arc::clone(entry.get());
                let mut state = lock(&flight);
                state.tickets += 1;
                let ticket = state.tickets;
                state.waiters.push((ticket, None));
                drop(state);
                (flight, ticket)
            }
            Entry::Vacant(entry) => {
                let state = State { end: None, leader: 0, tickets: 0, waiters: Vec::new() };
                (Arc::clone(entry.insert(Arc::new(Mutex::new(state)))), 0)
            }
        };
        drop(flights);
        Seat { core: self, key, flight, ticket }
    }

    pub(super) fn snapshot(&self) -> CoalesceSnapshot {
        CoalesceSnapshot {
            name: self.name.clone(),
            under_way: lock(&self.flights).len(),
            led: self.led.load(Ordering::Relaxed),
            shared: self.shared.load(Ordering::Relaxed),
            handed_over: self.handed_over.load(Ordering::Relaxed),
            timed_out: self.timed_out.load(Ordering::Relaxed),
        }
    }

    pub(super) fn waited_too_long(&self, kind: EventKind<'_>) {
        self.timed_out.fetch_add(1, Ordering::Relaxed);
        self.tell(kind);
    }

    pub(super) fn tell(&self, kind: EventKind<'_>) {
        self.listeners.tell(&Event::told(self.timing.coarse_nanos(), PolicyKind::Coalesce, &self.name, kind));
    }
}

impl<K: Hash + Eq + Clone, T: Clone, E: Clone> Seat<'_, K, T, E> {
    /// Whether this caller leads by now, or there is an answer.
    pub(super) fn poll_turn(&self, cx: &mut Context<'_>) -> Poll<Turn<T, E>> {
        let mut state = lock(&self.flight);
        if let Some(end) = &state.end {
            self.core.shared.fetch_add(1, Ordering::Relaxed);
            return Poll::Ready(Turn::Take(Arc::clone(end)));
        }
        if state.leader == self.ticket {
            return Poll::Ready(Turn::Lead);
        }
        if let Some((_, waker)) = state.waiters.iter_mut().find(|(ticket, _)| *ticket == self.ticket) {
            *waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// A call is made.
    pub(super) fn lead(&self) {
        self.core.led.fetch_add(1, Ordering::Relaxed);
    }

    /// The leader's answer, for all who wait.
    pub(super) fn finish(&self, end: &Result<T, Error<E>>) {
        let mut shared = None;
        while !self.land(&mut shared) {
            // With no lock held and nothing changed yet: a clone may take long, or panic.
            shared = Some(Arc::new(end.clone()));
        }
    }

    /// Ends the call with what is shared of its answer; false, with no change, where that is needed and missing.
    fn land(&self, shared: &mut Option<End<T, E>>) -> bool {
        let mut flights = lock(&self.core.flights);
        let mut state = lock(&self.flight);
        if shared.is_none() && !state.waiters.is_empty() {
            return false;
        }
        flights.remove(&self.key);
        drop(flights);
        state.end = shared.take();
        let waiters = std::mem::take(&mut state.waiters);
        // From here on nobody is the leader, so dropping this seat hands nothing on.
        state.leader = u64::MAX;
        drop(state);
        waiters.into_iter().filter_map(|(_, waker)| waker).for_each(Waker::wake);
        true
    }
}

impl<K: Hash + Eq, T, E> Drop for Seat<'_, K, T, E> {
    fn drop(&mut self) {
        let mut flights = lock(&self.core.flights);
        let mut state = lock(&self.flight);
        state.waiters.retain(|(ticket, _)| *ticket != self.ticket);
        if state.leader != self.ticket {
            return;
        }
        if state.waiters.is_empty() {
            flights.remove(&self.key);
            return;
        }
        let (ticket, waker) = state.waiters.remove(0);
        state.leader = ticket;
        drop(state);
        drop(flights);
        self.core.handed_over.fetch_add(1, Ordering::Relaxed);
        waker.iter().for_each(Waker::wake_by_ref);
    }
}
