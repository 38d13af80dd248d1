//! What a saga writes, commit by commit, read from the store's own file, so that the limit writes the same.

use crate::Result;
use crate::raw::{Raw, Shape, look_at, size};
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;

/// Sagas whose commits the limit mixes before it goes on to the next ones.
const GROUP_FLUSHES: usize = 5;
/// One saga of so many is unwound, where any is.
const UNWOUND_OF: usize = 5;

/// The commits of a saga that went through, and of one that was unwound if there are such.
#[derive(Debug)]
pub(crate) struct Scripts {
    completed: Vec<Shape>,
    compensated: Option<Vec<Shape>>,
}

impl Scripts {
    /// Reads one ended saga of each kind.
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let connection = look_at(file)?;
        let completed = script(&connection, "completed")?.ok_or("no saga has completed")?;
        Ok(Self { completed, compensated: script(&connection, "compensated")? })
    }

    /// Logical commits of a saga on average.
    pub(crate) fn commits(&self) -> f64 {
        let forward = self.completed.len() as f64;
        self.compensated.as_ref().map_or(forward, |back| {
            let share = 1.0 / UNWOUND_OF as f64;
            forward.mul_add(1.0 - share, back.len() as f64 * share)
        })
    }

    /// A saga's commits by its number.
    fn of(&self, saga: i64) -> &[Shape] {
        let unwound = usize::try_from(saga).unwrap_or(0).is_multiple_of(UNWOUND_OF);
        self.compensated.as_ref().filter(|_| unwound).unwrap_or(&self.completed)
    }

    /// Writes a group of sagas from `first` on, `merged` commits to a flush; how many they were.
    pub(crate) fn write(&self, raw: &Raw, first: i64, merged: usize) -> Result<i64> {
        let count = if merged == 1 { 1 } else { i64::try_from(merged * GROUP_FLUSHES)? };
        let longest = self.completed.len().max(self.compensated.as_ref().map_or(0, Vec::len));
        let sagas = || first..first + count;
        let commits: Vec<(&Shape, i64)> = (0..longest)
            .flat_map(|stage| sagas().filter_map(move |saga| Some((self.of(saga).get(stage)?, saga))))
            .collect();
        commits.chunks(merged).try_for_each(|chunk| raw.flush(chunk.iter().copied()))?;
        Ok(count)
    }
}

/// A saga of a class: its records, its line, its two events, and what it counts.
fn script(connection: &Connection, class: &str) -> Result<Option<Vec<Shape>>> {
    let sql = "SELECT key, json_extract(value, '$.number'), length(key) + length(value) + length(class) + 16
               FROM sagas WHERE class = ?1 ORDER BY started DESC, key DESC LIMIT 1";
    let found: Option<(String, i64, usize)> =
        connection.query_row(sql, [class], |row| Ok((row.get(0)?, row.get(1)?, size(row, 2)?))).optional()?;
    let Some((key, number, line)) = found else { return Ok(None) };
    let mut shapes = records(connection, number)?;
    let events = events(connection, &key)?;
    let last = shapes.len().checked_sub(1).ok_or("a saga without a journal")?;
    // Its class changes where it turns back, too: that record is the longest one that is not at an end.
    let turns = if class == "compensated" { turn(connection, number)? } else { None };
    for (at, counters) in [(Some(0), 1), (turns, 2), (Some(last), 2)] {
        if let Some(shape) = at.and_then(|at| shapes.get_mut(at)) {
            (shape.line, shape.counters) = (Some(line), counters);
        }
    }
    for (at, bytes) in [0, last].into_iter().zip(events) {
        if let Some(shape) = shapes.get_mut(at) {
            shape.entries.push(bytes);
        }
    }
    Ok(Some(shapes))
}

fn records(connection: &Connection, number: i64) -> Result<Vec<Shape>> {
    let mut statement =
        connection.prepare("SELECT length(body) + 8 FROM partita_journal WHERE saga = ?1 ORDER BY seq")?;
    let shape = |row: &rusqlite::Row<'_>| Ok(Shape { entries: vec![size(row, 0)?], ..Shape::default() });
    Ok(statement.query_map([number], shape)?.collect::<rusqlite::Result<_>>()?)
}

fn events(connection: &Connection, key: &str) -> Result<Vec<usize>> {
    let sql =
        format!("SELECT {EVENT_BYTES} FROM partita_events WHERE meta LIKE '%' || ?1 || '%' ORDER BY pos DESC LIMIT 2");
    let mut statement = connection.prepare(&sql)?;
    Ok(statement.query_map([key], |row| size(row, 0))?.collect::<rusqlite::Result<_>>()?)
}

/// Bytes of an event's row.
pub(crate) const EVENT_BYTES: &str =
    "length(stream) + length(id) + length(type) + ifnull(length(meta), 0) + length(data) + 12";

fn turn(connection: &Connection, number: i64) -> Result<Option<usize>> {
    let sql = "SELECT seq FROM partita_journal WHERE saga = ?1 AND instr(cast(body AS TEXT), '\"unwind\"') > 0 LIMIT 1";
    Ok(connection.query_row(sql, [number], |row| size(row, 0)).optional()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_is_unwound_and_each_saga_keeps_the_order_of_its_commits() {
        let shape = |bytes| Shape { entries: vec![bytes], ..Shape::default() };
        let scripts = Scripts { completed: vec![shape(1); 5], compensated: Some(vec![shape(2); 8]) };
        assert!((scripts.commits() - 5.6).abs() < 1e-9);
        assert_eq!((scripts.of(0).len(), scripts.of(1).len(), scripts.of(5).len()), (8, 5, 8));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("raw.db");
        let raw = Raw::create(&path).unwrap();
        assert_eq!(scripts.write(&raw, 0, 2).unwrap(), 10);
        let rows: i64 =
            look_at(&path).unwrap().query_row("SELECT count(*) FROM entries", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 2 * 8 + 8 * 5);
    }
}
