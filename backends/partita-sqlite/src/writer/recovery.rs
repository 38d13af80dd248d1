//! After a failure: what became of a COMMIT, and whether the disk takes writes again.

use super::transaction::Trouble;
use super::{PROBE, Writer, now, unknown};
use partita_core::{Effect, Error, ErrorKind, Result};
use rusqlite::OptionalExtension;
use std::time::Duration;

/// How long the callers of a batch wait until it is known what became of it.
const PATIENCE: Duration = Duration::from_secs(5);
/// The number that makes a COMMIT impossible lies behind the one of that COMMIT, so that each can be told in the file.
const BEHIND: u64 = 2;

impl Writer {
    /// After a COMMIT with an unknown end: `Ok` if it is there, an outage if it never will be. A disk that takes no writes
    /// is waited for; meanwhile everything else is refused.
    pub(super) fn resolve(&mut self, error: Error) -> Result<(), Trouble> {
        tracing::warn!(%error, "a commit ended in an unknown way; looking at what became of it");
        let started = now();
        loop {
            match self.settle() {
                Ok(true) => {
                    self.shared.figures.cannot_write(None);
                    return Ok(());
                }
                Ok(false) => return Err(Trouble::Outage(error)),
                Err(Trouble::Outage(why)) => {
                    self.shared.figures.cannot_write(Some(why.share()));
                    if started.elapsed() >= PATIENCE || self.refuse_for(PROBE, &why).is_some() {
                        return Err(Trouble::Unknown(why));
                    }
                }
                Err(trouble) => return Err(trouble),
            }
        }
    }

    /// Whether the COMMIT is there. If not, it is made impossible by a transaction behind its number; while that cannot be
    /// written it is an outage.
    fn settle(&mut self) -> Result<bool, Trouble> {
        let shared = self.shared.clone();
        let _turn = shared.checkpoints.turn();
        self.look().map_err(|gone| Trouble::Fatal(gone.effect(Effect::Possible)))?;
        let applied = self.is_applied();
        if applied.is_err() {
            self.undo();
        }
        applied.map_err(|trouble| match trouble {
            Trouble::Outage(error) if error.kind() == ErrorKind::Corrupt => Trouble::Fatal(unknown(error)),
            // The number is looked for again, so it does not matter which attempt has used it up.
            Trouble::Outage(error) | Trouble::Unknown(error) => Trouble::Outage(error),
            Trouble::Fatal(error) if error.kind() == ErrorKind::Closed => Trouble::Fatal(error),
            Trouble::Fatal(error) => Trouble::Fatal(unknown(error)),
        })
    }

    fn is_applied(&mut self) -> Result<bool, Trouble> {
        self.undo();
        self.reopen().map_err(Trouble::Outage)?;
        let (number, (events, records)) = (self.number_in_file()?, self.newest_in_file()?);
        let grown = self.streams.is_behind(events) || self.journals.is_behind(records);
        let applied = number == self.seq + 1 || grown || self.left_its_trace()?;
        let is_behind = number == self.seq + BEHIND;
        if !applied && !is_behind {
            self.begin()?;
            self.number(BEHIND)?;
            self.end_transaction(BEHIND)?;
        }
        self.read_places()?;
        // Only now: a look that fails half way must find the same when it is made again.
        if applied || is_behind {
            self.seq += if applied { 1 } else { BEHIND };
            self.numbered = number;
        }
        self.trace = None;
        Ok(applied)
    }

    fn left_its_trace(&self) -> rusqlite::Result<bool> {
        self.trace.as_ref().map_or(Ok(false), |trace| trace.is_there(&self.connection, &self.shared.spaces))
    }

    fn number_in_file(&self) -> rusqlite::Result<u64> {
        let sql = include_str!("../sql/writer_seq.sql");
        let number: Option<i64> =
            self.connection.query_row(sql, [self.shared.incarnation.cast_signed()], |row| row.get(0)).optional()?;
        Ok(number.unwrap_or(-1).cast_unsigned())
    }

    /// Whether the store can write again; before that, what is left in doubt is settled.
    pub(super) fn probe(&mut self) -> Result<(), Trouble> {
        if self.unresolved {
            let applied = self.settle()?;
            self.shared.grown_to(self.streams.newest);
            self.unresolved = false;
            tracing::info!(applied, "it is known now what became of the commit");
        }
        let shared = self.shared.clone();
        let _turn = shared.checkpoints.turn();
        self.look().map_err(Trouble::Fatal)?;
        let outcome = self.probe_once();
        if outcome.is_err() {
            self.undo();
        }
        self.unresolved = matches!(outcome, Err(Trouble::Unknown(_)));
        outcome
    }

    /// Writes for the sake of writing: 32 KiB into the file and out again.
    fn probe_once(&mut self) -> Result<(), Trouble> {
        for sql in [include_str!("../sql/probe.sql"), "DELETE FROM partita_probe"] {
            self.begin()?;
            self.number(1)?;
            self.execute(sql, [])?;
            self.end_transaction(1)?;
        }
        Ok(())
    }
}
