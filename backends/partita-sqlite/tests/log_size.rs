//! How large the log and its file become.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{Bench, FRAME, logged, new_record, shell};
use futures_util::future::join_all;
use partita_core::{Commit, Expect, Part, Put, Records, Store};
use partita_sqlite::{SqliteConfig, SqliteStore};
use std::time::Duration;

/// Writes 60 MiB; returns how large the log became.
async fn largest_log(bench: &Bench, store: &SqliteStore) -> u64 {
    let value = format!("\"{}\"", "x".repeat(40_000));
    let mut largest = 0;
    for round in 0..100 {
        let puts = (0..16).map(|n| Put::value("order", format!("{round}-{n}"), Expect::Absent, value.clone()));
        let tickets: Vec<_> = puts.map(|put| store.submit(Commit::of(Part::new().put(put)))).collect();
        assert!(join_all(tickets).await.iter().all(Result::is_ok));
        largest = largest.max(std::fs::metadata(bench.path().with_extension("db-wal")).unwrap().len());
    }
    largest
}

#[tokio::test]
async fn the_log_is_reused_under_load() {
    let bench = Bench::new();
    let store = bench.try_open(SqliteConfig { wal_limit_bytes: 16 << 20, ..SqliteConfig::at(bench.path()) }).unwrap();
    let largest = largest_log(&bench, &store).await;
    assert!(largest < 24 << 20, "{largest} bytes");
}

#[tokio::test]
async fn a_long_read_of_another_program_lets_the_log_grow_and_stops_nobody() {
    let bench = Bench::new();
    let store = bench.try_open(SqliteConfig { wal_limit_bytes: 8 << 20, ..SqliteConfig::at(bench.path()) }).unwrap();
    let shell = shell(&bench.path());
    shell.execute_batch("BEGIN; SELECT count(*) FROM ledger").unwrap();
    assert!(largest_log(&bench, &store).await > 60 << 20);
    assert!(store.facts().wal_bytes > 60 << 20);
    shell.execute_batch("COMMIT").unwrap();
    store.close().await;
    assert_eq!(std::fs::metadata(bench.path().with_extension("db-wal")).unwrap().len(), 0);
}

/// Waits until the whole log is in the file; what the log's own file takes then.
#[allow(clippy::disallowed_methods, reason = "the threads of a store live in real time")]
async fn log_file_at_rest(bench: &Bench, store: &SqliteStore) -> u64 {
    while store.facts().wal_bytes > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    std::fs::metadata(bench.path().with_extension("db-wal")).unwrap().len()
}

#[tokio::test]
async fn the_logs_file_is_kept_larger_than_the_log_and_a_large_one_is_cut_at_rest() {
    let bench = Bench::new();
    let store = bench.open();
    for key in 0..300 {
        store.commit(new_record(format!("{key}"))).await.unwrap();
    }
    let log = std::fs::read(bench.path().with_extension("db-wal")).unwrap();
    let (written, ahead) = log.split_at(logged(&bench.path()).len());
    assert!(written.len() > 300 * FRAME && ahead.len() >= 256 << 10, "{} {}", written.len(), ahead.len());
    assert!(ahead.iter().all(|byte| *byte == 0));
    let kept = log_file_at_rest(&bench, &store).await;
    assert_eq!(kept, log.len() as u64, "a small one stays, to be written over");
    store.commit(new_record("behind")).await.unwrap();
    assert!(logged(&bench.path()).len() / FRAME < 10, "from its beginning");
    for key in 0..10 {
        let value = format!("\"{}\"", "x".repeat(1 << 19));
        store
            .commit(Commit::of(Part::new().put(Put::value("order", format!("{key}"), Expect::Absent, value))))
            .await
            .unwrap();
    }
    assert_eq!(log_file_at_rest(&bench, &store).await, 0, "a large one is cut");
    store.commit(new_record("last")).await.unwrap();
    drop(store);
    assert_eq!(bench.open().page("ledger", None, 1_000).await.unwrap().len(), 302);
}
