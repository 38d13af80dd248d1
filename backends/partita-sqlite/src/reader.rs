//! A few threads that read, one page per transaction.

use crate::error::closed;
use partita_core::{Read, Result};
use rusqlite::Connection;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, oneshot};

/// Reads that may wait at once; further ones wait for room.
const QUEUE: usize = 1_024;

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// The queue in front of the readers.
pub(crate) struct Readers {
    state: Mutex<State>,
    wake: Condvar,
    room: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    ended: bool,
}

impl Readers {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default(), wake: Condvar::new(), room: Arc::new(Semaphore::new(QUEUE)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Readers")
    }
}
