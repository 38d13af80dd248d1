//! What an append costs while the log grows from ten thousand events to ten million.
//!
//! Between two looks the log is filled with commits of many events. At each look 256 callers append one event at a time, and
//! what is told is CPU time: it does not depend on what else the machine does. Rusqlite alone adds the same rows beside it.

mod callers;
mod limit;

use crate::measure::now;
use crate::plot::{Plot, Series};
use crate::proc::{own_cpu, usage};
use crate::row::rounded;
use crate::{Result, say};
use callers::{CALLERS, Caller, FILL, Kind, all};
use limit::Limit;
use partita::core::Store;
use partita::sqlite::{SqliteConfig, SqliteStore};
use partita::time::Host;
use serde::Serialize;
use std::path::Path;

/// Commits of each caller at a look, where the log is large enough for it: twice as many events as the store keeps in memory
/// before it moves their places into the index, so that each look pays for what it adds.
const LOOK: usize = 1_024;
/// Commits of each caller at the first look.
const FIRST_LOOK: usize = 32;

/// What a look found.
#[derive(Clone, Debug, Serialize)]
struct Look {
    streams: &'static str,
    by: &'static str,
    events: u64,
    cpu_us_per_append: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    writer_cpu_us_per_append: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    appends_per_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wal_kib_per_append: Option<f64>,
    file_mb: f64,
}

/// Measures both kinds of streams beside their limits, prints a table or JSON lines, and draws the plot.
pub(crate) fn measure(folder: &Path, most: u64, json: bool, svg: &Path) -> Result<()> {
    let mut plot = Plot::new("CPU time of an append while the log grows", "events in the log", "CPU us an append");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if !json {
        say("     events   CPU us  writer us    per s  WAL KiB  file MB");
    }
    let mut add = |kind: Kind, by: &str, grow: &dyn Fn(&Path) -> Result<Vec<Look>>| -> Result<()> {
        if !json {
            say(&format!("{}: {by}", kind.name()));
        }
        let data = tempfile::tempdir_in(folder)?;
        let looks = grow(&data.path().join("log.db"))?;
        let points = looks.iter().map(|look| (look.events as f64, look.cpu_us_per_append)).collect();
        plot.add(Series { name: format!("{by}: {}", kind.short()), points });
        Ok(())
    };
    for kind in [Kind::New, Kind::Spread] {
        add(kind, OURS, &|file| runtime.block_on(grow(kind, file, most, json)))?;
        for limit in [Limit::Index, Limit::Rows] {
            add(kind, limit.name(), &|file| limit::grow(limit, kind, file, most, json))?;
        }
    }
    std::fs::write(svg, plot.svg())?;
    if !json {
        say(&format!("drawn into {}", svg.display()));
    }
    Ok(())
}

const OURS: &str = "Partita";

async fn grow(kind: Kind, file: &Path, most: u64, json: bool) -> Result<Vec<Look>> {
    let (host, group) = Host::system();
    let store = SqliteStore::open(SqliteConfig::at(file), vec![], &host)?;
    let mut callers = Caller::all(kind, &host);
    let (mut events, mut looks) = (0, vec![]);
    for (at, commits) in marks_with_commits(most)? {
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

/// Two looks in each power of ten, and how many commits of each caller are looked at.
fn marks_with_commits(most: u64) -> Result<Vec<(u64, usize)>> {
    let powers = (4..).map(|power| 10_u64.pow(power)).take_while(move |mark| *mark <= most);
    let marks = powers.flat_map(|mark| [mark, mark * 3]).filter(move |mark| *mark <= most);
    marks.map(|mark| Ok((mark, usize::try_from(mark / 512)?.clamp(FIRST_LOOK, LOOK)))).collect()
}

fn file_mb(file: &Path) -> Result<f64> {
    Ok(rounded(std::fs::metadata(file)?.len() as f64 / f64::from(1 << 20), 0))
}

async fn look(
    kind: Kind,
    file: &Path,
    store: &SqliteStore,
    callers: &mut [Caller],
    (events, commits): (u64, usize),
) -> Result<(Look, u64)> {
    let (before, cpu, begun) = (usage("self")?, own_cpu(), now());
    let added = all(callers, store, commits, 1).await?;
    let (took, cpu, used) = (begun.elapsed(), own_cpu().saturating_sub(cpu), usage("self")?.since(before));
    let each = |number: f64| number / added as f64;
    let look = Look {
        streams: kind.name(),
        by: OURS,
        events: events + added,
        cpu_us_per_append: rounded(each(cpu.as_secs_f64() * 1e6), 2),
        writer_cpu_us_per_append: Some(rounded(each(used.writer_cpu_us as f64), 2)),
        appends_per_s: Some(rounded(added as f64 / took.as_secs_f64(), 0)),
        wal_kib_per_append: Some(rounded(each(used.written as f64) / 1_024.0, 2)),
        file_mb: file_mb(file)?,
    };
    Ok((look, added))
}

impl Look {
    fn line(&self) -> String {
        let or_blank = |figure: Option<f64>, digits| figure.map_or(String::new(), |is| format!("{is:.digits$}"));
        format!(
            "{:>11} {:>8.2} {:>10} {:>8} {:>8} {:>8.0}",
            self.events,
            self.cpu_us_per_append,
            or_blank(self.writer_cpu_us_per_append, 2),
            or_blank(self.appends_per_s, 0),
            or_blank(self.wal_kib_per_append, 2),
            self.file_mb
        )
    }
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
        let marks: Vec<u64> = marks_with_commits(1_000_000).unwrap().into_iter().map(|(mark, _)| mark).collect();
        assert_eq!(marks, [10_000, 30_000, 100_000, 300_000, 1_000_000]);
    }
}
