//! Statements at hand for a whole physical transaction: finding one in the connection's cache costs as much as a short row.

use crate::many::SIZES;
use crate::space::Table;
use rusqlite::{CachedStatement, Connection, Params};

/// Where streams and journals end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Built {
    StreamEnd,
    JournalEnd,
}

/// The statements of a space.
#[derive(Clone, Copy, Debug)]
pub(super) enum OfSpace {
    Upsert,
    Update,
    UpdateSteady,
    Get,
}

const BUILT: usize = Built::JournalEnd as usize + 1;
const OF_ROWS: usize = super::rows::STATEMENTS;
const NAMED: usize = OfSpace::Get as usize + 1;
/// Of a space: those with names, and one for each number of new records.
const OF_SPACE: usize = NAMED + SIZES.len();

impl Built {
    const fn sql(self) -> &'static str {
        match self {
            Self::StreamEnd => include_str!("../sql/stream_end.sql"),
            Self::JournalEnd => include_str!("../sql/journal_end.sql"),
        }
    }
}

impl OfSpace {
    fn sql(self, table: &Table) -> &str {
        match self {
            Self::Upsert => &table.upsert,
            Self::Update | Self::UpdateSteady => &table.update,
            Self::Get => &table.get,
        }
    }
}

const fn place(table: &Table, which: usize) -> usize {
    BUILT + OF_ROWS + table.number * OF_SPACE + which
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
        self.at(place(table, which as usize), which.sql(table))
    }

    /// The one that adds records, as many as the size of this place.
    pub(super) fn insert(
        &mut self,
        table: &Table,
        (size, sql): (usize, &str),
    ) -> rusqlite::Result<&mut CachedStatement<'c>> {
        self.at(place(table, NAMED + size), sql)
    }

    /// The update that expects some fields to stay the same.
    pub(super) fn steady(&mut self, table: &Table, sql: &str) -> rusqlite::Result<&mut CachedStatement<'c>> {
        self.at(place(table, OfSpace::UpdateSteady as usize), sql)
    }

    /// The update that expected something else is of no use any more.
    pub(super) fn forget_steady(&mut self, table: &Table) {
        if let Some(found) = self.found.get_mut(place(table, OfSpace::UpdateSteady as usize)) {
            *found = None;
        }
    }

    pub(super) fn of_rows(&mut self, number: usize, text: &str) -> rusqlite::Result<&mut CachedStatement<'c>> {
        self.at(BUILT + number, text)
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
