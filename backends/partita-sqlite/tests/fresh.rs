//! New records of one batch share statements, and each caller gets its own answer all the same.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{Bench, new_record, shell};
use futures_util::future::join_all;
use partita_core::{Commit, Error, Expect, Found, Part, Put, Receipt, Records, Result, Store};
use partita_sqlite::SqliteStore;

/// Their answers, with all of them but the first in one batch: until they are handed in, another program holds the file.
async fn together(bench: &Bench, store: &SqliteStore, commits: Vec<Commit>) -> Vec<Result<Receipt>> {
    let shell = shell(&bench.path());
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    let first = store.submit(new_record("first"));
    let tickets: Vec<_> = commits.into_iter().map(|commit| store.submit(commit)).collect();
    shell.execute_batch("ROLLBACK").unwrap();
    first.await.unwrap();
    join_all(tickets).await
}

fn put(key: &str, expect: Expect, value: &str) -> Commit {
    Commit::of(Part::new().put(Put::value("ledger", key, expect, value.to_owned())))
}

fn found(error: &Error) -> Option<u64> {
    match &error.conflict().unwrap().found {
        Found::Record(record) => record.as_ref().map(|record| record.revision),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_a_batch_does_with_a_record_comes_behind_its_beginning() {
    let bench = Bench::new();
    let store = bench.open();
    let delete = Commit::of(Part::new().put(Put::delete("ledger", "b", Expect::Exactly(1))));
    let commits = vec![
        put("a", Expect::Absent, "1"),
        put("b", Expect::Absent, "1"),
        put("a", Expect::Exactly(1), "2"),
        delete,
        put("b", Expect::Absent, "3"),
    ];
    let answers = together(&bench, &store, commits).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    let commits = ["1", "2"].map(|value| put("c", Expect::Absent, value));
    let answers = join_all(commits.map(|commit| store.submit(commit))).await;
    assert!(answers[0].is_ok());
    assert_eq!(found(answers[1].as_ref().unwrap_err()), Some(1));
    let all = store.page("ledger", None, 10).await.unwrap();
    let all: Vec<_> = all.iter().map(|record| (record.key.as_str(), record.revision, record.value.as_str())).collect();
    assert_eq!(all, [("a", 2, "2"), ("b", 1, "3"), ("c", 1, "1"), ("first", 1, "{}")]);
}

#[tokio::test]
async fn of_many_new_records_those_that_are_there_already_are_refused_alone() {
    let bench = Bench::new();
    let store = bench.open();
    for key in ["7", "70"] {
        store.commit(new_record(key)).await.unwrap();
    }
    for round in 0..2 {
        let keys = (0..100).map(|key| if key % 63 == 7 { key } else { key + 100 * round });
        let answers = together(&bench, &store, keys.map(|key| new_record(key.to_string())).collect()).await;
        let refused: Vec<usize> = (0..answers.len()).filter(|at| answers[*at].is_err()).collect();
        assert_eq!(refused, [7, 70], "round {round}");
        assert!(refused.iter().all(|at| found(answers[*at].as_ref().unwrap_err()) == Some(1)));
        store.commit(Commit::of(Part::new().put(Put::delete("ledger", "first", Expect::Exactly(1))))).await.unwrap();
    }
    assert_eq!(store.page("ledger", None, 1_000).await.unwrap().len(), 198);
}
