//! Reads journals.

use crate::SqliteStore;
use crate::runs::Page;
use partita_core::{JournalEntry, Journals, Read};
use rusqlite::{OptionalExtension, Row};

impl Journals for SqliteStore {
    fn journal(&self, saga: u64, from: u32, limit: usize) -> Read<'_, Vec<JournalEntry>> {
        let tails = self.shared.tails.clone();
        self.shared.read_near(move |connection| {
            let key = saga.cast_signed();
            let sql = include_str!("sql/journal_runs.sql");
            let page = Page { sql, key: &key, tail: tails.journal(saga), from: from.into(), limit };
            let transaction = connection.unchecked_transaction()?;
            let places = page.places(&transaction)?.places;
            let mut statement = transaction.prepare_cached(include_str!("sql/journal_record.sql"))?;
            let mut entries = Vec::with_capacity(places.len());
            for (seq, place) in places {
                let entry = |row: &Row<'_>| Ok(JournalEntry { seq: row.get(0)?, body: row.get(1)? });
                let found = statement.query_row([place.cast_signed(), key, seq.cast_signed()], entry).optional()?;
                // One that is missing was pruned since the tail was looked at, and so were those behind it.
                let Some(found) = found else { break };
                entries.push(found);
            }
            Ok(entries)
        })
    }
}
