//! Whether the file still lies where it was opened.
//!
//! One that was deleted, moved or replaced can be written to all the same, for as long as it is open, and what is written is
//! lost in the end. So a writer looks each second in which it commits, a second after its last commit, when it is closed, and
//! before it opens the file anew: SQLite would make a new one.

use super::transaction::Trouble;
use super::{Writer, now};
use crate::disk::Lying;
use partita_core::{Effect, Error, ErrorKind, Result};
use std::path::Path;
use std::time::{Duration, Instant};

/// From one look to the next while there is work, and from the last commit to the last look.
pub(super) const LOOK: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Presence {
    file: Lying,
    looked: Instant,
}

impl Presence {
    pub(super) fn of(path: &Path) -> Self {
        Self { file: Lying::at(path), looked: now() }
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

    /// An error once the file is gone.
    pub(super) fn look(&self) -> Result<()> {
        if !self.presence.file.is_gone() {
            return Ok(());
        }
        let message = "the file was deleted, moved or replaced while it was open, and what was committed since then is in that \
            file alone: put it back, with its log; where it is deleted that is lost, restore a backup; then start again";
        Err(Error::new(ErrorKind::Closed, message).effect(Effect::None).with("file", self.shared.config.path.display()))
    }
}
