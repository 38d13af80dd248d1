//! New records on their way into the file: many of them go into one statement.
//!
//! Whether one is there already is known only once the statement has run, and then not which. So a batch in which one was is
//! written anew, each commit by itself; and new records go alone for a while, as where callers repeat themselves.

use super::apply::bind;
use super::statements::Statements;
use crate::many::SIZES;
use crate::space::Table;
use partita_core::{Expect, Put, Write};
use rusqlite::{Error, Result};

/// New records that go alone after one was there already.
const ALONE: u32 = 1_024;

/// How many new records go alone before some share a statement again.
#[derive(Debug, Default)]
pub(super) struct Caution(u32);

/// New records that wait, all of one space. Whatever else a batch does with one of them comes behind it.
#[derive(Debug)]
pub(super) struct Fresh<'a> {
    caution: &'a mut Caution,
    careful: bool,
    table: Option<&'a Table>,
    puts: Vec<&'a Put>,
}

impl<'a> Fresh<'a> {
    /// None yet. In a `careful` batch none waits.
    pub(super) const fn new(caution: &'a mut Caution, careful: bool) -> Self {
        Self { caution, careful, table: None, puts: vec![] }
    }

    /// Whether this one may wait.
    pub(super) fn takes(&mut self, put: &Put, table: &Table) -> bool {
        let is_new = put.expect == Expect::Absent && matches!(put.write, Write::Value { .. });
        if self.careful || !is_new {
            return false;
        }
        let waits = self.caution.0 == 0;
        self.caution.0 = self.caution.0.saturating_sub(1);
        waits && self.table.is_none_or(|of| of.number == table.number) && !self.has(put)
    }

    fn has(&self, put: &Put) -> bool {
        self.puts.iter().any(|waiting| waiting.key == put.key && waiting.space == put.space)
    }

    /// Lets it wait, unless there are enough of them.
    pub(super) fn add(&mut self, put: &'a Put, table: &'a Table, statements: &mut Statements<'_>) -> Result<()> {
        self.table = Some(table);
        self.puts.push(put);
        if self.puts.len() < SIZES[0] { Ok(()) } else { self.write(statements) }
    }

    /// Writes what waits, if this record is among it.
    pub(super) fn meet(&mut self, put: &Put, statements: &mut Statements<'_>) -> Result<()> {
        if self.has(put) { self.write(statements) } else { Ok(()) }
    }

    /// Writes what waits. An error where one of them is there already.
    pub(super) fn write(&mut self, statements: &mut Statements<'_>) -> Result<()> {
        let Some(table) = self.table.take() else { return Ok(()) };
        for (size, sql, piece) in table.insert.pieces(&self.puts, true) {
            let statement = statements.insert(table, (size, sql))?;
            for (at, put) in piece.iter().enumerate() {
                bind(statement, put, table, at * table.insert.columns)?;
            }
            let written = statement.raw_execute()?;
            if written != piece.len() {
                self.caution.0 = ALONE;
                return Err(Error::StatementChangedRows(written));
            }
        }
        self.puts.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::apply::{Pen, Refused};
    use super::super::ledger::Ledger;
    use super::super::rows::Rows;
    use super::*;
    use crate::space::Spaces;
    use crate::tail::Tails;
    use partita_core::{Commit, Part, Space};
    use rusqlite::{Connection, StatementStatus};
    use std::collections::BTreeMap;
    use std::ops::Range;

    fn spaces() -> Spaces {
        Spaces::new(vec![Space::named("ledger")]).unwrap()
    }

    fn file(spaces: &Spaces) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        let table = spaces.table("ledger").unwrap();
        connection.execute_batch(&table.create("ledger", [])).unwrap();
        connection
    }

    /// Writes a batch with a commit for each of these keys.
    fn write(connection: &Connection, spaces: &Spaces, caution: &mut Caution, keys: Range<u32>) -> Result<()> {
        let put = |key: u32| Put::value("ledger", key.to_string(), Expect::Absent, "{}".to_owned());
        let commits: Vec<Commit> = keys.map(|key| Commit::of(Part::new().put(put(key)))).collect();
        let mut pen = Pen {
            statements: Statements::of(connection),
            rows: Rows::new(false),
            fresh: Fresh::new(caution, false),
            spaces,
            tails: &Tails::default(),
            incarnation: 1,
            streams: &mut Ledger::ending_at(0, 0),
            journals: &mut Ledger::ending_at(0, 0),
            greatest_saga: &mut 0,
            steady: &mut [],
            counters: BTreeMap::new(),
        };
        for commit in &commits {
            match pen.apply(commit, false) {
                Err(Refused::All(error)) => return Err(error),
                applied => assert!(applied.is_ok()),
            }
        }
        pen.end()
    }

    /// How often the statement of each size has run so far.
    fn runs(connection: &Connection, spaces: &Spaces) -> [i32; SIZES.len()] {
        let insert = &spaces.table("ledger").unwrap().insert;
        SIZES.map(|size| {
            let rows = vec![(); size];
            let (_, sql, _) = insert.pieces(&rows, true).next().unwrap();
            connection.prepare_cached(sql).unwrap().get_status(StatementStatus::Run)
        })
    }

    #[test]
    fn new_records_of_many_commits_share_statements_until_one_of_them_was_there_already() {
        let (spaces, mut caution) = (spaces(), Caution::default());
        let connection = file(&spaces);
        write(&connection, &spaces, &mut caution, 0..75).unwrap();
        assert_eq!(runs(&connection, &spaces), [2, 0, 1, 0, 1, 1]);
        write(&connection, &spaces, &mut caution, 74..78).unwrap_err();
        write(&connection, &spaces, &mut caution, 100..140).unwrap();
        assert_eq!(runs(&connection, &spaces), [2, 0, 1, 1, 1, 41], "each goes alone then");
        write(&connection, &spaces, &mut caution, 1_000..1_984).unwrap();
        write(&connection, &spaces, &mut caution, 2_000..2_032).unwrap();
        assert_eq!(runs(&connection, &spaces)[0], 3, "and shares one again after 1,024");
    }
}
