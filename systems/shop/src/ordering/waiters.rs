//! Requests that wait for an order's end.

use super::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering as Atomic;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;

/// Who waits for which order.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiters(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// By order: how many wait, and what wakes them.
    bells: BTreeMap<String, (usize, Arc<Notify>)>,
    /// Orders of this process whose sagas have not come to rest: their bells will ring, so nobody has to look.
    expected: BTreeSet<String>,
    /// How often rests were missed.
    lags: u64,
}

/// One request's place among the waiters of an order; left when dropped.
#[derive(Debug)]
pub(super) struct Waiting {
    waiters: Waiters,
    id: String,
    bell: Arc<Notify>,
    /// Rests that were missed before.
    lags: u64,
}

impl Waiters {
    pub(super) fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place. What happens from now on is not missed.
    pub(super) fn enter(&self, id: &str) -> Waiting {
        let mut state = self.lock();
        let lags = state.lags;
        let (count, bell) = state.bells.entry(id.to_owned()).or_default();
        *count += 1;
        Waiting { waiters: self.clone(), id: id.to_owned(), bell: bell.clone(), lags }
    }

    /// The order's saga is about to start: its bell will ring once.
    pub(super) fn expect(&self, id: &str) {
        self.lock().expected.insert(id.to_owned());
    }

    /// The order's saga was not started, or nobody can tell.
    pub(super) fn forget(&self, id: &str) {
        self.lock().expected.remove(id);
    }

    fn ring(&self, id: &str) {
        let mut state = self.lock();
        state.expected.remove(id);
        if let Some((_, bell)) = state.bells.get(id) {
            bell.notify_waiters();
        }
    }

    fn ring_all(&self) {
        let mut state = self.lock();
        state.expected.clear();
        state.lags += 1;
        for (_, bell) in state.bells.values() {
            bell.notify_waiters();
        }
    }
}

impl Waiting {
    /// Resolves at the next ring after it is first polled.
    pub(super) fn rung(&self) -> tokio::sync::futures::Notified<'_> {
        self.bell.notified()
    }

    /// Whether the order has not come to rest, and a ring will say when it does.
    pub(super) fn is_expected(&self) -> bool {
        self.waiters.lock().expected.contains(&self.id)
    }

    /// Whether a ring meant this order: none was missed since.
    pub(super) fn is_sure(&self) -> bool {
        self.waiters.lock().lags == self.lags
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = self.waiters.lock();
        if let Some((count, _)) = state.bells.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                state.bells.remove(&self.id);
            }
        }
    }
}

/// Rings for each saga that ends or is parked, and counts it out.
pub(super) fn watch(ordering: Ordering) {
    let mut rests = ordering.0.engine.rests();
    let spawner = ordering.0.env.host.spawner.clone();
    spawner.spawn(Box::pin(async move {
        loop {
            match rests.recv().await {
                Ok(id) => {
                    ordering.0.unfinished.fetch_sub(1, Atomic::Relaxed);
                    ordering.0.waiters.ring(&id);
                }
                Err(RecvError::Lagged(missed)) => {
                    let missed = i64::try_from(missed).unwrap_or(0);
                    ordering.0.unfinished.fetch_sub(missed, Atomic::Relaxed);
                    ordering.0.waiters.ring_all();
                }
                Err(RecvError::Closed) => return,
            }
        }
    }));
}
