//! A store that cannot write says so, and recovers by itself.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{Bench, new_record, shell};
use partita_core::{Again, Commit, Effect, ErrorKind, Expect, Part, Put, Records, Store};
use partita_sqlite::{SqliteConfig, SqliteStore};
use std::time::Duration;

fn large(key: usize) -> Commit {
    let value = format!("\"{}\"", "x".repeat(60_000));
    Commit::of(Part::new().put(Put::value("order", format!("{key}"), Expect::Absent, value)))
}

#[allow(clippy::disallowed_methods, reason = "the recovery runs on a thread of the real machine")]
async fn until_it_can_write(store: &SqliteStore) {
    for _ in 0..100 {
        if store.facts().cannot_write.is_none() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not recover: {:?}", store.facts());
}

#[tokio::test]
async fn a_full_disk_fails_with_no_effect_and_recovery_needs_no_restart() {
    let bench = Bench::new();
    let store = bench.try_open(SqliteConfig { max_bytes: Some(1 << 20), ..SqliteConfig::at(bench.path()) }).unwrap();
    let mut applied = 0;
    let error = loop {
        match store.commit(large(applied)).await {
            Ok(_) => applied += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(
        (error.kind(), error.possible_effect(), error.may_try_again()),
        (ErrorKind::StorageFull, Effect::None, Again::Later)
    );
    assert!((5..20).contains(&applied), "{applied} fitted");
    assert!(store.facts().cannot_write.is_some());
    let refused = store.submit(large(applied));
    assert!(refused.is_refused(), "quickly, without the queue");
    assert_eq!(refused.await.unwrap_err().kind(), ErrorKind::StorageFull);
    assert!(store.get("order", "0").await.unwrap().is_some(), "reading goes on");
    assert_eq!(store.get("order", &format!("{applied}")).await.unwrap(), None);

    store.set_max_bytes(None);
    until_it_can_write(&store).await;
    store.commit(large(applied)).await.unwrap();
}

#[tokio::test]
async fn a_lock_of_another_program_fails_with_no_effect_and_recovery_needs_no_restart() {
    let bench = Bench::new();
    let store = bench.open();
    let shell = shell(&bench.path());
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.commit(new_record("one")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.possible_effect(), error.may_try_again()),
        (ErrorKind::Busy, Effect::None, Again::Later)
    );
    shell.execute_batch("COMMIT").unwrap();
    until_it_can_write(&store).await;
    assert_eq!(store.get("ledger", "one").await.unwrap(), None);
    store.commit(new_record("one")).await.unwrap();
}

#[tokio::test]
async fn a_store_that_cannot_write_can_be_closed() {
    let bench = Bench::new();
    let store = bench.open();
    let shell = shell(&bench.path());
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.commit(new_record("one")).await.unwrap_err();
    store.close().await;
    drop(shell);
    bench.open().commit(new_record("one")).await.unwrap();
}
