//! Reads, one page per transaction: short ones on the caller's own thread, others on a few threads for that.
//!
//! A record by its key costs a few microseconds, and handing it to another thread and back several times as much. So it is
//! read where it is asked for, with one of a few connections kept for that. As soon as such a read takes long, the disk is
//! slow: then for a while all reads go to the threads, where they hold up nobody else.

use crate::error::closed;
use partita_core::{Read, Result};
use rusqlite::Connection;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, oneshot};

/// Reads that may wait at once; further ones wait for room.
const QUEUE: usize = 1_024;
/// A short read that takes as long as this has met a slow disk.
const SLOW: Duration = Duration::from_millis(20);
/// How long callers' threads are spared then.
const SPARED: Duration = Duration::from_secs(1);

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// The queue in front of the readers.
pub(crate) struct Readers {
    state: Mutex<State>,
    wake: Condvar,
    room: Arc<Semaphore>,
    near: Mutex<Near>,
    returned: Condvar,
}

/// Connections for reads on the callers' threads.
#[derive(Default)]
struct Near {
    idle: Vec<Connection>,
    lent: usize,
    ended: bool,
    spared_until: Option<Instant>,
}

/// A connection on a caller's thread; given back when dropped.
struct Loan<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
    since: Instant,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    ended: bool,
}

impl Readers {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            wake: Condvar::new(),
            room: Arc::new(Semaphore::new(QUEUE)),
            near: Mutex::default(),
            returned: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lending(&self) -> MutexGuard<'_, Near> {
        self.near.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A short read: on the caller's thread, unless the disk is slow or every connection is in use.
    pub(crate) fn near<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Read<'_, T> {
        Box::pin(async move {
            // A caller that only ever reads must let others run now and then.
            tokio::task::coop::consume_budget().await;
            let lent = self.lend();
            match lent.as_ref().and_then(|loan| loan.connection.as_ref()) {
                Some(connection) => read(connection),
                None => self.read(read).await,
            }
        })
    }

    fn lend(&self) -> Option<Loan<'_>> {
        let mut near = self.lending();
        let since = now();
        if near.ended || near.spared_until.is_some_and(|until| since < until) {
            return None;
        }
        let connection = Some(near.idle.pop()?);
        near.lent += 1;
        Some(Loan { readers: self, connection, since })
    }

    /// Keeps a connection for the callers' threads.
    pub(crate) fn keep(&self, connection: Connection) {
        self.lending().idle.push(connection);
    }

    /// Closes the callers' connections, once they are back.
    fn end_near(&self) {
        let mut near = self.lending();
        near.ended = true;
        near.idle.clear();
        drop(self.returned.wait_while(near, |near| near.lent > 0));
    }

    /// Reads on one of the threads. A caller that stops waiting frees no room: its job does, once it has come up.
    pub(crate) fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Read<'_, T> {
        Box::pin(async move {
            let room = self.room.clone().acquire_owned().await.map_err(|_| closed())?;
            let (send, receive) = oneshot::channel();
            self.push(Box::new(move |connection| {
                let _room = room;
                if !send.is_closed() {
                    let _ = send.send(read(connection));
                }
            }));
            receive.await.unwrap_or_else(|_| Err(closed()))
        })
    }

    fn push(&self, job: Job) {
        let mut state = self.state();
        if !state.ended {
            state.jobs.push_back(job);
            self.wake.notify_one();
        }
    }

    pub(crate) fn end(&self) {
        self.room.close();
        self.state().ended = true;
        self.wake.notify_all();
        self.end_near();
    }

    /// Reads that no thread has taken up yet.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.state().jobs.len()
    }

    #[cfg(test)]
    pub(crate) fn room(&self) -> usize {
        self.room.available_permits()
    }

    /// Ends, and what is queued is told so instead of being answered.
    pub(crate) fn abandon(&self) {
        self.end();
        let forgotten = std::mem::take(&mut self.state().jobs);
        drop(forgotten);
    }

    /// A reader's thread: what is queued when the store ends is still answered.
    pub(crate) fn run(&self, connection: &Connection) {
        while let Some(job) = self.take() {
            job(connection);
        }
    }

    fn take(&self) -> Option<Job> {
        let idle = |state: &mut State| state.jobs.is_empty() && !state.ended;
        let mut state = self.wake.wait_while(self.state(), idle).unwrap_or_else(PoisonError::into_inner);
        state.jobs.pop_front()
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let mut near = self.readers.lending();
        near.lent -= 1;
        let until = now();
        if until.duration_since(self.since) >= SLOW {
            near.spared_until = Some(until + SPARED);
        }
        if near.ended {
            drop(self.connection.take());
            self.readers.returned.notify_all();
        } else {
            near.idle.extend(self.connection.take());
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "how long the disk takes is a matter of real time")]
fn now() -> Instant {
    Instant::now()
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Readers")
    }
}
