//! Who is connected, and who has to go when there is no room.

use super::arrival::Arrival;
use partita_time::{Clock, timeout};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// While all are busy: how soon it is looked again whether one of them waits by now.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The connections of a server.
pub(super) struct Open {
    clock: Arc<dyn Clock>,
    room: Arc<Semaphore>,
    arrivals: Mutex<BTreeMap<u64, Arrival>>,
    next: AtomicU64,
}

/// A connection's place among them, given back when it is dropped.
pub(super) struct Seat {
    pub(super) arrival: Arrival,
    open: Arc<Open>,
    id: u64,
    _room: OwnedSemaphorePermit,
}

impl Open {
    /// Room for so many.
    pub(super) fn new(clock: Arc<dyn Clock>, room: usize) -> Self {
        let room = Arc::new(Semaphore::new(room.min(Semaphore::MAX_PERMITS)));
        Self { clock, room, arrivals: Mutex::default(), next: AtomicU64::new(0) }
    }

    fn arrivals(&self) -> MutexGuard<'_, BTreeMap<u64, Arrival>> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place; where there is none, the connection that has been waited for longest is closed.
    pub(super) async fn enter(self: &Arc<Self>) -> Seat {
        let room = loop {
            if let Ok(room) = self.room.clone().try_acquire_owned() {
                break room;
            }
            self.close_longest_waiting();
            if let Ok(Ok(room)) = timeout(&*self.clock, LOOK_AGAIN, self.room.clone().acquire_owned()).await {
                break room;
            }
        };
        let arrival = Arrival::new(self.clock.clone());
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.arrivals().insert(id, arrival.clone());
        Seat { arrival, open: self.clone(), id, _room: room }
    }

    /// Closes the connection that has kept the server waiting longest, if any does.
    pub(super) fn close_longest_waiting(&self) {
        let arrivals = self.arrivals();
        let waiting = arrivals.values().filter_map(|arrival| Some((arrival.waiting_since()?, arrival)));
        if let Some((_, longest)) = waiting.min_by_key(|(since, _)| *since) {
            longest.close();
        }
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("room", &self.room.available_permits()).finish_non_exhaustive()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.open.arrivals().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use partita_time::{Timestamp, TokioClock};

    #[tokio::test(start_paused = true)]
    async fn who_has_been_waited_for_longest_has_to_go_and_who_is_answered_stays() {
        let clock = Arc::new(TokioClock::anchored(Timestamp::default()));
        let open = Arc::new(Open::new(clock.clone(), 3));
        let mut seats = vec![];
        for _ in 0..3 {
            seats.push(open.enter().await);
            clock.sleep(Duration::from_millis(1)).await;
        }
        seats[0].arrival.bytes();
        assert!(seats[0].arrival.head().is_some());
        let leaves = async {
            seats[1].arrival.closed().await;
            assert_eq!(seats[1].arrival.head(), None, "what comes too late is not begun");
            assert!(seats[2].arrival.waiting_since().is_some());
            drop(seats.remove(1));
        };
        let (fourth, ()) = tokio::join!(open.enter(), leaves);
        assert_eq!(fourth.id, 3);
    }
}
