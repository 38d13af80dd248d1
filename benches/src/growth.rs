//! What an append costs while the log grows from ten thousand events to ten million.
//!
//! Between two looks the log is filled with commits of many events. At each look 256 callers append one event at a time, and
//! what is told is CPU time: it does not depend on what else the machine does.

use crate::measure::now;
use crate::plot::{Plot, Series};
use crate::proc::usage;
use crate::row::rounded;
use crate::{Result, say};
use futures_util::stream::{FuturesUnordered, TryStreamExt};
use partita::core::{Append, Commit, NewEvent, Part, Store, StreamId, Version, new_id};
use partita::sqlite::{SqliteConfig, SqliteStore};
use partita::time::Host;
use serde::Serialize;
use std::collections::HashMap;
use std::path::Path;

/// Bytes of an event's data: with its envelope a row of about 230 bytes, so that ten million fit in 3 GB.
const DATA_BYTES: usize = 100;
const CALLERS: usize = 256;
/// Commits of each caller at a look, where the log is large enough for it: twice as many events as the store keeps in memory
/// before it moves their places into the index, so that each look pays for what it adds.
const LOOK: usize = 1_024;
/// Commits of each caller at the first look.
const FIRST_LOOK: usize = 32;
/// Events of a commit that only fills.
const FILL: usize = 64;
/// Events of a stream that is not continued for ever.
const STREAM_EVENTS: u64 = 10;
/// Things of a caller that events come back to, in no order: 1,024,000 in all.
const THINGS: u64 = 4_000;

/// How streams are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// New things all the time, with ten events each, named by UUIDv7.
    New,
    /// A million things that come back in no order, under names of any kind.
    Spread,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::New => "new streams of ten events, named by UUIDv7",
            Self::Spread => "a million streams in no order, named otherwise",
        }
    }
}

/// What a look found.
#[derive(Clone, Debug, Serialize)]
struct Look {
    streams: &'static str,
    events: u64,
    cpu_us_per_append: f64,
    writer_cpu_us_per_append: f64,
    appends_per_s: f64,
    wal_kib_per_append: f64,
    file_mb: f64,
}

/// Measures both kinds of streams, prints a table or JSON lines, and draws the plot.
pub(crate) fn measure(folder: &Path, most: u64, json: bool, svg: &Path) -> Result<()> {
    let mut plot = Plot::new("CPU time of an append while the log grows", "events in the log", "CPU us an append");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if !json {
        say("     events   CPU us  writer us    per s  WAL KiB  file MB");
    }
    for kind in [Kind::New, Kind::Spread] {
        if !json {
            say(kind.name());
        }
        let data = tempfile::tempdir_in(folder)?;
        let looks = runtime.block_on(grow(kind, &data.path().join("store.db"), most, json))?;
        let points = |of: fn(&Look) -> f64| looks.iter().map(|look| (look.events as f64, of(look))).collect();
        plot.add(Series { name: kind.name().to_owned(), points: points(|look| look.cpu_us_per_append) });
        let name = format!("of it the writer: {}", kind.name());
        plot.add(Series { name, points: points(|look| look.writer_cpu_us_per_append) });
    }
    std::fs::write(svg, plot.svg())?;
    if !json {
        say(&format!("drawn into {}", svg.display()));
    }
    Ok(())
}

async fn grow(kind: Kind, file: &Path, most: u64, json: bool) -> Result<Vec<Look>> {
    let (host, group) = Host::system();
    let store = SqliteStore::open(SqliteConfig::at(file), vec![], &host)?;
    let mut callers: Vec<Caller> = (0..CALLERS as u64).map(|number| Caller::new(kind, number, &host)).collect();
    let (mut events, mut looks) = (0, vec![]);
    for at in marks(most) {
        let commits = usize::try_from(at / 512)?.clamp(FIRST_LOOK, LOOK);
        while events + ((CALLERS * (commits + commits / 4 + FILL)) as u64) < at {
            events += all(&mut callers, &*store, 1, FILL).await?;
        }
        events += all(&mut callers, &*store, commits / 4, 1).await?;
        let (look, added) = look(kind, file, &store, &mut callers, (events, commits)).await?;
        events += added;
        say(&if json { serde_json::to_string(&look)? } else { look.line() });
        looks.push(look);
    }
    store.close().await;
    group.end().await;
    Ok(looks)
}

/// Two looks in each power of ten.
fn marks(most: u64) -> impl Iterator<Item = u64> {
    let powers = (4..).map(|power| 10_u64.pow(power)).take_while(move |mark| *mark <= most);
    powers.flat_map(|mark| [mark, mark * 3]).filter(move |mark| *mark <= most)
}

async fn look(
    kind: Kind,
    file: &Path,
    store: &SqliteStore,
    callers: &mut [Caller],
    (events, commits): (u64, usize),
) -> Result<(Look, u64)> {
    let (before, begun) = (usage("self")?, now());
    let added = all(callers, store, commits, 1).await?;
    let (took, used) = (begun.elapsed(), usage("self")?.since(before));
    let each = |number: u64| number as f64 / added as f64;
    let look = Look {
        streams: kind.name(),
        events: events + added,
        cpu_us_per_append: rounded(each(used.cpu_us), 2),
        writer_cpu_us_per_append: rounded(each(used.writer_cpu_us), 2),
        appends_per_s: rounded(added as f64 / took.as_secs_f64(), 0),
        wal_kib_per_append: rounded(each(used.written) / 1_024.0, 2),
        file_mb: rounded(std::fs::metadata(file)?.len() as f64 / f64::from(1 << 20), 0),
    };
    Ok((look, added))
}

impl Look {
    fn line(&self) -> String {
        format!(
            "{:>11} {:>8.2} {:>10.2} {:>8.0} {:>8.2} {:>8.0}",
            self.events,
            self.cpu_us_per_append,
            self.writer_cpu_us_per_append,
            self.appends_per_s,
            self.wal_kib_per_append,
            self.file_mb
        )
    }
}

/// Every caller makes so many commits of so many events; how many events that were.
async fn all(callers: &mut [Caller], store: &dyn Store, commits: usize, events: usize) -> Result<u64> {
    let added = (callers.len() * commits * events) as u64;
    let busy: FuturesUnordered<_> = callers.iter_mut().map(|caller| caller.go_on(store, commits, events)).collect();
    busy.try_collect::<()>().await?;
    Ok(added)
}

/// One of those who append, and the streams that it has under way.
struct Caller {
    kind: Kind,
    number: u64,
    host: Host,
    turn: u64,
    open: Vec<(StreamId, u64)>,
    lengths: HashMap<u64, u64>,
}

impl Caller {
    fn new(kind: Kind, number: u64, host: &Host) -> Self {
        let open = (0..FILL).map(|_| (new_stream(host), 0)).collect();
        // Not all of them begin anew at the same time.
        Self { kind, number, host: host.clone(), turn: number, open, lengths: HashMap::new() }
    }

    async fn go_on(&mut self, store: &dyn Store, commits: usize, events: usize) -> Result<()> {
        for _ in 0..commits {
            let appends = (0..events).map(|_| self.append()).collect::<Result<_>>()?;
            store.commit(Commit::of(Part { appends, ..Part::new() })).await?;
        }
        Ok(())
    }

    /// One event for the next stream; as many in a row as a commit holds are for different ones.
    fn append(&mut self) -> Result<Append> {
        self.turn += 1;
        let (stream, length) = match self.kind {
            Kind::New => self.newest(),
            Kind::Spread => self.any(),
        };
        let expect = length.checked_sub(1).map_or(Version::Empty, Version::Exactly);
        // {"text":"..."} around the padding.
        let data = serde_json::json!({ "text": "x".repeat(DATA_BYTES - 11) });
        let event = NewEvent::new("something.happened", "thing", &data)?.seal("/bench", &self.host);
        Ok(Append { stream, expect, events: vec![event] })
    }

    fn newest(&mut self) -> (StreamId, u64) {
        let at = usize::try_from(self.turn).unwrap_or(0) % FILL;
        let fresh = new_stream(&self.host);
        let Some((stream, length)) = self.open.get_mut(at) else { return (fresh, 0) };
        if *length == STREAM_EVENTS {
            (*stream, *length) = (fresh, 0);
        }
        *length += 1;
        (*stream, *length - 1)
    }

    fn any(&mut self) -> (StreamId, u64) {
        // A step that shares no factor with the number of things comes to each of them once a round.
        let thing = self.number * THINGS + self.turn * 1_237 % THINGS;
        let length = self.lengths.entry(thing).or_default();
        *length += 1;
        (StreamId::named("thing", &format!("number {thing}")), *length - 1)
    }
}

fn new_stream(host: &Host) -> StreamId {
    StreamId::named("thing", &new_id(host.clock.now(), &host.entropy).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_short_growth_is_looked_at_twice_and_all_events_are_there() {
        let folder = tempfile::tempdir().unwrap();
        for kind in [Kind::New, Kind::Spread] {
            let file = folder.path().join(format!("{kind:?}.db"));
            let looks = grow(kind, &file, 30_000, true).await.unwrap();
            assert_eq!(looks.len(), 2);
            let events = looks.last().unwrap().events;
            let sql = "SELECT count(*) FROM partita_events";
            let rows =
                crate::raw::look_at(&file).unwrap().query_row(sql, [], |row| crate::raw::number(row, 0)).unwrap();
            assert_eq!(rows, events);
        }
    }

    #[test]
    fn there_are_two_looks_in_each_power_of_ten() {
        assert_eq!(marks(1_000_000).collect::<Vec<_>>(), [10_000, 30_000, 100_000, 300_000, 1_000_000]);
    }
}
