//! Rewriting a record without rewriting the indexes of what stays the same.
//!
//! SQLite takes an entry out of an index and puts it back whenever a statement names its column, even if the value is the old
//! one. Which fields of a space stay the same is learned: the statement expects it of them, and finds no row when it is wrong.
//! Nothing is remembered of any record, so an edit by hand is seen like any other.

use crate::space::Table;
use rusqlite::{Connection, Row};

/// The indexed fields of a space that were not seen to change yet, and the statement that expects it of them.
#[derive(Debug)]
pub(super) struct Steady {
    fields: Vec<&'static str>,
    update: String,
}

impl Steady {
    /// Of a space that nothing is known of.
    pub(super) fn of(table: &Table) -> Self {
        let is_indexed = |field: &str| {
            let mut indexes = table.space.indexes.iter();
            indexes.any(|(equals, order_by)| *equals == Some(field) || *order_by == field)
        };
        let names = table.space.fields.iter().map(|(name, _)| *name);
        Self::expecting(table, names.filter(|name| is_indexed(name)).collect())
    }

    fn expecting(table: &Table, fields: Vec<&'static str>) -> Self {
        let update = table.update_expecting(&fields);
        Self { fields, update }
    }

    /// The statement, where there is anything to gain.
    pub(super) fn update(&self) -> Option<&str> {
        (!self.fields.is_empty()).then_some(&self.update)
    }

    /// Looks why the statement found no row; `bind` binds the parameters of a write. Whether the record is there.
    pub(super) fn learn(
        &mut self,
        connection: &Connection,
        table: &Table,
        bind: impl FnOnce(&mut rusqlite::Statement<'_>) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<bool> {
        let mut statement = connection.prepare_cached(&table.are_given(&self.fields))?;
        bind(&mut statement)?;
        let mut rows = statement.raw_query();
        let Some(row) = rows.next()? else { return Ok(false) };
        let same = |row: &Row<'_>, at: usize| row.get::<_, bool>(at).unwrap_or(false);
        let fields = self.fields.iter().enumerate().filter(|(at, _)| same(row, *at)).map(|(_, field)| *field).collect();
        *self = Self::expecting(table, fields);
        Ok(true)
    }
}
