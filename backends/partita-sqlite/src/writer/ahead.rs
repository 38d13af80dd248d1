//! Keeps the log's file larger than the log.
//!
//! A flush of blocks that the file has already takes half as long as one of new blocks, for which the file system writes its
//! own journal too. SQLite writes over a log's old frames as soon as it begins anew, but a file that was just opened, or cut,
//! grows with each commit.

use crate::disk::{Lying, free};
use crate::lock::beside;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Result, Write};
use std::path::Path;

/// Zeros are added up to the next multiple of this.
const STEP_BYTES: u64 = 1 << 20;
/// They are added when less than this is left.
const LEAST_BYTES: u64 = 256 << 10;
/// They are not what fills a disk: none are added to one that has less than this left.
const ROOM_BYTES: u64 = 64 << 20;

#[derive(Debug)]
pub(crate) struct Ahead {
    log: Lying,
    /// Size of the log's file when last seen, or up to which no zeros are wanted.
    file_bytes: u64,
    log_bytes: u64,
}

impl Ahead {
    pub(crate) fn of(path: &Path) -> Self {
        Self { log: Lying::at(&beside(path, "-wal")), file_bytes: 0, log_bytes: 0 }
    }

    pub(super) fn log_is_gone(&self) -> bool {
        self.log.is_gone()
    }

    /// Adds zeros where a log of so many bytes leaves little room. For who holds SQLite's lock for writing, so that nobody cuts
    /// the file meanwhile. SQLite takes no notice of zeros, and they lie behind whatever the file holds.
    pub(crate) fn keep(&mut self, log_bytes: u64) {
        if log_bytes < self.log_bytes {
            // It began anew and may have been cut.
            self.file_bytes = 0;
        }
        self.log_bytes = log_bytes;
        if log_bytes > 0 && log_bytes + LEAST_BYTES > self.file_bytes {
            // Where there is no room on the disk, commits find out by themselves.
            self.file_bytes = self.extend().unwrap_or(log_bytes + STEP_BYTES);
        }
    }

    fn extend(&self) -> Result<u64> {
        if self.log_is_gone() {
            return Err(ErrorKind::NotFound.into());
        }
        let mut file = OpenOptions::new().append(true).open(self.log.path())?;
        let before = file.metadata()?.len();
        // A file that is shorter than its log has been cut.
        if before < self.log_bytes || before >= self.log_bytes + LEAST_BYTES {
            return Ok(before);
        }
        if free(self.log.path()).is_none_or(|free| free < ROOM_BYTES) {
            return Err(ErrorKind::StorageFull.into());
        }
        let after = (before + LEAST_BYTES).next_multiple_of(STEP_BYTES);
        zeros(&mut file, after - before)?;
        Ok(after)
    }
}

fn zeros(file: &mut File, mut bytes: u64) -> Result<()> {
    let block = [0; 64 << 10];
    while bytes > 0 {
        let piece = block.get(..usize::try_from(bytes).unwrap_or(block.len())).unwrap_or(&block);
        file.write_all(piece)?;
        bytes -= piece.len() as u64;
    }
    Ok(())
}
