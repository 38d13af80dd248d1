//! A record as a row.

use partita_core::{FieldValue, Record};
use partita_time::Timestamp;
use rusqlite::types::ToSqlOutput;
use rusqlite::{Row, ToSql};

/// A row of key, revision, value and due time.
pub(crate) fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record {
        key: row.get(0)?,
        revision: row.get::<_, i64>(1)?.cast_unsigned(),
        value: row.get(2)?,
        due: row.get::<_, Option<i64>>(3)?.map(Timestamp::from_millis),
    })
}

/// Binds a field's value.
#[derive(Debug)]
pub(crate) struct Field<'a>(pub(crate) &'a FieldValue);

impl ToSql for Field<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self.0 {
            FieldValue::Int(number) => number.to_sql(),
            FieldValue::Text(text) => text.to_sql(),
        }
    }
}
