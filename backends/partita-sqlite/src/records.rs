//! Reads keyed records.

use crate::SqliteStore;
use crate::record::{Field, record};
use crate::rows;
use partita_core::{DuePage, Error, ErrorKind, FieldKind, FieldValue, Find, Read, Record, Records, Result};
use rusqlite::{Connection, OptionalExtension, Params, ToSql, params};
use std::future::ready;

impl Records for SqliteStore {
    fn get<'a>(&'a self, space: &'static str, key: &'a str) -> Read<'a, Option<Record>> {
        let (spaces, key) = (self.shared.spaces.clone(), key.to_owned());
        self.shared.read_near(move |connection| {
            let Some(table) = spaces.table(space) else { return Ok(None) };
            connection.prepare_cached(&table.get)?.query_row([key], record).optional()
        })
    }

    fn page<'a>(&'a self, space: &'static str, after: Option<&'a str>, limit: usize) -> Read<'a, Vec<Record>> {
        let (spaces, after) = (self.shared.spaces.clone(), after.map(str::to_owned));
        self.shared.read(move |connection| {
            let Some(table) = spaces.table(space) else { return Ok(vec![]) };
            match after {
                None => records(connection, &table.page, [rows(limit)]),
                Some(after) => records(connection, &table.page_after, params![rows(limit), after]),
            }
        })
    }

    fn find(&self, find: Find) -> Read<'_, Vec<Record>> {
        match self.prepare(&find) {
            Err(error) => Box::pin(ready(Err(error))),
            Ok(None) => Box::pin(ready(Ok(vec![]))),
            Ok(Some(sql)) => self.shared.read_near(move |connection| found(connection, &sql, &find)),
        }
    }

    fn due(&self, page: DuePage) -> Read<'_, Vec<Record>> {
        let spaces = self.shared.spaces.clone();
        self.shared.read(move |connection| {
            let Some(table) = spaces.table(page.space) else { return Ok(vec![]) };
            let (until, limit) = (page.until.as_millis(), rows(page.limit));
            match page.after {
                None => records(connection, &table.due, [until, limit]),
                Some((due, key)) => records(connection, &table.due_after, params![until, limit, due.as_millis(), key]),
            }
        })
    }

    fn counters(&self, space: &'static str) -> Read<'_, Vec<(String, i64)>> {
        self.shared.read(move |connection| {
            let mut statement = connection.prepare_cached(include_str!("sql/counters.sql"))?;
            statement.query_map([space], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
    }
}

impl SqliteStore {
    /// The page's statement; `None` when no record can be in it, because the field is of another type.
    fn prepare(&self, find: &Find) -> Result<Option<String>> {
        let field = find.equals.as_ref().map(|(name, _)| *name);
        let table = self.shared.spaces.table(find.space);
        let Some(table) = table.filter(|table| table.space.indexes.contains(&(field, find.order_by))) else {
            return Err(Error::new(ErrorKind::Invalid, "no index was declared for this page").with("space", find.space));
        };
        let fits = |(name, value): &(&str, FieldValue)| {
            let kind = table.space.fields.iter().find(|(field, _)| field == name).map(|(_, kind)| *kind);
            matches!(
                (kind, value),
                (Some(FieldKind::Int), FieldValue::Int(_)) | (Some(FieldKind::Text), FieldValue::Text(_))
            )
        };
        Ok(find.equals.as_ref().is_none_or(fits).then(|| table.find(find)))
    }
}

fn found(connection: &Connection, sql: &str, find: &Find) -> rusqlite::Result<Vec<Record>> {
    let limit = rows(find.limit);
    let equals = find.equals.as_ref().map(|(_, value)| Field(value));
    let after = find.after.as_ref().map(|(place, key)| (Field(place), key));
    let mut params: Vec<&dyn ToSql> = vec![&limit];
    params.extend(equals.as_ref().map(|value| value as &dyn ToSql));
    if let Some((place, key)) = &after {
        params.extend([place as &dyn ToSql, key]);
    }
    records(connection, sql, &params[..])
}

fn records(connection: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<Vec<Record>> {
    connection.prepare_cached(sql)?.query_map(params, record)?.collect()
}
