//! Requests that wait for an order's end.

use super::Ordering;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering as Atomic;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;

/// Who waits for which order.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiters(Arc<Mutex<Bells>>);

/// By order: how many wait, and what wakes them.
type Bells = BTreeMap<String, (usize, Arc<Notify>)>;

/// One request's place among the waiters of an order; left when dropped.
#[derive(Debug)]
pub(super) struct Waiting {
    waiters: Waiters,
    id: String,
    bell: Arc<Notify>,
}

impl Waiters {
    pub(super) fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Bells> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place. What happens from now on is not missed.
    pub(super) fn enter(&self, id: &str) -> Waiting {
        let mut waiters = self.lock();
        let (count, bell) = waiters.entry(id.to_owned()).or_default();
        *count += 1;
        Waiting { waiters: self.clone(), id: id.to_owned(), bell: bell.clone() }
    }

    fn ring(&self, id: &str) {
        if let Some((_, bell)) = self.lock().get(id) {
            bell.notify_waiters();
        }
    }

    fn ring_all(&self) {
        for (_, bell) in self.lock().values() {
            bell.notify_waiters();
        }
    }
}

impl Waiting {
    /// Resolves at the next ring after it is first polled.
    pub(super) fn rung(&self) -> tokio::sync::futures::Notified<'_> {
        self.bell.notified()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut waiters = self.waiters.lock();
        if let Some((count, _)) = waiters.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                waiters.remove(&self.id);
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
