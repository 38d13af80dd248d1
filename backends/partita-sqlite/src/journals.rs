//! Reads journals.

use crate::SqliteStore;
use crate::rows;
use partita_core::{JournalEntry, Journals, Read};
use rusqlite::params;

impl Journals for SqliteStore {
    fn journal(&self, saga: u64, from: u32, limit: usize) -> Read<'_, Vec<JournalEntry>> {
        self.shared.read(move |connection| {
            let mut statement = connection.prepare_cached(include_str!("sql/journal.sql"))?;
            let entries = statement.query_map(params![saga.cast_signed(), from, rows(limit)], |row| {
                Ok(JournalEntry { seq: row.get(0)?, body: row.get(1)? })
            })?;
            entries.collect()
        })
    }
}
