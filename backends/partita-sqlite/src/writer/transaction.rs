//! A physical transaction: many commits, one flush, and a truthful answer however it ends.

use super::apply::{Pen, Refused};
use super::{Writer, unknown};
use crate::error::{is_failed_flush, is_of_one_commit, is_refused_commit, of};
use crate::queue::Job;
use partita_core::{Error, ErrorKind, Receipt, Result};
use rusqlite::{OptionalExtension, Params, params};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// Why a batch was not applied.
pub(super) enum Trouble {
    /// Nothing of it is there, nor ever will be; it can be tried again.
    Outage(Error),
    /// What is there cannot be told, or the file belongs to somebody else now.
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
        Self::Outage(of(error))
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
        let answers = match self.attempt(jobs, false) {
            Err(Stop::NeedsCare) => {
                self.undo();
                self.attempt(jobs, true)
            }
            other => other,
        };
        answers.map_err(|stop| {
            self.undo();
            match stop {
                Stop::Trouble(trouble) => trouble,
                Stop::NeedsCare => Trouble::Outage(Error::new(ErrorKind::Busy, "another program changes the log")),
            }
        })
    }

    fn attempt(&mut self, jobs: &[Job], careful: bool) -> Result<Vec<Result<Receipt>>, Stop> {
        self.begin()?;
        let mut head = self.head;
        let mut answers = Vec::with_capacity(jobs.len());
        let mut pen = Pen {
            connection: &self.connection,
            spaces: &self.shared.spaces,
            incarnation: self.shared.incarnation,
            heads: &mut self.heads,
            head: &mut head,
            counters: BTreeMap::new(),
        };
        for job in jobs {
            match pen.apply(&job.commit, careful) {
                Ok(receipt) => answers.push(Ok(Receipt { transaction: self.seq + 1, ..receipt })),
                Err(Refused::One(error)) => answers.push(Err(error)),
                Err(Refused::All(error)) if !careful && is_of_one_commit(&error) => return Err(Stop::NeedsCare),
                Err(Refused::Stale) => return Err(Stop::NeedsCare),
                Err(Refused::All(error)) => return Err(error.into()),
            }
        }
        pen.count()?;
        if answers.iter().any(Result::is_ok) {
            self.end_transaction()?;
            self.head = head;
        } else {
            self.execute("ROLLBACK", [])?;
        }
        Ok(answers)
    }

    fn execute(&self, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
        self.connection.prepare_cached(sql)?.execute(params)
    }

    /// Begins a physical transaction and takes its number; only the newest opening of the file has one.
    fn begin(&mut self) -> Result<(), Trouble> {
        self.limit_size()?;
        self.execute("BEGIN IMMEDIATE", [])?;
        let (incarnation, seq) = (self.shared.incarnation.cast_signed(), self.seq.cast_signed());
        match self.execute(include_str!("../sql/writer_move.sql"), [incarnation, seq])? {
            1 => Ok(()),
            _ => Err(Trouble::Fatal(Error::new(ErrorKind::Fenced, "a newer opening has taken over the file"))),
        }
    }

    fn limit_size(&mut self) -> rusqlite::Result<()> {
        let wanted = self.shared.figures.max_bytes.load(Ordering::Relaxed);
        if self.max_bytes != Some(wanted) {
            let page_bytes: u64 = self.connection.query_row("PRAGMA page_size", [], |row| row.get::<_, u32>(0))?.into();
            let pages = (wanted / page_bytes).clamp(1, 0xffff_fffe);
            self.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
            self.max_bytes = Some(wanted);
        }
        Ok(())
    }

    /// Flushes. `Ok` only if the transaction is durable.
    fn end_transaction(&mut self) -> Result<(), Trouble> {
        match self.flush() {
            Ok(()) => {
                self.seq += 1;
                self.shared.figures.flushes.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(error) if is_refused_commit(&error) => Err(error.into()),
            // Linux forgets a page that it could not write: a second flush would lie (P. Desnoyers et al., "fsyncgate").
            Err(error) if is_failed_flush(&error) => Err(Trouble::Fatal(unknown(of(error)))),
            Err(error) => self.resolve(error),
        }
    }

    /// After a COMMIT with an unknown end: reads its number, and if it was not applied uses the number up, so that it can
    /// never be.
    fn resolve(&mut self, error: rusqlite::Error) -> Result<(), Trouble> {
        tracing::warn!(%error, "a commit ended in an unknown way; looking at what became of it");
        self.undo();
        let fatal = |error| Trouble::Fatal(unknown(error));
        self.reopen().map_err(fatal)?;
        let applied = self.seq_in_file().map_err(|error| fatal(of(error)))?;
        if applied == self.seq + 1 {
            self.seq += 1;
            return Ok(());
        }
        self.begin().map_err(|trouble| match trouble {
            Trouble::Outage(error) | Trouble::Fatal(error) => fatal(error),
        })?;
        self.execute("COMMIT", []).map_err(|error| fatal(of(error)))?;
        self.seq += 1;
        Err(error.into())
    }

    fn seq_in_file(&self) -> rusqlite::Result<u64> {
        let sql = include_str!("../sql/writer_seq.sql");
        let seq: Option<i64> =
            self.connection.query_row(sql, [self.shared.incarnation.cast_signed()], |row| row.get(0)).optional()?;
        Ok(seq.unwrap_or(-1).cast_unsigned())
    }

    /// Rolls back what is open and forgets what was remembered of it.
    fn undo(&mut self) {
        if !self.connection.is_autocommit() && self.execute("ROLLBACK", []).is_err() {
            tracing::warn!("a transaction could not be rolled back");
        }
        self.heads.clear();
    }

    /// Writes for the sake of writing: 32 KiB into the file and out again.
    pub(super) fn probe(&mut self) -> Result<(), Trouble> {
        let outcome = self.probe_once();
        if outcome.is_err() {
            self.undo();
        }
        outcome
    }

    fn probe_once(&mut self) -> Result<(), Trouble> {
        self.begin()?;
        self.execute("INSERT INTO partita_probe (ballast) VALUES (zeroblob(?1))", params![32 << 10])?;
        self.end_transaction()?;
        self.begin()?;
        self.execute("DELETE FROM partita_probe", [])?;
        self.end_transaction()
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
        let fault = self.shared.fault.lock().unwrap().take();
        match fault {
            None => self.execute("COMMIT", []).map(drop),
            Some(Fault::LostAnswer) => {
                self.execute("COMMIT", [])?;
                failed(rusqlite::ffi::SQLITE_IOERR)
            }
            Some(Fault::NotApplied) => failed(rusqlite::ffi::SQLITE_IOERR),
            Some(Fault::FailedFlush) => failed(rusqlite::ffi::SQLITE_IOERR_FSYNC),
        }
    }
}
