//! Moves the write-ahead log into the database file, on a connection of its own.
//!
//! While there is work the log is moved in steps (`PASSIVE`). A step disturbs nobody, but the writer goes on meanwhile, so
//! the log would never be whole in the database and never be reused. A second step moves what was added during the first;
//! behind it the writer waits once, for the little that it has added since. A second after the last commit the whole log is
//! moved, and a large one is cut to nothing (`TRUNCATE`), or any where the disk is full; a small one is kept, to be written
//! over. Then the thread sleeps until the next commit. Cutting takes SQLite's lock for writing, for as long as a slow disk
//! needs; the writer and the checkpointer therefore take turns, and neither finds the file locked by the other.

use crate::inspect::log_bytes;
use rusqlite::Connection;
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The least limit of the log, in bytes. It grows to half of its limit before it is moved.
const LEAST_LIMIT_BYTES: u64 = 4 << 20;
/// Size of the log's file, in bytes, up to which it is kept while nothing is committed.
const KEPT_BYTES: u64 = 4 << 20;
/// How long nothing must have been committed before the whole log is moved.
const IDLE: Duration = Duration::from_secs(1);
/// A reader of another program can hold the log for as long as it likes; the thread does not poll for its end.
const TRIES: u32 = 10;

/// What the writer tells the checkpointer, and how far that has come.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    state: Mutex<State>,
    wake: Condvar,
    done: Condvar,
    turn: Mutex<()>,
    limit_bytes: u64,
    step_bytes: u64,
    #[cfg(test)]
    pub(crate) snag: Mutex<Option<Snag>>,
}

/// What a test lets happen to the checkpointer's next task.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Snag {
    Panic,
    SlowTruncate,
}

#[derive(Debug)]
struct State {
    wal_bytes: u64,
    step_at: u64,
    stop_at: u64,
    commits: u64,
    settled: u64,
    tries: u32,
    /// The first of two steps is done.
    halfway: bool,
    catch_up: bool,
    writer_waits: bool,
    asleep: bool,
    /// Room on the disk is wanted: a small log is cut too.
    room_wanted: bool,
    ended: bool,
}

enum Task {
    End,
    Step,
    Rest { seen: u64 },
}

impl Checkpoints {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        let limit_bytes = limit_bytes.max(LEAST_LIMIT_BYTES);
        let step_bytes = limit_bytes / 2;
        let state = State {
            wal_bytes: 0,
            step_at: step_bytes,
            stop_at: limit_bytes,
            // The opening itself has written.
            commits: 1,
            settled: 0,
            tries: 0,
            halfway: false,
            catch_up: false,
            writer_waits: false,
            asleep: false,
            room_wanted: false,
            ended: false,
        };
        Self {
            state: Mutex::new(state),
            wake: Condvar::new(),
            done: Condvar::new(),
            turn: Mutex::default(),
            limit_bytes,
            step_bytes,
            #[cfg(test)]
            snag: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wal_bytes(&self) -> u64 {
        self.state().wal_bytes
    }

    /// Waits for the turn to hold SQLite's lock for writing.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writer has committed and answered. Behind two steps, or over the limit, it waits here for another step.
    pub(crate) fn committed(&self, wal_bytes: u64) {
        let mut state = self.state();
        state.commits += 1;
        if wal_bytes < state.wal_bytes {
            self.log_begins_anew(&mut state);
        }
        state.wal_bytes = wal_bytes;
        if state.catch_up || wal_bytes >= state.stop_at {
            state.writer_waits = true;
            self.wake.notify_one();
            drop(self.done.wait_while(state, |state| state.writer_waits && !state.ended));
        } else if state.asleep || wal_bytes >= state.step_at {
            self.wake.notify_one();
        }
    }

    /// The writer finds no room on the disk.
    pub(crate) fn make_room(&self) {
        let mut state = self.state();
        state.room_wanted = true;
        state.commits += 1;
        self.wake.notify_one();
    }

    fn log_begins_anew(&self, state: &mut State) {
        state.step_at = self.step_bytes;
        state.stop_at = self.limit_bytes;
        (state.halfway, state.catch_up) = (false, false);
    }

    pub(crate) fn end(&self) {
        self.state().ended = true;
        self.wake.notify_all();
        self.done.notify_all();
    }

    /// The checkpointer's thread.
    pub(crate) fn run(&self, connection: &Connection) {
        loop {
            let task = self.next_task();
            #[cfg(test)]
            assert!(!self.meets(Snag::Panic), "a defect of the checkpointer");
            match task {
                Task::End => return,
                Task::Step => {
                    checkpoint(connection, "PASSIVE");
                    self.stepped();
                }
                Task::Rest { seen } => {
                    let whole =
                        checkpoint(connection, "PASSIVE") && (self.keeps(connection) || self.truncate(connection));
                    self.rested(seen, whole);
                }
            }
        }
    }

    fn keeps(&self, connection: &Connection) -> bool {
        let bytes = connection.path().map_or(u64::MAX, |path| log_bytes(Path::new(path)));
        bytes <= KEPT_BYTES && !self.state().room_wanted
    }

    fn truncate(&self, connection: &Connection) -> bool {
        let _turn = self.turn();
        #[cfg(test)]
        if self.meets(Snag::SlowTruncate) {
            hold(connection);
        }
        checkpoint(connection, "TRUNCATE")
    }

    #[cfg(test)]
    fn meets(&self, snag: Snag) -> bool {
        self.snag.lock().unwrap().take_if(|next| *next == snag).is_some()
    }

    fn next_task(&self) -> Task {
        let mut state = self.state();
        loop {
            if state.ended {
                return Task::End;
            }
            if state.writer_waits || state.wal_bytes >= state.step_at {
                return Task::Step;
            }
            let seen = state.commits;
            if seen == state.settled {
                state.asleep = true;
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.asleep = false;
                continue;
            }
            let (after, wait) = self.wake.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = after;
            if wait.timed_out() && state.commits == seen && !state.ended {
                return Task::Rest { seen };
            }
        }
    }

    fn stepped(&self) {
        let mut state = self.state();
        state.halfway = !state.writer_waits && !state.halfway;
        if state.halfway {
            state.step_at = state.wal_bytes;
            return;
        }
        state.step_at = state.wal_bytes + self.step_bytes;
        state.catch_up = !state.writer_waits;
        if std::mem::take(&mut state.writer_waits) {
            if state.wal_bytes >= self.limit_bytes {
                let (wal_bytes, limit_bytes) = (state.wal_bytes, self.limit_bytes);
                tracing::warn!(wal_bytes, limit_bytes, "the log is over its limit; a long read holds it");
            }
            // Where a long reader keeps the log from being reused, one wait per step is enough.
            state.stop_at = state.stop_at.max(state.wal_bytes + self.limit_bytes / 4);
            self.done.notify_all();
        }
    }

    fn rested(&self, seen: u64, whole: bool) {
        let mut state = self.state();
        state.tries = if whole { 0 } else { state.tries + 1 };
        if whole && state.commits == seen {
            state.wal_bytes = 0;
            self.log_begins_anew(&mut state);
        }
        if whole || state.tries >= TRIES {
            (state.tries, state.room_wanted) = (0, false);
            state.settled = seen;
        }
    }
}

/// Holds the lock for writing longer than a writer is patient.
#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a slow disk is slow in real time")]
fn hold(connection: &Connection) {
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    connection.execute_batch("ROLLBACK").unwrap();
}

/// Whether the whole log is in the database now.
pub(crate) fn checkpoint(connection: &Connection, mode: &str) -> bool {
    let moved = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        let (busy, log, moved): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(busy == 0 && log == moved)
    });
    moved.unwrap_or_else(|error| {
        tracing::warn!(%error, mode, "checkpoint failed; it is tried again after the next commits");
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writer_waits_once_behind_two_steps() {
        let checkpoints = Checkpoints::new(64 << 20);
        let is_step = || matches!(checkpoints.next_task(), Task::Step);
        checkpoints.committed(32 << 20);
        assert!(is_step());
        checkpoints.committed(40 << 20);
        checkpoints.stepped();
        assert!(!checkpoints.state().catch_up && is_step(), "what came meanwhile is moved before anybody waits");
        checkpoints.committed(42 << 20);
        checkpoints.stepped();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| checkpoints.committed(43 << 20));
            while !checkpoints.state().writer_waits {
                std::thread::yield_now();
            }
            assert!(is_step() && !writer.is_finished());
            checkpoints.stepped();
        });
        checkpoints.committed(1 << 20);
        assert!(!checkpoints.state().catch_up && checkpoints.state().step_at == 32 << 20);
    }
}
