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
