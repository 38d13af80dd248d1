//! Whether the file still lies where it was opened.
//!
//! One that was deleted, moved or replaced can be written to all the same, for as long as it is open, and what is written is
//! lost in the end. So a writer looks each second in which it commits, a second after its last commit, when it is closed, and
//! before it opens the file anew: SQLite would make a new one.

use super::transaction::Trouble;
use super::{Writer, now};
use crate::checkpoint::checkpoint;
use crate::disk::Lying;
use partita_core::{Effect, Error, ErrorKind, Result};
use std::time::{Duration, Instant};

/// From one look to the next while there is work, and from the last commit to the last look.
pub(super) const LOOK: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Presence {
    file: Lying,
    looked: Instant,
}

impl Presence {
    /// Of a file as it lay when it was opened.
    pub(super) fn of(file: Lying) -> Self {
        Self { file, looked: now() }
    }
}

impl Writer {
    /// Looks, unless it has done so within a second.
    pub(super) fn look_again(&mut self, now: Instant) -> Result<(), Trouble> {
        if now.duration_since(self.presence.looked) < LOOK {
            return Ok(());
        }
        self.presence.looked = now;
        self.look().map_err(Trouble::Fatal)
    }

    /// An error once the file is gone, or its log.
    pub(super) fn look(&self) -> Result<()> {
        let message = if self.presence.file.is_gone() {
            "the file was deleted, moved or replaced while it was open, and what was committed since then is in that file alone: \
            put it back, with its log; where it is deleted that is lost, restore a backup, without the log beside it; then start again"
        } else if self.ahead.log_is_gone() {
            "the log of the file was deleted, moved or replaced while it was open; what it holds is moved into the file now: \
            take away what lies in its place and start again"
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Closed, message).effect(Effect::None).with("file", self.shared.config.path.display()))
    }

    /// Moves a log that is gone into its file, which SQLite does by itself only for the last who has it open.
    pub(super) fn save_log(&self) {
        let log_alone = self.ahead.log_is_gone() && !self.presence.file.is_gone();
        if log_alone && !checkpoint(&self.connection, "PASSIVE") {
            tracing::error!(file = %self.shared.config.path.display(), "not all that the log held could be moved into the file");
        }
    }
}
