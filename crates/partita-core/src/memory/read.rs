//! Reads of the memory store.

use super::disk::{Row, State};
use super::{MemoryStore, Shared};
use crate::{
    Checkpoint, DuePage, Error, ErrorKind, FieldValue, Find, Head, JournalEntry, Journals, Log, Position, Read, Record,
    Recorded, Records, Result, StreamId,
};
use std::ops::Bound;

impl Shared {
    /// Reads inline: the state is in memory.
    fn read<'a, T: Send + 'a>(&self, read: impl FnOnce(&State) -> Result<T>) -> Read<'a, T> {
        let answer = read(&self.disk.state());
        Box::pin(std::future::ready(answer))
    }
}

fn head(state: &State) -> Result<Head> {
    let log = state.log_id.ok_or_else(|| Error::new(ErrorKind::Closed, "the disk was never opened"))?;
    Ok(Head { log, position: state.log.len() as Position })
}

impl Log for MemoryStore {
    fn head(&self) -> Read<'_, Head> {
        self.shared.read(head)
    }

    fn stream(&self, stream: StreamId, from: u64, limit: usize) -> Read<'_, Vec<Recorded>> {
        self.shared.read(|state| {
            let places = state.streams.get(&stream).map_or(&[][..], Vec::as_slice);
            let from = usize::try_from(from).unwrap_or(usize::MAX);
            let wanted = places.iter().skip(from).take(limit);
            Ok(wanted.filter_map(|place| event_at(state, *place)).collect())
        })
    }

    fn behind(&self, checkpoint: Checkpoint, limit: usize) -> Read<'_, Vec<Recorded>> {
        self.shared.read(|state| {
            let head = head(state)?;
            if checkpoint.log != head.log || checkpoint.position > head.position {
                return Err(Error::new(ErrorKind::LogMismatch, "the checkpoint is of another log, or ahead of it")
                    .with("checkpoint", checkpoint.position)
                    .with("head", head.position));
            }
            let places = checkpoint.position + 1..=head.position;
            Ok(places.take(limit).filter_map(|place| event_at(state, place)).collect())
        })
    }

    fn grown(&self, beyond: Position) -> Read<'_, Position> {
        let mut head = self.shared.head.subscribe();
        Box::pin(async move {
            let grown = head.wait_for(|head| *head > beyond).await;
            grown.map(|head| *head).map_err(|_| Error::new(ErrorKind::Closed, "the store is closed"))
        })
    }
}

fn event_at(state: &State, position: Position) -> Option<Recorded> {
    state.log.get(usize::try_from(position).ok()?.checked_sub(1)?).cloned()
}

impl Records for MemoryStore {
    fn get<'a>(&'a self, space: &'static str, key: &'a str) -> Read<'a, Option<Record>> {
        self.shared.read(|state| Ok(state.row(space, key).map(|row| row.record.clone())))
    }

    fn page<'a>(&'a self, space: &'static str, after: Option<&'a str>, limit: usize) -> Read<'a, Vec<Record>> {
        self.shared.read(|state| {
            let Some(rows) = state.spaces.get(space) else { return Ok(vec![]) };
            let start = after.map_or(Bound::Unbounded, Bound::Excluded);
            let behind = rows.range::<str, _>((start, Bound::Unbounded));
            Ok(behind.take(limit).map(|(_, row)| row.record.clone()).collect())
        })
    }

    fn find(&self, find: Find) -> Read<'_, Vec<Record>> {
        let field = find.equals.as_ref().map(|(name, _)| *name);
        let mut spaces = self.shared.spaces.iter().filter(|space| space.name == find.space);
        if !spaces.any(|space| space.indexes.contains(&(field, find.order_by))) {
            let error = Error::new(ErrorKind::Invalid, "no index was declared for this page").with("space", find.space);
            return Box::pin(std::future::ready(Err(error)));
        }
        self.shared.read(|state| Ok(found(state, &find)))
    }

    fn due(&self, page: DuePage) -> Read<'_, Vec<Record>> {
        self.shared.read(|state| {
            let rows = state.spaces.get(page.space).into_iter().flatten().map(|(_, row)| &row.record);
            let mut due: Vec<&Record> = rows.filter(|record| record.due.is_some_and(|due| due <= page.until)).collect();
            due.sort_by_key(|record| (record.due, record.key.as_str()));
            let after = page.after.as_ref().map(|(due, key)| (Some(*due), key.as_str()));
            let behind =
                due.into_iter().filter(|record| after.is_none_or(|after| (record.due, record.key.as_str()) > after));
            Ok(behind.take(page.limit).cloned().collect())
        })
    }

    fn counters(&self, space: &'static str) -> Read<'_, Vec<(String, i64)>> {
        self.shared.read(|state| {
            let counters = state.counters.iter().filter(|((of, _), _)| *of == space);
            Ok(counters.map(|((_, name), value)| (name.clone(), *value)).collect())
        })
    }
}

fn found(state: &State, find: &Find) -> Vec<Record> {
    let rows = state.spaces.get(find.space).into_iter().flatten().map(|(_, row)| row);
    let equal = rows.filter(|row| find.equals.as_ref().is_none_or(|(name, value)| row.fields.get(name) == Some(value)));
    let mut placed: Vec<(&FieldValue, &Row)> =
        equal.filter_map(|row| Some((row.fields.get(find.order_by)?, row))).collect();
    placed.sort_by_key(|(place, row)| (*place, row.record.key.as_str()));
    if find.descending {
        placed.reverse();
    }
    let behind = placed.into_iter().filter(|(place, row)| {
        find.after.as_ref().is_none_or(|(value, key)| {
            let (here, after) = ((*place, row.record.key.as_str()), (value, key.as_str()));
            if find.descending { here < after } else { here > after }
        })
    });
    behind.take(find.limit).map(|(_, row)| row.record.clone()).collect()
}

impl Journals for MemoryStore {
    fn journal(&self, saga: u64, from: u32, limit: usize) -> Read<'_, Vec<JournalEntry>> {
        self.shared.read(|state| {
            let records = state.journals.get(&saga).map_or(&[][..], Vec::as_slice);
            let numbered = (0..).zip(records).skip(from as usize).take(limit);
            Ok(numbered.map(|(seq, body)| JournalEntry { seq, body: body.clone() }).collect())
        })
    }
}
