//! Lays tables anew that lie in another order than their spaces declare: each whole in a transaction of its own, or not at all.
//!
//! The copy stands in the write-ahead log first and then in the file, beside what it replaces. Where there is no room for
//! that, a table is served as it lies: only `Table::prune` knows the difference, and it does without.

use crate::config::SqliteConfig;
use crate::disk::free;
use crate::error::of;
use crate::schema::{columns, is_clustered};
use crate::space::{Spaces, Table};
use partita_core::{Effect, Error, ErrorKind, Result};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::path::Path;

/// Bytes that are left to others beside the copies.
const SPARE: u64 = 1 << 20;

/// Lays anew what is declared otherwise and fits.
pub(crate) fn relayout(connection: &mut Connection, spaces: &Spaces, config: &SqliteConfig) -> Result<()> {
    crate::connection::limit_size(connection, config.max_bytes.unwrap_or(u64::MAX)).map_err(of)?;
    for table in spaces.tables() {
        if is_clustered(connection, table.space.name).map_err(of)? == Some(table.space.clustered) {
            continue;
        }
        match lay(connection, table, &config.path) {
            Err(error) if error.kind() == ErrorKind::StorageFull && table.space.clustered => {
                tracing::warn!(%error, table = table.space.name, "the table is served as it lies");
            }
            laid => laid?,
        }
    }
    Ok(())
}

fn lay(connection: &mut Connection, table: &Table, path: &Path) -> Result<()> {
    let bytes = bytes(connection, table).map_err(of)?;
    let needed = 2 * bytes + SPARE;
    if let Some(free) = free(path).filter(|free| *free < needed) {
        return Err(no_room(needed).with("free_bytes", free));
    }
    tracing::info!(table = table.space.name, bytes, "the table is laid in another order");
    let laid = copy(connection, table);
    // What a copy that failed has left in the log takes room, too.
    crate::checkpoint::checkpoint(connection, "TRUNCATE");
    laid.map_err(|error| match of(error) {
        full if full.kind() == ErrorKind::StorageFull => no_room(needed).because(full),
        other => other,
    })
}

fn no_room(needed: u64) -> Error {
    let message = "no room to lay the table in the order that is declared; make room, then open the store again";
    Error::new(ErrorKind::StorageFull, message).effect(Effect::None).with("needed_bytes", needed)
}

/// How much the table and its indexes take.
fn bytes(connection: &Connection, table: &Table) -> rusqlite::Result<u64> {
    let sql = include_str!("sql/bytes_of_table.sql");
    connection.query_row(sql, [table.space.name], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)
}

/// Copies a table. Views that read it stay, and so do others' indexes and triggers.
fn copy(connection: &mut Connection, table: &Table) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let name = table.space.name;
    let present = columns(&transaction, name)?;
    let own = ["key", "revision", "value", "keep_until"];
    let others = present.iter().map(|(column, kind)| (column.as_str(), kind.as_str()));
    let create = table.create("partita_anew", others.filter(|(column, _)| !own.contains(column)));
    let all: Vec<String> = present.keys().map(|column| format!("\"{column}\"")).collect();
    let all = all.join(", ");
    let foreign = foreign(&transaction, name)?;
    transaction.execute_batch(&format!(
        "{create}; INSERT INTO partita_anew ({all}) SELECT {all} FROM \"{name}\" ORDER BY key; DROP TABLE \"{name}\""
    ))?;
    // As it is by default, renaming looks into every view, and refuses where one reads the table that is away just now.
    transaction.pragma_update(None, "legacy_alter_table", true)?;
    let renamed = transaction.execute_batch(&format!("ALTER TABLE partita_anew RENAME TO \"{name}\""));
    transaction.pragma_update(None, "legacy_alter_table", false)?;
    renamed?;
    table.indexes().try_for_each(|index| transaction.execute_batch(&index))?;
    for (what, sql) in foreign {
        if let Err(error) = transaction.execute_batch(&sql) {
            tracing::warn!(table = name, what, %error, "not ours, and it does not fit the table any more");
        }
    }
    transaction.commit()
}

/// Names and texts of the indexes and triggers of a table that somebody else has made.
fn foreign(transaction: &Transaction<'_>, table: &str) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = transaction.prepare(include_str!("sql/foreign.sql"))?;
    statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}
