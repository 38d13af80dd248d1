//! Pages that commits write into the log, by one caller.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{Bench, FRAME, logged, shell};
use partita_core::{Commit, JournalAppend, Log, Store, StreamId, Version};

/// Frames of the log so far.
fn frames(bench: &Bench) -> usize {
    logged(&bench.path()).len() / FRAME
}

#[tokio::test]
async fn a_commit_of_one_journal_writes_one_page() {
    let bench = Bench::new();
    let store = bench.open();
    let record = |expect| JournalAppend { saga: 1, expect, records: vec![vec![1; 100]] };
    store.commit(Commit { journals: vec![record(0)], ..Commit::default() }).await.unwrap();
    let before = frames(&bench);
    for expect in 1..=100 {
        store.commit(Commit { journals: vec![record(expect)], ..Commit::default() }).await.unwrap();
    }
    let written = frames(&bench) - before;
    assert!(written <= 112, "{written}: a new page now and then, and the number of the transaction twice");
    drop(store);
    let number = "SELECT seq FROM partita_writers";
    assert_eq!(shell(&bench.path()).query_row(number, [], |row| row.get::<_, i64>(0)), Ok(65));
}

#[tokio::test]
async fn a_stream_that_comes_back_has_one_row_of_the_index() {
    let bench = Bench::new();
    let rows = "SELECT group_concat(first || ' ' || length(places), ', ') FROM partita_streams";
    let look = || shell(&bench.path()).query_row(rows, [], |row| row.get::<_, String>(0)).unwrap();
    // Closing moves all places.
    for version in 0..300_u64 {
        let store = bench.open();
        let expect = version.checked_sub(1).map_or(Version::Empty, Version::Exactly);
        store.commit(bench.append("one", expect)).await.unwrap();
        store.close().await;
        if version == 9 {
            assert_eq!(look(), "0 10");
        }
    }
    assert_eq!(look(), "0 256, 256 45", "a row that is full is left alone, and the first place of one takes two bytes");
    let store = bench.open();
    let events = store.stream(StreamId::named("test", "one"), 0, 999).await.unwrap();
    assert!(events.iter().map(|event| event.version).eq(0..300));
    store.close().await;
}
