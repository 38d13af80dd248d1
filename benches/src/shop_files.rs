//! What a shop keeps in its files: how often each was flushed, how many commits it took, and how large their rows are.
//!
//! A running shop says none of this; its files do. Every physical transaction of a store raises a number in its file, and
//! for orders that go straight through, every logical commit leaves one row of a known kind.

use crate::Result;
use crate::raw::{Shape, look_at, number};
use rusqlite::Connection;
use std::path::Path;

/// The file of each service, and the rows that stand for its commits.
const FILES: [(&str, &str); 5] = [
    ("ordering", "partita_journal"),
    ("inventory", "ledger"),
    ("loyalty", "ledger"),
    ("shipping", "ledger"),
    ("psp", "psp_keys"),
];

/// One file's figures so far, or between two looks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) file: &'static str,
    pub(crate) commits: u64,
    pub(crate) flushes: u64,
    rows: u64,
    bytes: u64,
}

/// Looks at every file of a shop.
pub(crate) fn look(data: &Path) -> Result<Vec<Counts>> {
    FILES.iter().map(|(file, commits)| counts(&data.join(format!("{file}.db")), file, commits)).collect()
}

fn counts(path: &Path, file: &'static str, commits: &str) -> Result<Counts> {
    let connection = look_at(path)?;
    let page = connection.unchecked_transaction()?;
    let count = |sql: &str| page.query_row(sql, [], |row| number(row, 0));
    let mut counts = Counts {
        file,
        commits: count(&format!("SELECT count(*) FROM \"{commits}\""))?,
        flushes: count("SELECT seq FROM partita_writers ORDER BY incarnation DESC LIMIT 1")?,
        ..Counts::default()
    };
    for table in names(&page, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")? {
        let columns = names(&page, &format!("SELECT name FROM pragma_table_info('{table}')"))?;
        let bytes: Vec<String> = columns.iter().map(|column| format!("ifnull(length(\"{column}\"), 0)")).collect();
        counts.rows += count(&format!("SELECT count(*) FROM \"{table}\""))?;
        counts.bytes += count(&format!("SELECT ifnull(sum({}), 0) FROM \"{table}\"", bytes.join(" + ")))?;
    }
    Ok(counts)
}

fn names(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

impl Counts {
    /// What came since an earlier look.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        Self {
            file: self.file,
            commits: self.commits.saturating_sub(earlier.commits),
            flushes: self.flushes.saturating_sub(earlier.flushes),
            rows: self.rows.saturating_sub(earlier.rows),
            bytes: self.bytes.saturating_sub(earlier.bytes),
        }
    }

    /// All files as if they were one.
    pub(crate) fn together(files: &[Self]) -> Self {
        files.iter().fold(Self { file: "together", ..Self::default() }, |sum, file| Self {
            commits: sum.commits + file.commits,
            flushes: sum.flushes + file.flushes,
            rows: sum.rows + file.rows,
            bytes: sum.bytes + file.bytes,
            ..sum
        })
    }

    /// Commits that shared a flush, to the nearest whole number.
    pub(crate) fn merged(&self) -> usize {
        usize::try_from((self.commits + self.flushes / 2) / self.flushes.max(1)).unwrap_or(1).max(1)
    }

    /// What an average commit adds: so many rows of the average size.
    pub(crate) fn shape(&self) -> Shape {
        let rows = usize::try_from((self.rows + self.commits / 2) / self.commits.max(1)).unwrap_or(1).max(1);
        let bytes = usize::try_from(self.bytes / self.commits.max(1)).unwrap_or(0) / rows;
        Shape { entries: vec![bytes; rows], ..Shape::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_commit_has_whole_rows_and_all_bytes() {
        let before = Counts { file: "psp", commits: 50, flushes: 10, rows: 60, bytes: 20_000 };
        let after = Counts { file: "psp", commits: 150, flushes: 40, rows: 300, bytes: 100_000 };
        let counts = after.since(&before);
        assert_eq!((counts.commits, counts.flushes), (100, 30));
        assert_eq!((counts.merged(), counts.shape().entries), (3, vec![400, 400]));
    }
}
