//! Reads the log.

use crate::SqliteStore;
use crate::error::{closed, of};
use crate::event::recorded;
use crate::rows;
use crate::runs::{Page, Places};
use partita_core::{Checkpoint, Error, ErrorKind, Head, Log, LogId, Position, Read, Recorded, Result, StreamId};
use rusqlite::{Connection, Params, params};
use uuid::Uuid;

/// Events that are read on the caller's thread at most.
const FEW: usize = 16;

impl Log for SqliteStore {
    fn head(&self) -> Read<'_, Head> {
        self.shared.read(head)
    }

    fn stream(&self, stream: StreamId, from: u64, limit: usize) -> Read<'_, Vec<Recorded>> {
        let tails = self.shared.tails.clone();
        let read = move |connection: &Connection| {
            let page = Page {
                sql: include_str!("sql/stream_runs.sql"),
                key: stream.as_bytes(),
                tail: tails.stream(stream),
                from,
                limit,
            };
            let transaction = connection.unchecked_transaction().map_err(of)?;
            let mut events = vec![];
            let Places { places, in_index } = page.places(&transaction).map_err(of)?;
            for (index, (version, position)) in places.into_iter().enumerate() {
                match event(&transaction, stream, version, position)? {
                    Some(event) => events.push(event),
                    None if index < in_index => return Err(missing(position)),
                    None => break,
                }
            }
            Ok(events)
        };
        if limit <= FEW { self.shared.readers.near(read) } else { self.shared.readers.read(read) }
    }

    fn behind(&self, checkpoint: Checkpoint, limit: usize) -> Read<'_, Vec<Recorded>> {
        self.shared.readers.read(move |connection| {
            let page = connection.unchecked_transaction().map_err(of)?;
            let head = head(&page).map_err(of)?;
            if checkpoint.log != head.log || checkpoint.position > head.position {
                return Err(Error::new(ErrorKind::LogMismatch, "the checkpoint is of another log, or ahead of it")
                    .with("checkpoint", checkpoint.position)
                    .with("head", head.position));
            }
            events(&page, include_str!("sql/behind.sql"), [checkpoint.position.cast_signed(), rows(limit)])
        })
    }

    fn grown(&self, beyond: Position) -> Read<'_, Position> {
        let mut tip = self.shared.tip.subscribe();
        Box::pin(async move {
            let tip = tip.wait_for(|tip| tip.ended || tip.position > beyond).await.map_err(|_| closed())?;
            if tip.position > beyond { Ok(tip.position) } else { Err(closed()) }
        })
    }
}

fn head(connection: &Connection) -> rusqlite::Result<Head> {
    connection.prepare_cached(include_str!("sql/head.sql"))?.query_row([], |row| {
        let log = LogId { uuid: Uuid::from_bytes(row.get(0)?), restore_epoch: row.get(1)? };
        Ok(Head { log, position: row.get::<_, i64>(2)?.cast_unsigned() })
    })
}

fn event(connection: &Connection, stream: StreamId, version: u64, position: u64) -> Result<Option<Recorded>> {
    let params = params![position.cast_signed(), stream.as_bytes(), version.cast_signed()];
    Ok(events(connection, include_str!("sql/event.sql"), params)?.pop())
}

fn missing(position: u64) -> Error {
    let message = "the index names an event that is not there; restore the file from a backup";
    Error::new(ErrorKind::Corrupt, message).with("position", position)
}

fn events(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<Recorded>> {
    let mut statement = connection.prepare_cached(sql).map_err(of)?;
    let mut rows = statement.query(params).map_err(of)?;
    let mut events = vec![];
    while let Some(row) = rows.next().map_err(of)? {
        events.push(recorded(row)?);
    }
    Ok(events)
}
