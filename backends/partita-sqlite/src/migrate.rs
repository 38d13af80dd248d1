//! Brings a file of an older format up to this one, in the transaction of its opening: whole, or not at all.

use crate::inspect::FORMAT;
use crate::places::Run;
use rusqlite::{Transaction, params};

/// Does nothing to a file that has this format.
pub(crate) fn migrate(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let format: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if format == FORMAT {
        return Ok(());
    }
    tracing::info!(format, to = FORMAT, "the file has an older format and is brought up to date");
    if format == 1 {
        index_apart(transaction)?;
    }
    // The third format differs in spaces that lie in the order of their keys; those are laid anew later, where there is room.
    transaction.pragma_update(None, "user_version", FORMAT)
}

/// The first format kept the index of streams and journals with each commit.
fn index_apart(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(include_str!("sql/from_1.sql"))?;
    transaction.execute_batch(include_str!("sql/places.sql"))?;
    transaction.execute_batch(
        "INSERT INTO partita_journal (saga, seq, body) SELECT saga, seq, body FROM partita_journal_old ORDER BY saga, seq",
    )?;
    let events = "SELECT stream, version, pos FROM partita_events ORDER BY stream, version";
    index::<[u8; 16]>(transaction, events, include_str!("sql/stream_index.sql"))?;
    let records = "SELECT saga, seq, place FROM partita_journal ORDER BY place";
    index::<i64>(transaction, records, include_str!("sql/journal_index.sql"))?;
    transaction.execute_batch(include_str!("sql/from_1_done.sql"))
}

/// Writes the index of rows that come by key and version.
fn index<K>(transaction: &Transaction<'_>, rows: &str, index: &str) -> rusqlite::Result<()>
where
    K: rusqlite::types::FromSql + rusqlite::ToSql + PartialEq,
{
    let mut index = transaction.prepare(index)?;
    let mut write = |key: &K, run: &Run| {
        let write =
            |(first, packed): (u64, Vec<u8>)| index.execute(params![key, first.cast_signed(), packed]).map(drop);
        run.chunks().into_iter().try_for_each(write)
    };
    let mut open: Option<(K, Run)> = None;
    let mut select = transaction.prepare(rows)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (key, version, place): (K, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if let Some((known, run)) = open.take_if(|(known, _)| *known != key) {
            write(&known, &run)?;
        }
        open.get_or_insert_with(|| (key, Run::from(version.cast_unsigned()))).1.push(place.cast_unsigned());
    }
    open.map_or(Ok(()), |(key, run)| write(&key, &run))
}
