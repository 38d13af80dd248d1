//! Statements at hand for a whole physical transaction: finding one in the connection's cache costs as much as a short row.

use crate::space::Table;
use rusqlite::{CachedStatement, Connection, Params};

/// The statements of the log and of the journals.
#[derive(Clone, Copy, Debug)]
pub(super) enum Built {
    Append,
    StreamEnd,
    JournalAppend,
    JournalEnd,
}

/// The statements of a space.
#[derive(Clone, Copy, Debug)]
pub(super) enum OfSpace {
    Insert,
    Upsert,
    Update,
    Get,
}

const BUILT: usize = Built::JournalEnd as usize + 1;
const OF_SPACE: usize = OfSpace::Get as usize + 1;

impl Built {
    const fn sql(self) -> &'static str {
        match self {
            Self::Append => include_str!("../sql/append.sql"),
            Self::StreamEnd => include_str!("../sql/stream_end.sql"),
            Self::JournalAppend => include_str!("../sql/journal_append.sql"),
            Self::JournalEnd => include_str!("../sql/journal_end.sql"),
        }
    }
}

impl OfSpace {
    fn sql(self, table: &Table) -> &str {
        match self {
            Self::Insert => &table.insert,
            Self::Upsert => &table.upsert,
            Self::Update => &table.update,
            Self::Get => &table.get,
        }
    }
}

/// Statements of one connection, found once each.
pub(super) struct Statements<'c> {
    connection: &'c Connection,
    found: Vec<Option<CachedStatement<'c>>>,
}

impl<'c> Statements<'c> {
    pub(super) const fn of(connection: &'c Connection) -> Self {
        Self { connection, found: vec![] }
    }

    pub(super) fn built(&mut self, built: Built) -> rusqlite::Result<&mut CachedStatement<'c>> {
        self.at(built as usize, built.sql())
    }

    pub(super) fn of_space(&mut self, table: &Table, which: OfSpace) -> rusqlite::Result<&mut CachedStatement<'c>> {
        self.at(BUILT + table.number * OF_SPACE + which as usize, which.sql(table))
    }

    fn at(&mut self, place: usize, sql: &str) -> rusqlite::Result<&mut CachedStatement<'c>> {
        if self.found.len() <= place {
            self.found.resize_with(place + 1, || None);
        }
        match &mut self.found[place] {
            Some(found) => Ok(found),
            missing => Ok(missing.insert(self.connection.prepare_cached(sql)?)),
        }
    }

    /// Runs a statement that is used seldom.
    pub(super) fn run(&self, sql: &str, params: impl Params) -> rusqlite::Result<usize> {
        self.connection.prepare_cached(sql)?.execute(params)
    }

    pub(super) fn is_autocommit(&self) -> bool {
        self.connection.is_autocommit()
    }

    pub(super) const fn connection(&self) -> &'c Connection {
        self.connection
    }
}
