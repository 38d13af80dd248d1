//! Appends to the log: events of 300 bytes, each commit guarded by the version of its stream.

use crate::Result;
use crate::engine::{add, figures};
use crate::measure::{Timings, Turns, now};
use crate::proc::{Usage, memory, usage};
use crate::raw::{Raw, Shape, look_at, size};
use crate::row::{Row, rounded};
use crate::saga_rows::EVENT_BYTES;
use futures_util::stream::{FuturesUnordered, TryStreamExt};
use partita::core::{Append, Commit, NewEvent, Part, Store, StoreFacts, StreamId, Version};
use partita::sqlite::{SqliteConfig, SqliteStore};
use partita::time::Host;
use serde::Serialize;
use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of an event's data.
const DATA_BYTES: usize = 300;
const WARM_UP: Duration = Duration::from_millis(300);

/// A row's load.
struct Load {
    callers: usize,
    events: usize,
}

/// Measures `append/1`, `append/256` or `append/batch64`.
pub(crate) fn measure(name: &str, folder: &Path) -> Result<Row> {
    let load = match name {
        "append/1" => Load { callers: 1, events: 1 },
        "append/256" => Load { callers: 256, events: 1 },
        "append/batch64" => Load { callers: 1, events: 64 },
        _ => return Err(format!("there is no row {name}").into()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(name, folder, &load))
}

/// One caller: a stream of its own, and how long it is.
struct Caller {
    stream: StreamId,
    length: u64,
    host: Host,
    data: Data,
}

async fn run(name: &str, folder: &Path, load: &Load) -> Result<Row> {
    let (host, group) = Host::system();
    let file = folder.join("store.db");
    let store = SqliteStore::open(SqliteConfig::at(&file), vec![], &host)?;
    let stream = |n| StreamId::named("bench", &format!("stream-{n}"));
    let mut callers: Vec<Caller> = (0..load.callers).map(|n| Caller::new(stream(n), &host)).collect();
    all(&mut callers, &store, load, WARM_UP, &mut Timings::new()?).await?;
    let raw = Raw::create(&folder.join("limit.db"))?;
    let shape = Shape { entries: vec![event_bytes(&file)?; load.events], ..Shape::default() };
    let (mut product, mut limit) = (Timings::new()?, Timings::new()?);
    let (mut facts, mut used, mut merged) = (StoreFacts::default(), Usage::default(), 1);
    let turns = Turns::new(8, 600, 400);
    for _ in 0..turns.count {
        let before = (store.facts(), usage("self")?);
        all(&mut callers, &store, load, turns.product, &mut product).await?;
        used += usage("self")?.since(before.1);
        add(&mut facts, &store.facts(), &before.0);
        merged = usize::try_from((facts.commits + facts.flushes / 2) / facts.flushes.max(1))?.max(1);
        bare(&raw, &shape, merged, turns.limit, &mut limit)?;
    }
    let memory = memory("self")?;
    let mut row = figures(name, &product, &facts, used, &limit);
    (row.rss_mb, row.rss_peak_mb) = (Some(rounded(memory.now_mb, 1)), Some(rounded(memory.peak_mb, 1)));
    row.limit = match (load.callers, load.events) {
        (1, 1) => "raw rusqlite, bare commits of one row in a loop".to_owned(),
        (1, events) => format!("raw rusqlite, bare commits of {events} rows in a loop"),
        (_, _) => format!("raw rusqlite, one thread, {merged} rows to a flush"),
    };
    if load.callers == 1 {
        row.limit_p50_us = limit.quantile_us(0.5).map(|us| rounded(us, 1));
        row.p50_ratio = row.p50_us.zip(limit.quantile_us(0.5)).map(|(ours, bare)| rounded(ours / bare, 3));
    }
    store.close().await;
    group.end().await;
    Ok(row)
}

/// All callers at once, each with one commit under way, for a while.
async fn all(
    callers: &mut [Caller],
    store: &Arc<SqliteStore>,
    load: &Load,
    wanted: Duration,
    timings: &mut Timings,
) -> Result<()> {
    let begun = now();
    // One histogram for all of them: each takes a quarter of a megabyte.
    let timings = RefCell::new(timings);
    let busy: FuturesUnordered<_> =
        callers.iter_mut().map(|caller| caller.go_on(&**store, load.events, wanted, &timings)).collect();
    busy.try_collect::<()>().await?;
    timings.borrow_mut().took += begun.elapsed();
    Ok(())
}

impl Caller {
    fn new(stream: StreamId, host: &Host) -> Self {
        Self { stream, length: 0, host: host.clone(), data: Data::of(DATA_BYTES) }
    }

    async fn go_on(
        &mut self,
        store: &dyn Store,
        events: usize,
        wanted: Duration,
        timings: &RefCell<&mut Timings>,
    ) -> Result<()> {
        let begun = now();
        while begun.elapsed() < wanted {
            let from = now();
            store.commit(self.commit(events)?).await?;
            let mut timings = timings.borrow_mut();
            timings.record(from.elapsed());
            timings.operations += events as u64;
            self.length += events as u64;
        }
        Ok(())
    }

    fn commit(&self, events: usize) -> Result<Commit> {
        let expect = self.length.checked_sub(1).map_or(Version::Empty, Version::Exactly);
        let event = || NewEvent::new("something.happened", "stream", &self.data);
        let events = (0..events).map(|_| Ok(event()?.seal("/bench", &self.host))).collect::<Result<_>>()?;
        Ok(Commit::of(Part::new().append(Append { stream: self.stream, expect, events })))
    }
}

/// The data of an event: `{"text":"..."}` around the padding.
#[derive(Serialize)]
pub(crate) struct Data {
    text: String,
}

impl Data {
    /// Data of so many bytes.
    pub(crate) fn of(bytes: usize) -> Self {
        Self { text: "x".repeat(bytes - 11) }
    }
}

fn event_bytes(file: &Path) -> Result<usize> {
    let sql = format!("SELECT {EVENT_BYTES} FROM partita_events ORDER BY pos DESC LIMIT 1");
    Ok(look_at(file)?.query_row(&sql, [], |row| size(row, 0))?)
}

/// The limit's turn: an operation is an event, and what is timed is a flush.
fn bare(raw: &Raw, shape: &Shape, merged: usize, wanted: Duration, limit: &mut Timings) -> Result<()> {
    let begun = now();
    while begun.elapsed() < wanted {
        let from = now();
        raw.flush((0..merged).map(|_| (shape, 0)))?;
        limit.record(from.elapsed());
        limit.operations += (merged * shape.entries.len()) as u64;
    }
    limit.took += begun.elapsed();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_event_has_the_size_that_is_promised() {
        let (host, _group) = Host::system();
        let commit = Caller::new(StreamId::named("bench", "one"), &host).commit(2).unwrap();
        let bytes = commit.part.appends[0].events.iter().map(|event| event.data.get().len());
        assert_eq!(bytes.collect::<Vec<_>>(), [DATA_BYTES; 2]);
    }
}
