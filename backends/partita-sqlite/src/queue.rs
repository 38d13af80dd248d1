//! The bounded queue in front of the writer.

use crate::error::closed;
use partita_core::{Commit, Error, ErrorKind, Reply, Result, Ticket, Write};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Commits that share a flush at most.
const BATCH_COMMITS: usize = 512;
/// Bytes that share a flush at most, unless one commit is larger.
const BATCH_BYTES: usize = 8 << 20;

/// How long the writer gives way before it sleeps: to be woken takes both sides longer than one caller's next commit.
const LINGER: Duration = Duration::from_micros(200);
/// How long it does where that has not helped lately.
const LEAST_LINGER: Duration = Duration::from_micros(2);

/// A commit and who waits for it.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) commit: Arc<Commit>,
    pub(crate) reply: Reply,
    bytes: usize,
}

/// What the writer finds when it looks.
#[derive(Debug)]
pub(crate) enum Work {
    /// Commits in the order of submission.
    Batch(Vec<Job>),
    /// Nothing came in time.
    Nothing,
    /// Closed, and everything queued was taken.
    Closed,
    /// Dropped without being closed.
    Abandoned,
}

#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    room: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    phase: Phase,
    writer_sleeps: bool,
    linger: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    Closed,
    Abandoned,
}

impl State {
    fn is_idle(&self) -> bool {
        self.jobs.is_empty() && self.phase == Phase::Open
    }
}

impl Queue {
    pub(crate) fn new(room: usize) -> Self {
        let state = State { linger: LINGER, ..State::default() };
        Self { state: Mutex::new(state), wake: Condvar::new(), room: Semaphore::new(room) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enqueues if there is room.
    pub(crate) fn submit(&self, commit: Arc<Commit>) -> Ticket {
        match self.room.try_acquire() {
            Ok(permit) => {
                permit.forget();
                self.push(commit)
            }
            Err(_) if self.room.is_closed() => Ticket::refused(closed()),
            Err(_) => Ticket::refused(Error::new(ErrorKind::Busy, "the store's queue is full")),
        }
    }

    /// Waits until there is room in the queue, without taking it yet.
    pub(crate) async fn wait_for_room(&self) -> Result<Room<'_>> {
        let permit = self.room.acquire().await.map_err(|_| closed())?;
        Ok(Room { queue: self, permit })
    }

    fn push(&self, commit: Arc<Commit>) -> Ticket {
        let (reply, ticket) = Ticket::pair();
        let bytes = bytes(&commit);
        let mut state = self.state();
        if state.phase != Phase::Open {
            return Ticket::refused(closed());
        }
        state.jobs.push_back(Job { commit, reply, bytes });
        if std::mem::take(&mut state.writer_sleeps) {
            self.wake.notify_one();
        }
        ticket
    }

    /// Takes the next batch, waiting for one at most so long; does something else before it sleeps.
    pub(crate) fn take(&self, wait: Option<Duration>, before_sleep: impl FnOnce()) -> Work {
        let (mut state, idle_since) = (self.state(), now());
        while state.is_idle() && idle_since.elapsed() < state.linger {
            drop(state);
            std::thread::yield_now();
            state = self.state();
        }
        if state.is_idle() {
            drop(state);
            before_sleep();
            state = self.sleep(wait);
            state.linger = linger_after(state.linger, idle_since.elapsed());
        }
        if !state.jobs.is_empty() {
            let batch = first_batch(&mut state.jobs);
            drop(state);
            self.room.add_permits(batch.len());
            return Work::Batch(batch);
        }
        match state.phase {
            Phase::Open => Work::Nothing,
            Phase::Closed => Work::Closed,
            Phase::Abandoned => Work::Abandoned,
        }
    }

    fn sleep(&self, wait: Option<Duration>) -> MutexGuard<'_, State> {
        let idle = |state: &mut State| {
            state.writer_sleeps = state.is_idle();
            state.writer_sleeps
        };
        let state = self.state();
        let mut state = match wait {
            None => self.wake.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner),
            Some(wait) => self.wake.wait_timeout_while(state, wait, idle).unwrap_or_else(PoisonError::into_inner).0,
        };
        state.writer_sleeps = false;
        state
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.room.is_closed()
    }

    /// Takes in nothing more; what is queued stays.
    pub(crate) fn close(&self) {
        self.end(Phase::Closed);
    }

    /// Takes in nothing more and forgets what is queued.
    pub(crate) fn abandon(&self) {
        drop(self.end(Phase::Abandoned));
    }

    fn end(&self, phase: Phase) -> VecDeque<Job> {
        self.room.close();
        let mut state = self.state();
        state.phase = phase;
        let forgotten = if phase == Phase::Abandoned { std::mem::take(&mut state.jobs) } else { VecDeque::new() };
        self.wake.notify_all();
        forgotten
    }
}

/// Room for one commit.
#[derive(Debug)]
pub(crate) struct Room<'a> {
    queue: &'a Queue,
    permit: tokio::sync::SemaphorePermit<'a>,
}

impl Room<'_> {
    pub(crate) fn submit(self, commit: Arc<Commit>) -> Ticket {
        self.permit.forget();
        self.queue.push(commit)
    }
}

/// How long to linger next time, behind an idle time that a lingering writer slept through: three of four must have been
/// short for it to grow.
fn linger_after(linger: Duration, idle: Duration) -> Duration {
    if idle < LINGER { (linger + linger / 4).min(LINGER) } else { (linger / 2).max(LEAST_LINGER) }
}

fn first_batch(jobs: &mut VecDeque<Job>) -> Vec<Job> {
    let mut bytes = 0;
    let fitting = jobs.iter().take(BATCH_COMMITS).take_while(|job| {
        bytes += job.bytes;
        bytes <= BATCH_BYTES
    });
    let count = fitting.count().max(1);
    jobs.drain(..count).collect()
}

#[allow(clippy::disallowed_methods, reason = "how long a thread sleeps is a matter of real time")]
fn now() -> Instant {
    Instant::now()
}

/// About how much a commit writes.
fn bytes(commit: &Commit) -> usize {
    let events = commit.part.appends.iter().flat_map(|append| &append.events).map(|event| event.data.get().len());
    let records = commit.journals.iter().flat_map(|append| &append.records).map(Vec::len);
    let values = commit.part.puts.iter().map(|put| match &put.write {
        Write::Value { value, .. } => value.len(),
        Write::Delete => 0,
    });
    events.chain(records).chain(values).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_lingers_where_nearly_every_pause_is_short_and_nowhere_else() {
        let after = |pauses: [u64; 4]| {
            let pauses = pauses.into_iter().cycle().take(200).map(Duration::from_micros);
            pauses.fold(LINGER, |linger, idle| if idle < linger { linger } else { linger_after(linger, idle) })
        };
        assert_eq!(after([150, 150, 150, 150]), LINGER);
        assert_eq!(after([150, 5_000, 150, 5_000]), LEAST_LINGER);
        assert_eq!((0..30).fold(LEAST_LINGER, |linger, _| linger_after(linger, LINGER / 2)), LINGER);
    }
}
