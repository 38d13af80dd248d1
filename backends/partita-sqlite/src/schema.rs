//! Brings a file's tables up to what this opening needs, and counts the opening.

use crate::config::SqliteConfig;
use crate::inspect::{APPLICATION_ID, FORMAT};
use crate::space::{Spaces, Table, invalid};
use partita_core::Result;
use partita_time::Entropy;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use std::collections::BTreeMap;

/// What a file says when it is opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    /// Number of this opening.
    pub(crate) incarnation: u64,
    /// The newest position.
    pub(crate) head: u64,
}

/// Creates what is missing and begins a new incarnation, in one transaction.
pub(crate) fn prepare(
    connection: &mut Connection,
    spaces: &Spaces,
    config: &SqliteConfig,
    entropy: &Entropy,
) -> Result<Opening> {
    let sql = crate::error::of;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
    let known: i64 = transaction.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(sql)?;
    if known != APPLICATION_ID {
        create(&transaction, entropy).map_err(sql)?;
    }
    crate::migrate::migrate(&transaction).map_err(sql)?;
    for table in spaces.tables() {
        extend(&transaction, table)?;
    }
    if let Some(label) = &config.label {
        crate::label::write(&transaction, label).map_err(sql)?;
    }
    let opening = begin(&transaction).map_err(sql)?;
    transaction.commit().map_err(sql)?;
    Ok(opening)
}

fn create(transaction: &Transaction<'_>, entropy: &Entropy) -> rusqlite::Result<()> {
    transaction.execute_batch(include_str!("sql/schema.sql"))?;
    transaction.execute_batch(include_str!("sql/places.sql"))?;
    transaction.execute("INSERT INTO partita_meta (log_id, restore_epoch) VALUES (?1, 0)", [entropy.bytes16()])?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT)
}

fn begin(transaction: &Transaction<'_>) -> rusqlite::Result<Opening> {
    let incarnation: i64 = transaction.query_row(include_str!("sql/writer_open.sql"), [], |row| row.get(0))?;
    let head: i64 = transaction.query_row(include_str!("sql/head.sql"), [], |row| row.get(2))?;
    Ok(Opening { incarnation: incarnation.cast_unsigned(), head: head.cast_unsigned() })
}

/// Creates a space's table, or adds the columns and indexes that it lacks. One that lies in another order than declared is
/// laid anew behind this transaction, where there is room.
fn extend(transaction: &Transaction<'_>, table: &Table) -> Result<()> {
    let sql = crate::error::of;
    let name = table.space.name;
    if is_clustered(transaction, name).map_err(sql)?.is_none() {
        transaction.execute_batch(&table.create(name, [])).map_err(sql)?;
    }
    let present = columns(transaction, name).map_err(sql)?;
    for (column, kind) in table.columns() {
        match present.get(column) {
            Some(found) if found == kind => {}
            Some(found) => {
                let error =
                    invalid(&table.space, "the file holds this column with another type; name the field differently");
                return Err(error.with("field", column).with("found", found).with("declared", kind));
            }
            None => {
                let add = format!("ALTER TABLE \"{name}\" ADD COLUMN \"{column}\" {kind}");
                transaction.execute_batch(&add).map_err(sql)?;
            }
        }
    }
    table.indexes().try_for_each(|index| transaction.execute_batch(&index)).map_err(sql)
}

/// Whether the file's table of this name lies in the order of its keys; `None` when there is none.
pub(crate) fn is_clustered(connection: &Connection, table: &str) -> rusqlite::Result<Option<bool>> {
    let mut statement = connection.prepare("SELECT wr FROM pragma_table_list(?1)")?;
    statement.query_row([table], |row| row.get(0)).optional()
}

pub(crate) fn columns(connection: &Connection, table: &str) -> rusqlite::Result<BTreeMap<String, String>> {
    let mut statement = connection.prepare("SELECT name, type FROM pragma_table_info(?1)")?;
    statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}
