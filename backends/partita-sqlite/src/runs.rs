//! Where the rows of a stream or journal lie: what the index in the file says, and behind it the tail.

use crate::places::Run;
use rusqlite::{Connection, ToSql};

/// All runs that the index holds of a stream or journal.
pub(crate) fn in_file(connection: &Connection, sql: &str, key: &dyn ToSql) -> rusqlite::Result<Vec<Run>> {
    connection.prepare_cached(sql)?.query_map([key, &0], unpacked)?.collect()
}

/// The run that a row of first version and places holds.
pub(crate) fn unpacked(row: &rusqlite::Row<'_>) -> rusqlite::Result<Run> {
    let first: i64 = row.get(0)?;
    Ok(Run::unpack(first.cast_unsigned(), row.get_ref(1)?.as_blob()?))
}

/// A page of versions and places, given a tail that was taken before the connection looked at the file. What both hold is
/// the same.
pub(crate) struct Page<'a> {
    pub(crate) sql: &'a str,
    pub(crate) key: &'a dyn ToSql,
    pub(crate) tail: Option<Run>,
    pub(crate) from: u64,
    pub(crate) limit: usize,
}

impl Page<'_> {
    pub(crate) fn places(&self, connection: &Connection) -> rusqlite::Result<Places> {
        let mut places = vec![];
        let tail_from = self.tail.as_ref().map_or(u64::MAX, Run::first);
        if self.from < tail_from {
            let mut statement = connection.prepare_cached(self.sql)?;
            let from = i64::try_from(self.from).unwrap_or(i64::MAX);
            let mut rows = statement.query([self.key, &from])?;
            while places.len() < self.limit
                && let Some(row) = rows.next()?
            {
                let run = unpacked(row)?;
                places.extend(run.iter().filter(|(version, _)| (self.from..tail_from).contains(version)));
            }
        }
        let in_index = places.len();
        let tail = self.tail.iter().flat_map(Run::iter);
        places.extend(tail.filter(|(version, _)| *version >= self.from));
        places.truncate(self.limit);
        Ok(Places { places, in_index })
    }
}

/// Versions and places of a page.
pub(crate) struct Places {
    pub(crate) places: Vec<(u64, u64)>,
    /// So many of them stand in the index. The rows of the others may be missing: not durable yet, or pruned meanwhile.
    pub(crate) in_index: usize,
}
