//! Flushes that fail in the ways that a disk can.

use crate::store::Fault;
use crate::{OnFatal, SqliteConfig, SqliteStore};
use partita_core::{Commit, Effect, ErrorKind, Expect, Part, Put, Records, Space, Store};
use partita_time::Host;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;

fn open(folder: &TempDir, on_fatal: OnFatal) -> Arc<SqliteStore> {
    let (host, _tasks) = Host::system();
    let config = SqliteConfig { on_fatal, ..SqliteConfig::at(folder.path().join("store.db")) };
    SqliteStore::open(config, vec![Space::named("order")], &host).unwrap()
}

fn not_expected() -> OnFatal {
    OnFatal::new(|error| panic!("{error}"))
}

fn order(key: &str) -> Commit {
    Commit::of(Part::new().put(Put::value("order", key, Expect::Absent, "{}".to_owned())))
}

fn let_fail(store: &SqliteStore, fault: Fault) {
    *store.shared.fault.lock().unwrap() = Some(fault);
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_found_applied() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, not_expected());
    let_fail(&store, Fault::LostAnswer);
    let receipt = store.commit(order("a")).await.unwrap();
    assert_eq!(receipt.transaction, 1);
    assert_eq!(store.commit(order("b")).await.unwrap().transaction, 2);
    assert_eq!(store.page("order", None, 10).await.unwrap().len(), 2);
}

#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "the recovery runs on a thread of the real machine")]
async fn a_commit_that_was_not_applied_is_made_impossible_and_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, not_expected());
    let_fail(&store, Fault::NotApplied);
    let error = store.commit(order("a")).await.unwrap_err();
    assert_eq!((error.kind(), error.possible_effect()), (ErrorKind::Io, Effect::None));
    while store.facts().cannot_write.is_some() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(store.get("order", "a").await.unwrap(), None);
    let receipt = store.commit(order("a")).await.unwrap();
    assert_eq!(receipt.transaction, 4, "number 1 was used up, 2 and 3 were the probe");
}

#[tokio::test]
async fn a_failed_flush_ends_the_store_and_claims_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let fatal = Arc::new(AtomicU32::new(0));
    let seen = fatal.clone();
    let store = open(&folder, OnFatal::new(move |_| seen.store(1, Ordering::SeqCst)));
    store.commit(order("before")).await.unwrap();
    let_fail(&store, Fault::FailedFlush);
    let (first, second) = (store.submit(order("a")), store.submit(order("b")));
    let error = first.await.unwrap_err();
    assert_eq!((error.kind(), error.possible_effect()), (ErrorKind::Closed, Effect::Possible));
    assert_eq!(second.await.unwrap_err().kind(), ErrorKind::Closed);
    store.close().await;
    assert_eq!(fatal.load(Ordering::SeqCst), 1);
    assert_eq!(store.submit(order("c")).await.unwrap_err().kind(), ErrorKind::Closed);
    let store = open(&folder, not_expected());
    assert_eq!(store.page("order", None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_opening_that_a_newer_one_has_taken_over_writes_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let old = open(&folder, OnFatal::new(|_| ()));
    old.commit(order("a")).await.unwrap();
    // Without its lock file nothing keeps a second opening out, except the number of the opening in the file.
    std::fs::remove_file(folder.path().join("store.db.lock")).unwrap();
    let new = open(&folder, not_expected());
    let error = old.commit(order("stale")).await.unwrap_err();
    assert_eq!((error.kind(), error.possible_effect()), (ErrorKind::Fenced, Effect::None));
    new.commit(order("b")).await.unwrap();
    assert_eq!(new.get("order", "stale").await.unwrap(), None);
    old.close().await;
    new.close().await;
}
