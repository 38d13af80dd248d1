//! The one thread that writes: it takes whatever waits, writes it in one physical transaction, and answers each caller.

mod ahead;
mod apply;
mod fresh;
mod ledger;
mod lengths;
mod moving;
mod presence;
mod recovery;
mod rows;
mod statements;
mod steady;
#[cfg(test)]
mod tests;
mod trace;
mod transaction;

use crate::connection::{Role, open};
use crate::disk::Lying;
use crate::lock::FileLock;
use crate::queue::{Job, Work};
use crate::store::Shared;
use ahead::Ahead;
use fresh::Caution;
use ledger::Ledger;
use partita_core::{Asleep, Effect, Error, ErrorKind, Reply, Result, StreamId};
use presence::{LOOK, Presence};
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use steady::Steady;
use trace::Trace;
use transaction::Trouble;

/// How often a store that cannot write looks whether it can again.
const PROBE: Duration = Duration::from_secs(1);

pub(crate) struct Writer {
    shared: Arc<Shared>,
    connection: Connection,
    /// Bytes of the log after the newest commit, as SQLite reports them.
    wal_bytes: Arc<AtomicU64>,
    ahead: Ahead,
    presence: Presence,
    /// Number of this incarnation's newest physical transaction.
    seq: u64,
    /// The number that the file holds, and whether the open transaction has written a new one.
    numbered: u64,
    numbering: bool,
    /// What a transaction in doubt may have left beside its number and its rows.
    trace: Option<Trace>,
    /// What became of a COMMIT with the next number is not known yet.
    unresolved: bool,
    streams: Ledger<StreamId>,
    journals: Ledger<u64>,
    greatest_saga: i64,
    steady: Vec<Steady>,
    caution: Caution,
    /// Callers of the newest batch, as far as none of them has woken the others yet.
    asleep: Option<Asleep>,
    /// The size limit that the connection was told; told again when it changes.
    max_bytes: Option<u64>,
    helpers: Vec<JoinHandle<()>>,
    _lock: FileLock,
}

/// How a store's life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Closed,
    Abandoned,
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        connection: Connection,
        helpers: Vec<JoinHandle<()>>,
        lock: FileLock,
        file: Lying,
    ) -> Result<Self> {
        let wal_bytes = Arc::default();
        let (ahead, presence) = (Ahead::of(&shared.config.path), Presence::of(file));
        let steady = shared.spaces.tables().map(Steady::of).collect();
        let mut writer = Self {
            shared,
            connection,
            wal_bytes,
            ahead,
            presence,
            seq: 0,
            numbered: 0,
            numbering: false,
            trace: None,
            unresolved: false,
            streams: Ledger::ending_at(0, 0),
            journals: Ledger::ending_at(0, 0),
            greatest_saga: i64::MAX,
            steady,
            caution: Caution::default(),
            asleep: None,
            max_bytes: None,
            helpers,
            _lock: lock,
        };
        writer.watch_log().map_err(crate::error::of)?;
        writer.read_places().map_err(crate::error::of)?;
        Ok(writer)
    }

    fn watch_log(&mut self) -> rusqlite::Result<()> {
        let page_bytes: u64 = self.connection.query_row("PRAGMA page_size", [], |row| row.get::<_, u32>(0))?.into();
        let wal_bytes = self.wal_bytes.clone();
        self.connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: i32| {
            wal_bytes.store(u64::try_from(pages).unwrap_or(0) * (page_bytes + 24), Ordering::Relaxed);
            Ok(())
        }))
    }

    /// The writer's thread.
    pub(crate) fn run(mut self) {
        match (self.work(), self.shared.defect()) {
            (Ok(end), None) => self.end(end),
            (Err(error), _) | (_, Some(error)) => self.fail(&error),
        }
    }

    fn work(&mut self) -> Result<End> {
        let mut look = None;
        loop {
            match self.shared.queue.take(look, || drop(self.asleep.take())) {
                Work::Batch(jobs) => {
                    if let Some(end) = self.serve(jobs)? {
                        return Ok(end);
                    }
                    look = Some(LOOK);
                }
                Work::Nothing => {
                    self.look()?;
                    look = None;
                }
                Work::Closed => return self.look().map(|()| End::Closed),
                Work::Abandoned => return Ok(End::Abandoned),
            }
        }
    }

    /// Applies a batch and answers it. Ends early when the store ended while it could not write.
    fn serve(&mut self, jobs: Vec<Job>) -> Result<Option<End>> {
        let started = now();
        let outcome = self.look_again(started).and_then(|()| self.transact(&jobs));
        let figures = &self.shared.figures;
        figures.writer_us.fetch_add(u64::try_from(started.elapsed().as_micros()).unwrap_or(0), Ordering::Relaxed);
        match outcome {
            Ok(answers) => {
                let applied = answers.iter().filter(|answer| answer.is_ok()).count() as u64;
                figures.commits.fetch_add(applied, Ordering::Relaxed);
                self.shared.grown_to(self.streams.newest);
                // Those of the batch before have been woken by then, or never will be by one of them.
                let answered = jobs.into_iter().zip(answers).map(|(job, answer)| (job.reply, job.commit, answer));
                self.asleep = Some(Reply::send_all(answered));
                if applied > 0 {
                    self.shared.checkpoints.committed(self.wal_bytes.load(Ordering::Relaxed));
                }
                Ok(None)
            }
            Err(Trouble::Outage(error)) => {
                figures.cannot_write(Some(error.share()));
                refuse(jobs, &error);
                self.outage(&error)
            }
            Err(Trouble::Unknown(error)) => {
                self.unresolved = true;
                figures.cannot_write(Some(error.share()));
                refuse(jobs, &in_doubt(&error));
                self.outage(&error)
            }
            Err(Trouble::Fatal(error)) => {
                refuse(jobs, &error);
                Err(error)
            }
        }
    }

    /// Refuses everything until a probe succeeds.
    fn outage(&mut self, error: &Error) -> Result<Option<End>> {
        self.asleep = None;
        tracing::error!(%error, file = %self.shared.config.path.display(), "the store cannot write; it tries again each second");
        if error.kind() == ErrorKind::StorageFull {
            self.shared.checkpoints.make_room();
        }
        loop {
            match self.refuse_for(PROBE, error) {
                None => {}
                Some(End::Closed) => return self.look().map(|()| Some(End::Closed)),
                Some(End::Abandoned) => return Ok(Some(End::Abandoned)),
            }
            match self.probe() {
                Ok(()) => {
                    self.shared.figures.cannot_write(None);
                    self.shared.checkpoints.committed(self.wal_bytes.load(Ordering::Relaxed));
                    tracing::info!(file = %self.shared.config.path.display(), "the store can write again");
                    return Ok(None);
                }
                Err(Trouble::Outage(error) | Trouble::Unknown(error)) => self.shared.figures.cannot_write(Some(error)),
                Err(Trouble::Fatal(error)) => return Err(error),
            }
        }
    }

    fn refuse_for(&self, wait: Duration, error: &Error) -> Option<End> {
        let started = now();
        while let Some(rest) = wait.checked_sub(started.elapsed()) {
            match self.shared.queue.take(Some(rest), || {}) {
                Work::Batch(jobs) => refuse(jobs, error),
                Work::Nothing => {}
                Work::Closed => return Some(End::Closed),
                Work::Abandoned => return Some(End::Abandoned),
            }
        }
        None
    }

    fn end(mut self, end: End) {
        self.asleep = None;
        self.stop_helpers();
        if end == End::Closed {
            self.move_all();
        }
        let Self { shared, connection, _lock, .. } = self;
        if end == End::Closed {
            crate::checkpoint::checkpoint(&connection, "TRUNCATE");
        }
        drop(connection);
        drop(_lock);
        shared.ended();
    }

    fn fail(mut self, error: &Error) {
        self.asleep = None;
        tracing::error!(%error, file = %self.shared.config.path.display(), "the store has failed and must be opened anew");
        self.shared.queue.close();
        let closed = crate::error::closed();
        while let Work::Batch(jobs) = self.shared.queue.take(Some(Duration::ZERO), || {}) {
            refuse(jobs, &closed);
        }
        self.stop_helpers();
        self.save_log();
        let shared = self.shared.clone();
        drop(self);
        shared.ended();
        shared.config.on_fatal.call(error);
    }

    fn stop_helpers(&mut self) {
        self.shared.checkpoints.end();
        self.shared.readers.end();
        for helper in self.helpers.drain(..) {
            if helper.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        }
    }

    fn reopen(&mut self) -> Result<()> {
        self.connection = open(&self.shared.config.path, Role::Writer)?;
        self.max_bytes = None;
        self.watch_log().map_err(crate::error::of)
    }
}

fn refuse(jobs: Vec<Job>, error: &Error) {
    for job in jobs {
        job.reply.send(Err(error.share()));
    }
}

/// What became of the batch cannot be told in time.
fn in_doubt(error: &Error) -> Error {
    Error::new(error.kind(), "the disk failed within the commit and does not recover; look later at what is there")
        .effect(Effect::Possible)
        .because(error.share())
}

/// What became of the batch cannot be told in this process any more.
fn unknown(error: Error) -> Error {
    Error::new(ErrorKind::Closed, "the store failed while it flushed; after the next start look at what is there")
        .effect(Effect::Possible)
        .because(error)
}

#[allow(
    clippy::disallowed_methods,
    reason = "the writer is a thread; it measures itself and nothing else sees the time"
)]
fn now() -> Instant {
    Instant::now()
}
