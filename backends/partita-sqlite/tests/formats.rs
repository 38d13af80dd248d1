//! Files of older formats are brought up to date when they are opened.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{Bench, shell};
use partita_core::{
    Commit, DuePage, ErrorKind, Expect, FieldKind, Find, JournalAppend, Journals, Log, Part, Prune, Put, Record,
    Records, Result, Space, Store, StreamId, Version,
};
use partita_sqlite::{SqliteConfig, SqliteStore};
use partita_time::{Host, Timestamp};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// What the first format had.
const FIRST: &str = "
CREATE TABLE partita_meta (log_id BLOB NOT NULL, restore_epoch INTEGER NOT NULL) STRICT;
CREATE TABLE partita_writers (incarnation INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
CREATE TABLE partita_events (
    pos INTEGER PRIMARY KEY, stream BLOB NOT NULL, version INTEGER NOT NULL, id BLOB NOT NULL, type TEXT NOT NULL,
    time INTEGER NOT NULL, meta TEXT, data TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX partita_events_stream ON partita_events (stream, version);
CREATE TABLE partita_journal (
    saga INTEGER NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (saga, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE partita_counters (
    space TEXT NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (space, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE partita_probe (ballast BLOB NOT NULL) STRICT;
INSERT INTO partita_meta VALUES (zeroblob(16), 0);
INSERT INTO partita_writers VALUES (1, 7);
PRAGMA application_id = 0x50617274;
PRAGMA user_version = 1;
";

#[tokio::test]
async fn a_file_of_the_first_format_keeps_its_streams_and_journals() {
    let bench = Bench::new();
    let connection = shell(&bench.path());
    connection.execute_batch(&format!("BEGIN; {FIRST}")).unwrap();
    let stream = |n: i64| StreamId::named("test", &format!("{n}"));
    for position in 0..3_000_i64 {
        let (of, version) = (stream(position % 3), position / 3);
        let sql = "INSERT INTO partita_events VALUES (?1, ?2, ?3, randomblob(16), 'test.happened', 1, NULL, '{}')";
        connection.execute(sql, rusqlite::params![position + 1, of.as_bytes(), version]).unwrap();
        let body = rusqlite::params![position % 7, position / 7, position.to_be_bytes()];
        connection.execute("INSERT INTO partita_journal VALUES (?1, ?2, ?3)", body).unwrap();
    }
    connection.execute_batch("COMMIT").unwrap();
    drop(connection);
    for opening in [2, 3] {
        let store = bench.open();
        assert_eq!((store.incarnation(), store.head().await.unwrap().position), (opening, 2_998 + opening));
        let events = store.stream(stream(1), 990, 99).await.unwrap();
        let places: Vec<_> = events.iter().map(|event| (event.version, event.position)).take(10).collect();
        assert_eq!(places, (990..1_000).map(|version| (version, 3 * version + 2)).collect::<Vec<_>>());
        let records = store.journal(3, 400, 99).await.unwrap();
        let numbers: Vec<_> = records.iter().map(|entry| (entry.seq, entry.body.clone())).take(2).collect();
        assert_eq!(numbers, [400, 401].map(|seq| (seq, (i64::from(seq) * 7 + 3).to_be_bytes().to_vec())));
        store.commit(bench.append("1", Version::Exactly(999 + opening - 2))).await.unwrap();
        let journals =
            vec![JournalAppend { saga: 3, expect: 427 + u32::try_from(opening).unwrap(), records: vec![vec![1]] }];
        store.commit(Commit { journals, ..Commit::default() }).await.unwrap();
        store.close().await;
    }
    let tables = "SELECT count(*) FROM sqlite_master WHERE name LIKE '%_old' OR name = 'partita_events_stream'";
    assert_eq!(shell(&bench.path()).query_row(tables, [], |row| row.get::<_, i64>(0)), Ok(0));
}

#[tokio::test]
async fn streams_and_journals_are_whole_over_generations_and_openings_that_end_in_a_crash() {
    let bench = Bench::new();
    let (streams, rounds) = (40_u64, 300_u64);
    let key = |n: u64| format!("stream {n}");
    for part in 0..3 {
        let store = bench.open();
        for round in part * rounds..(part + 1) * rounds {
            let expect = round.checked_sub(1).map_or(Version::Empty, Version::Exactly);
            let tickets: Vec<_> = (0..streams)
                .map(|n| {
                    let records = vec![round.to_be_bytes().to_vec()];
                    let journals = vec![JournalAppend { saga: n, expect: u32::try_from(round).unwrap(), records }];
                    store.submit(Commit { journals, ..bench.append(&key(n), expect) })
                })
                .collect();
            for ticket in tickets {
                ticket.await.unwrap();
            }
            let n = round % streams;
            let last = store.stream(StreamId::named("test", &key(n)), round, 9).await.unwrap();
            assert_eq!(last.iter().map(|event| event.version).collect::<Vec<_>>(), [round], "right after its receipt");
        }
        for n in 0..streams {
            let all = store.stream(StreamId::named("test", &key(n)), 0, 9_999).await.unwrap();
            assert!(all.iter().map(|event| event.version).eq(0..(part + 1) * rounds), "stream {n}");
            assert!(all.iter().all(|event| event.event.subject.as_deref() == Some(&key(n))));
            let journal = store.journal(n, 0, 9_999).await.unwrap();
            assert!(
                journal
                    .iter()
                    .map(|entry| entry.body.clone())
                    .eq((0..(part + 1) * rounds).map(|n| n.to_be_bytes().to_vec()))
            );
        }
        if part == 1 {
            store.close().await;
        }
    }
}

/// A space as the second format laid it, or in the order of its keys.
fn lines(clustered: bool) -> Vec<Space> {
    let space = Space::named("lines").with_due().field("at", FieldKind::Int).index(None, "at");
    vec![if clustered { space.clustered() } else { space }]
}

fn line(n: i64) -> Put {
    let put = Put::value("lines", format!("{n:05}"), Expect::Absent, "x".repeat(400)).field("at", n);
    put.due(Some(Timestamp::from_millis(n))).keep_until(Timestamp::from_millis(n))
}

/// A file with so many records, laid by when they came.
async fn laid_as_before(path: &Path, host: &Host, records: i64) {
    let store = SqliteStore::open(SqliteConfig::at(path), lines(false), host).unwrap();
    for page in 0..records / 100 {
        let puts = (page * 100..(page + 1) * 100).map(line);
        store.commit(Commit::of(puts.fold(Part::new(), Part::put))).await.unwrap();
    }
    store.close().await;
}

fn is_laid_anew(path: &Path) -> bool {
    shell(path).query_row("SELECT wr FROM pragma_table_list('lines')", [], |row| row.get(0)).unwrap()
}

fn keys(records: &[Record]) -> Vec<i64> {
    records.iter().map(|record| record.key.parse().unwrap()).collect()
}

/// Everything that can be asked of a space, and done to it, of 2,000 records; one is left more than before.
async fn serves(store: &SqliteStore, from: i64) {
    let page = Find { space: "lines", equals: None, order_by: "at", descending: true, after: None, limit: 3 };
    assert_eq!(keys(&store.find(page).await.unwrap()), [1_999, 1_998, 1_997]);
    let due = DuePage { space: "lines", until: Timestamp::from_millis(from + 1), after: None, limit: 9 };
    assert_eq!(keys(&store.due(due).await.unwrap()), [from, from + 1]);
    assert_eq!(keys(&store.page("lines", Some("01000"), 2).await.unwrap()), [1_001, 1_002]);
    let found = store.get("lines", "01500").await.unwrap().unwrap();
    let again = Put { expect: Expect::Exactly(found.revision), ..line(1_500) };
    store.commit(Commit::of(Part::new().put(again.clone()))).await.unwrap();
    let late = store.commit(Commit::of(Part::new().put(again))).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Conflict);
    let expired = Prune::Expired { space: "lines", until: Timestamp::from_millis(from), most: 9 };
    store.commit(Commit { prunes: vec![expired], ..Commit::default() }).await.unwrap();
    assert_eq!(store.get("lines", &format!("{from:05}")).await.unwrap(), None);
}

#[tokio::test]
async fn a_table_that_may_not_grow_is_served_as_it_lies_and_laid_anew_once_it_may() {
    let bench = Bench::new();
    let path = bench.path();
    laid_as_before(&path, &bench.host, 2_000).await;
    let max_bytes = Some(std::fs::metadata(&path).unwrap().len() + 20_000);
    let open = |max_bytes| -> Result<Arc<SqliteStore>> {
        SqliteStore::open(SqliteConfig { max_bytes, ..SqliteConfig::at(&path) }, lines(true), &bench.host)
    };
    for (opening, (max_bytes, anew)) in (0..).zip([(max_bytes, false), (max_bytes, false), (None, true)]) {
        let store = open(max_bytes).unwrap();
        assert_eq!(is_laid_anew(&path), anew);
        serves(&store, opening).await;
        store.close().await;
    }
    let sound: String = shell(&path).query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}

#[tokio::test]
async fn a_table_that_must_be_laid_anew_and_may_not_grow_keeps_its_file_as_it_is() {
    let bench = Bench::new();
    let open = |clustered, max_bytes| {
        SqliteStore::open(SqliteConfig { max_bytes, ..SqliteConfig::at(bench.path()) }, lines(clustered), &bench.host)
    };
    let store = open(true, None).unwrap();
    for n in 0..200 {
        store.commit(Commit::of(Part::new().put(line(n)))).await.unwrap();
    }
    store.close().await;
    let error = open(false, Some(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert!(error.to_string().contains("needed_bytes") && error.to_string().contains("store.db"), "{error}");
    let store = open(true, None).unwrap();
    assert_eq!(store.page("lines", None, 999).await.unwrap().len(), 200);
}

/// A small file system of the test's own; dropping it takes it away.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(folder.path()).output();
        mount.is_ok_and(|mount| mount.status.success()).then_some(Self(folder))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn on_a_disk_with_too_little_room_nothing_is_begun_and_the_file_serves() {
    let Some(disk) = Disk::mount() else { return println!("skipped: no file system can be mounted here") };
    let (path, bench) = (disk.0.path().join("store.db"), Bench::new());
    laid_as_before(&path, &bench.host, 2_000).await;
    let ballast = disk.0.path().join("ballast");
    let bytes = std::fs::metadata(&path).unwrap().len();
    // The copy would fit into the log, and not from there into the file.
    let room = usize::try_from(bytes + bytes / 4).unwrap();
    std::fs::write(&ballast, vec![0; (8 << 20) - usize::try_from(bytes).unwrap() - room]).unwrap();
    for (opening, anew) in [(0, false), (1, true)] {
        let store = SqliteStore::open(SqliteConfig::at(&path), lines(true), &bench.host).unwrap();
        assert_eq!(is_laid_anew(&path), anew);
        if !anew {
            assert_eq!(std::fs::metadata(&path).unwrap().len(), bytes, "nothing was begun");
        }
        serves(&store, opening).await;
        store.close().await;
        let _ = std::fs::remove_file(&ballast);
    }
}
