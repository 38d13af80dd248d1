//! Flushes that fail in the ways that a disk can, and helpers that fail in ways that they should not.

use crate::checkpoint::Snag;
use crate::store::Fault;
use crate::{OnFatal, SqliteConfig, SqliteStore};
use futures_util::FutureExt;
use partita_core::{
    Commit, Effect, ErrorKind, Expect, JournalAppend, Journals, Part, Prune, Put, Records, Space, Store,
};
use partita_time::Host;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
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

fn let_fail(store: &SqliteStore, faults: impl IntoIterator<Item = Fault>) {
    store.shared.faults.lock().unwrap().extend(faults);
}

fn counted() -> (OnFatal, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let seen = calls.clone();
    let on_fatal = OnFatal::new(move |_| {
        seen.fetch_add(1, Ordering::SeqCst);
    });
    (on_fatal, calls)
}

/// Waits in real time, for threads of the real machine; 20 seconds at most.
#[allow(clippy::disallowed_methods, reason = "the threads of a store live in real time")]
async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not in time: {what}");
}

/// Half a mebibyte under a key.
fn large(key: u32) -> Commit {
    let value = format!("\"{}\"", "x".repeat(1 << 19));
    Commit::of(Part::new().put(Put::value("order", format!("{key}"), Expect::Absent, value)))
}

#[allow(clippy::disallowed_methods, reason = "the threads of a store live in real time")]
async fn in_time<T>(answer: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(10), answer).await.expect("nobody waits for ever")
}

async fn until_it_can_write(store: &SqliteStore) {
    until("writing again", || store.facts().cannot_write.is_none()).await;
}

async fn until_it_cannot_write(store: &SqliteStore) {
    until("an outage", || store.facts().cannot_write.is_some()).await;
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_found_applied() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, not_expected());
    let_fail(&store, [Fault::LostAnswer]);
    let receipt = store.commit(order("a")).await.unwrap();
    assert_eq!(receipt.transaction, 1);
    assert_eq!(store.commit(order("b")).await.unwrap().transaction, 2);
    assert_eq!(store.page("order", None, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_commit_that_was_not_applied_is_made_impossible_and_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, not_expected());
    let_fail(&store, [Fault::NotApplied]);
    let error = store.commit(order("a")).await.unwrap_err();
    assert_eq!((error.kind(), error.possible_effect()), (ErrorKind::Io, Effect::None));
    until_it_can_write(&store).await;
    assert_eq!(store.get("order", "a").await.unwrap(), None);
    let receipt = store.commit(order("a")).await.unwrap();
    assert_eq!(receipt.transaction, 5, "number 2 made number 1 impossible, 3 and 4 were the probe");
}

#[tokio::test]
async fn a_disk_that_takes_no_writes_is_an_outage_however_long_it_lasts() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, not_expected());
    let_fail(&store, [Fault::NotWritten; 3]);
    let error = store.commit(order("a")).await.unwrap_err();
    assert_eq!((error.kind(), error.possible_effect()), (ErrorKind::StorageFull, Effect::None));
    let error = store.commit(order("b")).await.unwrap_err();
    assert_eq!((error.kind(), error.possible_effect()), (ErrorKind::StorageFull, Effect::None));
    assert_eq!(store.get("order", "a").await.unwrap(), None, "reading goes on");
    until_it_can_write(&store).await;
    assert_eq!(store.shared.faults.lock().unwrap().len(), 0, "two probes failed");
    store.commit(order("a")).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_number_that_cannot_be_used_up_yet_keeps_its_callers_waiting_and_refuses_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, not_expected());
    let_fail(&store, [Fault::NotApplied, Fault::NotWritten, Fault::NotApplied, Fault::NotWritten]);
    let first = store.submit(order("a"));
    until_it_cannot_write(&store).await;
    let refused = store.submit(order("b"));
    assert!(refused.is_refused());
    let error = refused.await.unwrap_err();
    assert_eq!((error.kind(), error.possible_effect()), (ErrorKind::StorageFull, Effect::None));
    assert_eq!(store.get("order", "a").await.unwrap(), None, "reading goes on");
    assert!(store.facts().cannot_write.is_some(), "it is not resolved yet");
    let error = first.await.unwrap_err();
    assert_eq!((error.kind(), error.possible_effect()), (ErrorKind::Io, Effect::None), "it is certain in the end");
    assert_eq!(store.shared.faults.lock().unwrap().len(), 0, "three attempts failed");
    until_it_can_write(&store).await;
    store.commit(order("a")).await.unwrap();
    assert_eq!(store.page("order", None, 10).await.unwrap().len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_is_gone_when_trouble_ends_is_fatal_and_no_new_one_is_made() {
    for (fault, told) in [
        (Fault::NotApplied, (ErrorKind::Closed, Effect::Possible)),
        (Fault::NotWritten, (ErrorKind::StorageFull, Effect::None)),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (on_fatal, calls) = counted();
        let store = open(&folder, on_fatal);
        let_fail(&store, [fault; 8]);
        std::fs::remove_file(folder.path().join("store.db")).unwrap();
        let error = store.commit(order("a")).await.unwrap_err();
        assert_eq!((error.kind(), error.possible_effect()), told, "{error}");
        until("its end", || calls.load(Ordering::SeqCst) == 1).await;
        assert_eq!(store.shared.faults.lock().unwrap().len(), 7, "the trouble lasts");
        assert!(!folder.path().join("store.db").exists());
    }
}

#[tokio::test]
async fn after_some_seconds_the_callers_are_told_of_a_possible_effect_and_the_store_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, not_expected());
    let_fail(&store, [Fault::NotApplied]);
    let_fail(&store, [Fault::NotWritten; 7]);
    let error = store.commit(order("a")).await.unwrap_err();
    assert_eq!((error.kind(), error.possible_effect()), (ErrorKind::StorageFull, Effect::Possible));
    assert!(store.facts().cannot_write.is_some());
    until_it_can_write(&store).await;
    assert_eq!(store.shared.faults.lock().unwrap().len(), 0);
    assert_eq!(store.get("order", "a").await.unwrap(), None);
    store.commit(order("a")).await.unwrap();
}

/// A commit behind the first one, whose number goes into the file only where its rows cannot stand for it.
fn record(saga: u64, expect: u32, prunes: Vec<Prune>) -> Commit {
    Commit { journals: vec![JournalAppend { saga, expect, records: vec![vec![1]] }], prunes, ..Commit::default() }
}

#[tokio::test]
async fn a_commit_without_a_number_of_its_own_is_found_by_what_it_left() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, not_expected());
    for expect in 0..3 {
        store.commit(record(7, expect, vec![])).await.unwrap();
    }
    let pruned = vec![Prune::Journal { saga: 8 }];
    let put = |expect, value: &str| Commit::of(Part::new().put(Put::value("order", "a", expect, value.to_owned())));
    let deleted = Commit::of(Part::new().put(Put::delete("order", "a", Expect::Exactly(2))));
    let commits = [
        record(7, 3, vec![]),
        record(8, 0, pruned),
        put(Expect::Absent, "1"),
        put(Expect::Exactly(1), "2"),
        deleted,
        put(Expect::Absent, "1"),
    ];
    for (number, commit) in (4..).zip(commits) {
        let_fail(&store, [Fault::LostAnswer]);
        assert_eq!(store.commit(commit).await.unwrap().transaction, number);
    }
    for (number, commit) in [(14, record(7, 4, vec![])), (19, put(Expect::Exactly(1), "1"))] {
        let_fail(&store, [Fault::NotApplied]);
        let error = store.commit(commit.clone()).await.unwrap_err();
        assert_eq!((error.kind(), error.possible_effect()), (ErrorKind::Io, Effect::None));
        until_it_can_write(&store).await;
        let receipt = store.commit(commit).await.unwrap();
        assert_eq!(receipt.transaction, number, "one made it impossible, two were the probe");
    }
    assert_eq!(store.journal(7, 0, 9).await.unwrap().len(), 5);
    assert_eq!(store.get("order", "a").await.unwrap().map(|record| record.revision), Some(2));
    store.close().await;
    let contents = crate::inspect(&folder.path().join("store.db")).unwrap().unwrap();
    assert_eq!(contents.transactions, 20, "closing moves the places");
}

#[cfg(unix)]
#[cfg(unix)]
#[tokio::test]
async fn a_commit_found_applied_after_its_callers_were_told_is_part_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let (host, _tasks) = Host::system();
    let store = open(&folder, not_expected());
    let event = || partita_core::NewEvent::new("test.happened", "a", &1).unwrap().seal("/test", &host);
    let append = |expect| {
        let stream = partita_core::StreamId::named("test", "a");
        Commit::of(Part::new().append(partita_core::Append { stream, expect, events: vec![event()] }))
    };
    let (file, away) = (folder.path().join("store.db"), folder.path().join("away"));
    // What lies at the path leads nowhere, so nobody can look; the connections that are open go on.
    let_fail(&store, [Fault::LostAnswer]);
    std::fs::rename(&file, &away).unwrap();
    std::os::unix::fs::symlink(&file, &file).unwrap();
    let error = store.commit(append(partita_core::Version::Empty)).await.unwrap_err();
    assert_eq!((error.kind(), error.possible_effect()), (ErrorKind::Io, Effect::Possible));
    std::fs::remove_file(&file).unwrap();
    std::fs::rename(&away, &file).unwrap();
    until_it_can_write(&store).await;
    let receipt = store.commit(append(partita_core::Version::Exactly(0))).await.unwrap();
    assert_eq!(receipt.positions, [2], "{receipt:?}");
}

#[tokio::test]
async fn a_store_whose_last_commit_is_unresolved_can_be_closed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, not_expected());
    let_fail(&store, [Fault::NotApplied]);
    let_fail(&store, [Fault::NotWritten; 100]);
    let first = store.submit(order("a"));
    until_it_cannot_write(&store).await;
    store.close().await;
    let error = first.await.unwrap_err();
    assert_eq!((error.kind(), error.possible_effect()), (ErrorKind::StorageFull, Effect::Possible));
    assert_eq!(open(&folder, not_expected()).get("order", "a").await.unwrap(), None);
}

#[tokio::test]
async fn a_cut_of_the_log_on_a_slow_disk_does_not_look_like_a_lock_of_another_program() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, not_expected());
    *store.shared.checkpoints.snag.lock().unwrap() = Some(Snag::SlowTruncate);
    for key in 0..10 {
        store.commit(large(key)).await.unwrap();
    }
    until("a cut", || store.shared.checkpoints.snag.lock().unwrap().is_none()).await;
    store.commit(order("a")).await.unwrap();
    assert_eq!(store.facts().cannot_write, None);
}

#[tokio::test]
async fn a_checkpointer_that_panics_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (on_fatal, calls) = counted();
    let store = open(&folder, on_fatal);
    *store.shared.checkpoints.snag.lock().unwrap() = Some(Snag::Panic);
    let mut key = 0;
    let error = loop {
        match in_time(store.commit(large(key))).await {
            Ok(_) => key += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((error.kind(), error.possible_effect()), (ErrorKind::Closed, Effect::None));
    until("the hook", || calls.load(Ordering::SeqCst) == 1).await;
    assert_eq!(store.get("order", "0").await.unwrap_err().kind(), ErrorKind::Closed);
    store.close().await;
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(open(&folder, not_expected()).page("order", None, 1_000).await.unwrap().len(), key as usize);
}

#[tokio::test]
async fn a_reader_that_panics_ends_the_store_and_queues_nobody_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let (on_fatal, calls) = counted();
    let store = open(&folder, on_fatal);
    let defect = store.shared.read::<()>(|_| panic!("a defect of a read"));
    assert_eq!(in_time(defect).await.unwrap_err().kind(), ErrorKind::Closed);
    until("the hook", || calls.load(Ordering::SeqCst) == 1).await;
    let read = in_time(store.get("order", "a")).await;
    assert_eq!(read.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(store.commit(order("a")).await.unwrap_err().kind(), ErrorKind::Closed);
    store.close().await;
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn reads_that_nobody_waits_for_any_more_still_take_up_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, not_expected());
    let gate = Arc::new(Barrier::new(3));
    let blocked: Vec<_> = (0..2)
        .map(|_| {
            let gate = gate.clone();
            store.shared.read(move |_| Ok(gate.wait().is_leader()))
        })
        .collect();
    let mut blocked = futures_util::future::join_all(blocked);
    assert!((&mut blocked).now_or_never().is_none());
    let room = store.shared.readers.room();
    for _ in 0..100 {
        assert!(store.shared.read(|_| Ok(())).now_or_never().is_none(), "dropped after it was queued");
    }
    assert_eq!(store.shared.readers.room(), room - 100, "they wait in the queue");
    gate.wait();
    blocked.await;
    store.shared.read(|_| Ok(())).await.unwrap();
    until("room for all", || store.shared.readers.room() == room + 2).await;
}

#[tokio::test]
async fn a_record_is_read_at_once_although_every_reader_is_busy() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, not_expected());
    store.commit(order("a")).await.unwrap();
    let gate = Arc::new(Barrier::new(3));
    let blocked = (0..2).map(|_| {
        let gate = gate.clone();
        store.shared.read(move |_| Ok(gate.wait().is_leader()))
    });
    let mut blocked = futures_util::future::join_all(blocked);
    assert!((&mut blocked).now_or_never().is_none());
    until("both readers at their gate", || store.shared.readers.waiting() == 0).await;
    let read = store.get("order", "a").now_or_never().expect("on the caller's thread");
    assert_eq!(read.unwrap().unwrap().key, "a");
    assert!(store.page("order", None, 10).now_or_never().is_none(), "a page waits for a reader");
    gate.wait();
    blocked.await;
    store.close().await;
    assert_eq!(store.get("order", "a").await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_failed_flush_ends_the_store_and_claims_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (on_fatal, fatal) = counted();
    let store = open(&folder, on_fatal);
    store.commit(order("before")).await.unwrap();
    let_fail(&store, [Fault::FailedFlush]);
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
