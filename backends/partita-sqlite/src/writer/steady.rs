//! Rewriting a record without rewriting the indexes of what stays the same.
//!
//! SQLite takes an entry out of an index and puts it back whenever a statement names its column, even if the value is the old
//! one. Which fields of a space stay the same is learned: the statement expects it of them, and finds no row when it is wrong.
//! A field that changes rarely counts as one that stays the same.
//! Nothing is remembered of any record, so an edit by hand is seen like any other.

use crate::space::Table;
use rusqlite::{Connection, Row};

/// Writes between two changes of a field that make it one that changes rarely.
const RARELY: u32 = 32;

/// The indexed columns of a space that were not seen to change yet, and the statement that expects it of them.
#[derive(Debug)]
pub(super) struct Steady {
    fields: Vec<&'static str>,
    update: String,
    /// Writes in a row that found them unchanged.
    unchanged: u32,
}

impl Steady {
    /// Of a space that nothing is known of.
    pub(super) fn of(table: &Table) -> Self {
        let is_indexed = |field: &str| {
            let mut indexes = table.space.indexes.iter();
            indexes.any(|(equals, order_by)| *equals == Some(field) || *order_by == field)
        };
        let names = table.space.fields.iter().map(|(name, _)| *name).filter(|name| is_indexed(name));
        Self::expecting(table, std::iter::once("keep_until").chain(names).collect())
    }

    fn expecting(table: &Table, fields: Vec<&'static str>) -> Self {
        let update = table.update_expecting(&fields);
        Self { fields, update, unchanged: 0 }
    }

    /// The statement, where there is anything to gain.
    pub(super) fn update(&self) -> Option<&str> {
        (!self.fields.is_empty()).then_some(&self.update)
    }

    /// The statement found its row.
    pub(super) fn holds(&mut self) {
        self.unchanged = self.unchanged.saturating_add(1);
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
        if std::mem::take(&mut self.unchanged) >= RARELY {
            return Ok(true);
        }
        let same = |row: &Row<'_>, at: usize| row.get::<_, bool>(at).unwrap_or(false);
        let fields = self.fields.iter().enumerate().filter(|(at, _)| same(row, *at)).map(|(_, field)| *field).collect();
        *self = Self::expecting(table, fields);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::Spaces;
    use partita_core::Space;
    use rusqlite::params;

    const SCHEMA: &str = "CREATE TABLE kept (key TEXT, revision INTEGER, value TEXT, keep_until INTEGER); \
        INSERT INTO kept VALUES ('k', 1, '1', 7)";

    /// Writes the record once more, at its revision.
    fn write(connection: &Connection, table: &Table, steady: &mut Steady, revision: i64, keep_until: i64) {
        if let Some(update) = steady.update() {
            if connection.execute(update, params!["k", "2", keep_until, revision]).unwrap() == 1 {
                return steady.holds();
            }
            let bind = |statement: &mut rusqlite::Statement<'_>| {
                statement.raw_bind_parameter(1, "k")?;
                statement.raw_bind_parameter(3, keep_until)?;
                statement.raw_bind_parameter(4, revision)
            };
            assert!(steady.learn(connection, table, bind).unwrap());
        }
        assert_eq!(connection.execute(&table.update, params!["k", "2", keep_until, revision]).unwrap(), 1);
    }

    #[test]
    fn a_field_that_changes_rarely_is_written_alone_then_and_one_that_changes_often_always() {
        for (each, is_steady) in [(40, true), (3, false)] {
            let connection = Connection::open_in_memory().unwrap();
            connection.execute_batch(SCHEMA).unwrap();
            let spaces = Spaces::new(vec![Space::named("kept")]).unwrap();
            let table = spaces.table("kept").unwrap();
            let mut steady = Steady::of(table);
            (1..200).for_each(|n| write(&connection, table, &mut steady, n, 7 + n / each));
            assert_eq!(steady.update().is_some(), is_steady, "a change each {each} writes");
            let kept: i64 = connection.query_row("SELECT keep_until FROM kept", [], |row| row.get(0)).unwrap();
            assert_eq!(kept, 7 + 199 / each);
        }
    }
}
