//! What a transaction leaves in the file by itself, so that whether it was committed can be told without its number.
//!
//! A number of its own is a page more with each flush. Added rows tell as well, and so does a record whose revision was
//! guarded: before the transaction it had another one.

use crate::queue::Job;
use crate::space::Spaces;
use partita_core::{Commit, Expect, Put, Receipt, Result, Write};
use rusqlite::{Connection, OptionalExtension};

/// A record as only the transaction can have left it.
#[derive(Debug)]
pub(super) struct Trace {
    space: &'static str,
    key: String,
    revision: u64,
    value: String,
}

impl Trace {
    /// That of a batch, if one of its records can tell.
    pub(super) fn of(jobs: &[Job], answers: &[Result<Receipt>]) -> Option<Self> {
        let Put { space, key, expect, write } = telling(jobs, answers)?;
        let Write::Value { value, .. } = write else { return None };
        let revision = if let Expect::Exactly(revision) = expect { revision + 1 } else { 1 };
        Some(Self { space, key: key.clone(), revision, value: value.clone() })
    }

    /// Whether it is there.
    pub(super) fn is_there(&self, connection: &Connection, spaces: &Spaces) -> rusqlite::Result<bool> {
        let Some(table) = spaces.table(self.space) else { return Ok(false) };
        let found = connection.query_row(&table.get, [&self.key], crate::record::record).optional()?;
        Ok(found.is_some_and(|found| (found.revision, &found.value) == (self.revision, &self.value)))
    }
}

/// Whether nothing that a batch writes is taken away again by it.
pub(super) fn stays(jobs: &[Job]) -> bool {
    jobs.iter().all(|job| job.commit.prunes.is_empty())
}

/// A guarded record that nothing in the batch writes once more. Where records are deleted, a revision may come twice.
pub(super) fn telling<'a>(jobs: &'a [Job], answers: &[Result<Receipt>]) -> Option<&'a Put> {
    let is_value = |put: &Put| matches!(put.write, Write::Value { .. });
    if !stays(jobs) || !jobs.iter().all(|job| puts(&job.commit).all(is_value)) {
        return None;
    }
    let (last, _) = jobs.iter().zip(answers).rfind(|(_, answer)| answer.is_ok())?;
    puts(&last.commit).find(|put| put.expect != Expect::Any)
}

fn puts(commit: &Commit) -> impl Iterator<Item = &Put> {
    commit.part.puts.iter()
}
