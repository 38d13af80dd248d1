//! Pages that commits write into the log, by one caller.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{Bench, shell};
use partita_core::{Commit, JournalAppend, Store};

const FRAME: u64 = 4_120;

/// Frames of the log so far.
fn frames(bench: &Bench) -> u64 {
    std::fs::metadata(bench.path().with_extension("db-wal")).unwrap().len() / FRAME
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
