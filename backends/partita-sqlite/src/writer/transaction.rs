//! A physical transaction: many commits, one flush, and a truthful answer however it ends.

use super::apply::{Pen, Refused};
use super::fresh::Fresh;
use super::moving::Moved;
use super::rows::Rows;
use super::statements::Statements;
use super::trace::{Trace, stays, telling};
use super::{Writer, unknown};
use crate::error::{is_failed_flush, is_of_one_commit, is_refused_commit, of};
use crate::queue::Job;
use partita_core::{Error, ErrorKind, Receipt, Result};
use rusqlite::Params;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// A number is written into the file with one transaction of so many, unless one leaves no other trace.
const NUMBERED_EACH: u64 = 64;

/// Why a batch was not applied.
pub(super) enum Trouble {
    /// Nothing of it is there, nor ever will be; it can be tried again.
    Outage(Error),
    /// A COMMIT failed, and what became of it cannot be told yet.
    Unknown(Error),
    /// What is there cannot be told in this process, or the file belongs to somebody else now.
    Fatal(Error),
}

/// An attempt ended before its COMMIT.
enum Stop {
    /// A commit failed in a way that only a savepoint of its own could have contained.
    NeedsCare,
    Trouble(Trouble),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        // Linux forgets a page that it could not write: a second flush would lie (P. Desnoyers et al., "fsyncgate").
        if is_failed_flush(&error) { Self::Fatal(unknown(of(error))) } else { Self::Outage(of(error)) }
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Trouble(error.into())
    }
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl Writer {
    /// Applies a batch; each commit stands or falls by itself.
    pub(super) fn transact(&mut self, jobs: &[Job]) -> Result<Vec<Result<Receipt>>, Trouble> {
        let shared = self.shared.clone();
        let turn = shared.checkpoints.turn();
        let (answers, moved) = self.write(jobs)?;
        if answers.iter().all(Result::is_err) {
            self.undo();
            return Ok(answers);
        }
        self.show();
        let ended = self.end_transaction(1);
        drop(turn);
        match ended {
            Err(Trouble::Unknown(error)) => {
                self.trace = Trace::of(jobs, &answers);
                self.resolve(error)?;
            }
            other => {
                other?;
                self.settle_places(&moved);
            }
        }
        Ok(answers)
    }

    /// Writes a batch without its COMMIT. On failure nothing is open.
    fn write(&mut self, jobs: &[Job]) -> Result<(Vec<Result<Receipt>>, Moved), Trouble> {
        let written = match self.attempt(jobs, false) {
            Err(Stop::NeedsCare) => {
                self.undo();
                self.attempt(jobs, true)
            }
            other => other,
        };
        written.map_err(|stop| {
            self.undo();
            match stop {
                Stop::Trouble(trouble) => trouble,
                Stop::NeedsCare => Trouble::Outage(Error::new(ErrorKind::Busy, "another program changes the log")),
            }
        })
    }

    fn attempt(&mut self, jobs: &[Job], careful: bool) -> Result<(Vec<Result<Receipt>>, Moved), Stop> {
        self.begin()?;
        let moved = self.move_places(false)?;
        let mut answers = Vec::with_capacity(jobs.len());
        let mut pen = Pen {
            statements: Statements::of(&self.connection),
            rows: Rows::new(careful),
            fresh: Fresh::new(&mut self.caution, careful),
            spaces: &self.shared.spaces,
            tails: &self.shared.tails,
            incarnation: self.shared.incarnation,
            streams: &mut self.streams,
            journals: &mut self.journals,
            greatest_saga: &mut self.greatest_saga,
            steady: &mut self.steady,
            counters: BTreeMap::new(),
        };
        for job in jobs {
            match pen.apply(&job.commit, careful) {
                Ok(receipt) => answers.push(Ok(Receipt { transaction: self.seq + 1, ..receipt })),
                Err(Refused::One(error)) => answers.push(Err(error)),
                Err(Refused::All(error)) if !careful && is_of_one_commit(&error) => return Err(Stop::NeedsCare),
                Err(Refused::HalfWay) => return Err(Stop::NeedsCare),
                Err(Refused::All(error)) => return Err(error.into()),
            }
        }
        let ended = pen.end();
        drop(pen);
        match ended {
            Err(error) if !careful && is_of_one_commit(&error) => return Err(Stop::NeedsCare),
            ended => ended?,
        }
        if self.needs_number(jobs, &answers) {
            self.number(1)?;
        }
        Ok((answers, moved))
    }

    /// Whether nothing else would tell later if the open transaction was committed. A file whose number is not 0 was
    /// written to.
    fn needs_number(&self, jobs: &[Job], answers: &[Result<Receipt>]) -> bool {
        let grows = self.streams.has_grown() || self.journals.has_grown();
        let tells = if grows { stays(jobs) } else { telling(jobs, answers).is_some() };
        !tells || self.numbered == 0 || self.seq + 1 - self.numbered >= NUMBERED_EACH
    }

    pub(super) fn execute(&self, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
        self.connection.prepare_cached(sql)?.execute(params)
    }

    /// Begins a physical transaction; only the newest opening of the file may.
    pub(super) fn begin(&mut self) -> Result<(), Trouble> {
        self.limit_size()?;
        self.execute("BEGIN IMMEDIATE", [])?;
        self.ahead.keep(self.wal_bytes.load(Ordering::Relaxed));
        let ours = [self.shared.incarnation, self.numbered].map(u64::cast_signed);
        if self.connection.prepare_cached(include_str!("../sql/writer_newest.sql"))?.exists(ours)? {
            return Ok(());
        }
        Err(Trouble::Fatal(Error::new(ErrorKind::Fenced, "a newer opening has taken over the file")))
    }

    /// Writes the number of the open transaction, so many steps behind the newest one.
    pub(super) fn number(&mut self, step: u64) -> rusqlite::Result<()> {
        let numbers = [self.shared.incarnation, self.seq + step].map(u64::cast_signed);
        self.numbering = self.execute(include_str!("../sql/writer_move.sql"), numbers)? == 1;
        Ok(())
    }

    fn limit_size(&mut self) -> rusqlite::Result<()> {
        let wanted = self.shared.figures.max_bytes.load(Ordering::Relaxed);
        if self.max_bytes != Some(wanted) {
            crate::connection::limit_size(&self.connection, wanted)?;
            self.max_bytes = Some(wanted);
        }
        Ok(())
    }

    /// Flushes. `Ok` only if the transaction is durable, else nothing of it is open any more.
    pub(super) fn end_transaction(&mut self, step: u64) -> Result<(), Trouble> {
        let Err(error) = self.flush() else {
            self.seq += step;
            if std::mem::take(&mut self.numbering) {
                self.numbered = self.seq;
            }
            self.shared.figures.flushes.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        };
        self.undo();
        // Of a commit that SQLite refused and has rolled back nothing is left.
        if is_failed_flush(&error) || is_refused_commit(&error) && self.connection.is_autocommit() {
            return Err(error.into());
        }
        Err(Trouble::Unknown(of(error)))
    }

    /// Rolls back what is open and forgets what was remembered of it.
    pub(super) fn undo(&mut self) {
        if !self.connection.is_autocommit() && self.execute("ROLLBACK", []).is_err() {
            tracing::warn!("a transaction could not be rolled back");
        }
        self.numbering = false;
        self.forget_places();
    }

    #[cfg(not(test))]
    fn flush(&self) -> rusqlite::Result<()> {
        self.execute("COMMIT", []).map(drop)
    }

    /// A flush that a test can let fail in the ways that a disk can.
    #[cfg(test)]
    fn flush(&self) -> rusqlite::Result<()> {
        use crate::store::Fault;
        let failed = |code| Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None));
        let fault = self.shared.faults.lock().unwrap().pop_front();
        match fault {
            None => self.execute("COMMIT", []).map(drop),
            Some(Fault::LostAnswer) => {
                self.execute("COMMIT", [])?;
                failed(rusqlite::ffi::SQLITE_IOERR)
            }
            Some(Fault::NotApplied) => failed(rusqlite::ffi::SQLITE_IOERR),
            Some(Fault::NotWritten) => {
                self.execute("ROLLBACK", [])?;
                failed(rusqlite::ffi::SQLITE_IOERR_WRITE)
            }
            Some(Fault::FailedFlush) => failed(rusqlite::ffi::SQLITE_IOERR_FSYNC),
        }
    }
}
