//! Copies of files that are written to meanwhile.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{Bench, new_record, shell};
use partita_core::{ErrorKind, Log, Records, Store};
use partita_sqlite::{Copying, Frozen, OfflineFile, SetId, SqliteConfig, SqliteStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Two stores, and a writer that writes each number to the first one before it writes it to the second.
struct Pair {
    bench: Bench,
    stores: [Arc<SqliteStore>; 2],
}

impl Pair {
    fn new() -> Self {
        let bench = Bench::new();
        let open = |path: &PathBuf| bench.try_open(SqliteConfig::at(path)).unwrap();
        let stores = [0, 1].map(|index| open(&Self::paths(&bench)[index]));
        Self { bench, stores }
    }

    fn paths(bench: &Bench) -> [PathBuf; 2] {
        ["first.db", "second.db"].map(|name| bench.path().with_file_name(name))
    }

    async fn write_until(&self, enough: &AtomicBool) -> u64 {
        let mut number = 0;
        while !enough.load(Ordering::SeqCst) {
            for store in &self.stores {
                store.commit(new_record(format!("{number:06}"))).await.unwrap();
            }
            number += 1;
        }
        number
    }
}

fn records_in(path: &Path) -> u64 {
    let survey = OfflineFile::open(path).unwrap().unwrap().survey(&mut |_| ()).unwrap();
    assert_eq!(survey.faults, Vec::<String>::new());
    survey.records
}

fn copy(frozen: &Frozen, folder: &Path) -> (u64, Copying) {
    let mut last = Copying { done: 0, all: 0 };
    let bytes =
        frozen.copy(folder, SetId::new(&partita_time::Entropy::seeded(5)), &mut |so_far| last = so_far).unwrap();
    (bytes, last)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_of_files_that_are_written_to_are_as_of_one_moment() {
    let pair = Arc::new(Pair::new());
    let enough = Arc::new(AtomicBool::new(false));
    let (send, written) = tokio::sync::oneshot::channel();
    pair.bench.host.spawner.spawn({
        let (pair, enough) = (pair.clone(), enough.clone());
        Box::pin(async move { send.send(pair.write_until(&enough).await).unwrap() })
    });
    let to = tempfile::tempdir().unwrap();
    let paths = Pair::paths(&pair.bench);
    let mut counts = vec![];
    for round in 0..10 {
        while pair.stores[1].facts().commits < 20 * (round + 1) {
            tokio::task::yield_now().await;
        }
        let frozen = Frozen::take(&paths, &*pair.bench.host.clock).await.unwrap();
        let folder = to.path().join(round.to_string());
        let (bytes, last) = copy(&frozen, &folder);
        assert!(bytes > 8_192 && last.done == last.all && last.all > 0, "{bytes} {last:?}");
        let copied = ["first.db", "second.db"].map(|name| records_in(&folder.join(name)));
        assert!(copied[0] - copied[1] <= 1, "a number is in the first file or in both: {copied:?}");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2, "nothing else is left there");
        counts.push(copied[1]);
    }
    enough.store(true, Ordering::SeqCst);
    let written = written.await.unwrap();
    assert!(counts.is_sorted() && counts.first() < counts.last(), "{counts:?}");
    assert!(written >= *counts.last().unwrap());
    assert!(pair.stores.iter().all(|store| store.facts().cannot_write.is_none()), "nobody noticed");
}

#[tokio::test]
async fn a_copy_is_a_store_whose_log_is_another_one() {
    let bench = Bench::new();
    let store = bench.open();
    store.commit(bench.append("a", partita_core::Version::Empty)).await.unwrap();
    let original = store.head().await.unwrap();
    let to = tempfile::tempdir().unwrap();
    copy(&Frozen::take(&[bench.path()], &*bench.host.clock).await.unwrap(), to.path());
    let copy = bench.try_open(SqliteConfig::at(to.path().join("store.db"))).unwrap();
    let copied = copy.head().await.unwrap();
    assert_eq!((copied.position, copied.log.uuid), (original.position, original.log.uuid));
    assert_eq!((copied.log.restore_epoch, copy.incarnation()), (original.log.restore_epoch + 1, 2));
    copy.commit(new_record("new")).await.unwrap();
    assert_eq!(store.get("ledger", "new").await.unwrap(), None);
}

#[tokio::test]
async fn what_cannot_be_copied_is_named_and_nothing_is_written() {
    let bench = Bench::new();
    let missing = bench.path().with_file_name("missing.db");
    let error = Frozen::take(std::slice::from_ref(&missing), &*bench.host.clock).await.unwrap_err();
    assert!(error.kind() == ErrorKind::NotFound && error.to_string().contains("missing.db"), "{error}");
    assert!(!missing.exists());
    bench.open();
    let frozen = Frozen::take(&[bench.path()], &*bench.host.clock).await.unwrap();
    let to = tempfile::tempdir().unwrap();
    std::fs::write(to.path().join("mine"), "mine").unwrap();
    let error = frozen.copy(to.path(), SetId::new(&partita_time::Entropy::seeded(5)), &mut |_| ()).unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains("not empty"), "{error}");
    assert_eq!(std::fs::read_dir(to.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_file_that_another_program_keeps_locked_is_waited_for() {
    let bench = Bench::new();
    let store = bench.open();
    store.commit(new_record("one")).await.unwrap();
    let human = shell(&bench.path());
    human.execute_batch("BEGIN IMMEDIATE").unwrap();
    let clock = bench.host.clock.clone();
    let path = [bench.path()];
    let frozen = Frozen::take(&path, &*clock);
    let released = async {
        clock.sleep(std::time::Duration::from_millis(300)).await;
        human.execute_batch("ROLLBACK").unwrap();
    };
    let (frozen, ()) = tokio::join!(frozen, released);
    assert!(frozen.unwrap().held() < std::time::Duration::from_millis(300));
}
