//! Whose a file is, so that one that lies in another's place is told before anything is written to it.

use crate::inspect::Contents;
use crate::schema::columns;
use partita_core::{Effect, Error, ErrorKind, Result};
use partita_time::Entropy;
use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, params};
use std::fmt;
use std::path::Path;

/// What stands on a file: its name among those that belong together, and which ones these are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The file's name in its set, such as that of the service whose it is.
    pub name: String,
    /// The files that it belongs to.
    pub set: SetId,
}

/// Files that were made together. Those that [`crate::Frozen`] copies together are a set of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SetId([u8; 16]);

impl SetId {
    /// A set that nothing belongs to yet.
    pub fn new(entropy: &Entropy) -> Self {
        Self(entropy.bytes16())
    }
}

impl fmt::Display for SetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl FromSql for SetId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        FromSql::column_result(value).map(Self)
    }
}

impl ToSql for SetId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.as_slice()))
    }
}

const META: &str = "partita_meta";
const COLUMNS: [(&str, &str); 2] = [("name", "TEXT"), ("set_id", "BLOB")];

/// Refuses a file that says it is another's. One that says nothing is taken for the one that is asked for.
pub(crate) fn judge(path: &Path, contents: &Contents, label: &Label) -> Result<()> {
    let refuse = |message| Error::new(ErrorKind::Invalid, message).effect(Effect::None).with("file", path.display());
    match (&contents.name, contents.set) {
        (Some(name), _) if *name != label.name => {
            let message = "the file is another one's; put it back under its own name";
            Err(refuse(message).with("says", name).with("asked for", &label.name))
        }
        (_, Some(set)) if set != label.set => {
            let message = "the file belongs to other files than those beside it; give back all of them from one copy";
            Err(refuse(message).with("says", set).with("asked for", label.set))
        }
        _ => Ok(()),
    }
}

/// Name and set, as far as the file says them.
pub(crate) fn read(connection: &Connection) -> rusqlite::Result<(Option<String>, Option<SetId>)> {
    if !has_columns(connection)? {
        return Ok((None, None));
    }
    connection.query_row(include_str!("sql/label.sql"), [], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Writes both, unless they stand there.
pub(crate) fn write(connection: &Connection, label: &Label) -> rusqlite::Result<()> {
    add_columns(connection)?;
    connection.execute(include_str!("sql/label_write.sql"), params![label.name, label.set]).map(drop)
}

/// Writes of a copy to which set it belongs.
pub(crate) fn move_to(connection: &Connection, set: SetId) -> rusqlite::Result<()> {
    add_columns(connection)?;
    connection.execute(include_str!("sql/restored.sql"), params![set]).map(drop)
}

fn has_columns(connection: &Connection) -> rusqlite::Result<bool> {
    let present = columns(connection, META)?;
    Ok(COLUMNS.iter().all(|(column, _)| present.contains_key(*column)))
}

/// A file of an earlier version has no label.
fn add_columns(connection: &Connection) -> rusqlite::Result<()> {
    let present = columns(connection, META)?;
    let mut missing = COLUMNS.iter().filter(|(column, _)| !present.contains_key(*column));
    let add = |(column, kind): &(&str, &str)| {
        connection.execute_batch(&format!("ALTER TABLE {META} ADD COLUMN {column} {kind}"))
    };
    missing.try_for_each(add)
}
