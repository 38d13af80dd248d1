//! Rows lie where the store counts on them to lie, whoever else changes the file.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{Bench, new_record, shell};
use futures_util::future::join_all;
use partita_core::{Commit, JournalAppend, Journals, Log, Prune, Store, StreamId, Version};

fn record(saga: u64, expect: u32) -> Commit {
    let journals = vec![JournalAppend { saga, expect, records: vec![vec![b'0' + u8::try_from(expect).unwrap()]] }];
    Commit { journals, ..Commit::default() }
}

#[tokio::test]
async fn a_record_lies_behind_the_newest_one_though_that_was_pruned() {
    let bench = Bench::new();
    let store = bench.open();
    for commit in [record(1, 0), record(2, 0)] {
        store.commit(commit).await.unwrap();
    }
    let prune = Commit { prunes: vec![Prune::Journal { saga: 2 }], ..new_record("a") };
    let tickets = [prune, record(1, 1), record(3, 0)].map(|commit| store.submit(commit));
    assert!(join_all(tickets).await.iter().all(Result::is_ok));
    store.commit(Commit { prunes: vec![Prune::Journal { saga: 3 }], ..new_record("b") }).await.unwrap();
    store.commit(record(5, 0)).await.unwrap();
    let places = "SELECT group_concat(place || ':' || saga) FROM (SELECT * FROM partita_journal ORDER BY place)";
    let places: String = shell(&bench.path()).query_row(places, [], |row| row.get(0)).unwrap();
    assert_eq!(places, "1:1,3:1,5:5", "no place twice");
    assert_eq!(store.journal(5, 0, 9).await.unwrap()[0].body, b"0");
}

#[tokio::test]
async fn an_event_added_by_hand_moves_none_of_the_store() {
    let bench = Bench::new();
    let store = bench.open();
    store.commit(bench.append("a", Version::Empty)).await.unwrap();
    let copy = "INSERT INTO partita_events SELECT 9, stream, 7, id, type, time, meta, data FROM partita_events";
    shell(&bench.path()).execute_batch(copy).unwrap();
    let keys = ["b", "c", "d"].map(|key| store.submit(bench.append(key, Version::Empty)));
    let positions: Vec<u64> = join_all(keys).await.into_iter().flat_map(|answer| answer.unwrap().positions).collect();
    assert_eq!(positions, [2, 3, 4]);
    let found = store.stream(StreamId::named("test", "d"), 0, 10).await.unwrap();
    assert_eq!(found.iter().map(|event| (event.position, event.version)).collect::<Vec<_>>(), [(4, 0)]);
    assert_eq!(store.facts().cannot_write, None);
}
