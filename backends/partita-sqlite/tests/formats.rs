//! Files of older formats are brought up to date when they are opened.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{Bench, shell};
use partita_core::{Commit, JournalAppend, Journals, Log, Store, StreamId, Version};

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
