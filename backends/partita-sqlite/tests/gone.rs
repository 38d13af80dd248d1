//! A file that is taken away under a store that has it open.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may, and a store's threads live in real time"
)]

mod common;

use common::{Bench, new_record};
use partita_core::{Effect, Error, ErrorKind, Store};
use partita_sqlite::{OnFatal, SqliteConfig, SqliteStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longer than a store needs to notice.
const SOON: Duration = Duration::from_secs(10);

/// A store, and what it dies of.
fn opened_at(bench: &Bench, path: impl Into<PathBuf>) -> (Arc<SqliteStore>, Receiver<String>) {
    let (tell, told) = channel();
    let on_fatal = OnFatal::new(move |error| tell.send(error.to_string()).unwrap());
    (bench.try_open(SqliteConfig { on_fatal, ..SqliteConfig::at(path) }).unwrap(), told)
}

/// The same with a record.
async fn opened(bench: &Bench) -> (Arc<SqliteStore>, Receiver<String>) {
    let (store, told) = opened_at(bench, bench.path());
    store.commit(new_record("first")).await.unwrap();
    (store, told)
}

/// It dies once, saying which file is gone and what to do.
#[track_caller]
fn dies(told: &Receiver<String>, path: &Path) {
    let said = told.recv_timeout(SOON).unwrap();
    for part in
        ["deleted, moved or replaced", "committed since then", "a backup, without the log", path.to_str().unwrap()]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(told.recv_timeout(Duration::from_millis(100)).is_err());
}

/// Commits, one after another, until one is refused.
async fn refused(store: &SqliteStore) -> Error {
    for number in 0..1_000 {
        match store.commit(new_record(number.to_string())).await {
            Ok(_) => tokio::time::sleep(SOON / 1_000).await,
            Err(error) => return error,
        }
    }
    panic!("it commits into nothing");
}

#[tokio::test]
async fn a_deleted_file_is_noticed_while_there_is_work_and_no_new_one_is_made() {
    let bench = Bench::new();
    let (store, told) = opened(&bench).await;
    std::fs::remove_file(bench.path()).unwrap();
    let error = refused(&store).await;
    assert_eq!((error.kind(), error.possible_effect()), (ErrorKind::Closed, Effect::None), "{error}");
    dies(&told, &bench.path());
    assert_eq!(store.commit(new_record("last")).await.unwrap_err().kind(), ErrorKind::Closed);
    assert!(!bench.path().exists());
}

#[tokio::test]
async fn a_deleted_file_is_noticed_a_second_after_the_last_commit() {
    let bench = Bench::new();
    let (_store, told) = opened(&bench).await;
    std::fs::remove_file(bench.path()).unwrap();
    dies(&told, &bench.path());
}

#[tokio::test]
async fn a_deleted_file_is_noticed_after_a_pause_before_anything_is_written_and_when_it_is_closed() {
    for closes in [false, true] {
        let bench = Bench::new();
        let (store, told) = opened(&bench).await;
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        std::fs::remove_file(bench.path()).unwrap();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        if closes {
            store.close().await;
        } else {
            store.commit(new_record("second")).await.unwrap_err();
        }
        dies(&told, &bench.path());
    }
}

#[tokio::test]
async fn a_file_in_the_place_of_another_stays_as_it_is_and_so_does_its_log() {
    let (bench, other) = (Bench::new(), Bench::new());
    let (strange, _told) = opened(&other).await;
    let files = ["db", "db-wal"].map(|kind| (other.path().with_extension(kind), bench.path().with_extension(kind)));
    let (store, told) = opened(&bench).await;
    let bytes = files.each_ref().map(|(from, to)| {
        let (bytes, laid) = (std::fs::read(from).unwrap(), to.with_extension("laid"));
        std::fs::write(&laid, &bytes).unwrap();
        std::fs::rename(laid, to).unwrap();
        bytes
    });
    refused(&store).await;
    dies(&told, &bench.path());
    drop(store);
    for ((_, to), bytes) in files.iter().zip(bytes) {
        let found = std::fs::read(to).unwrap();
        assert!(found == bytes, "{}: {} bytes became {}", to.display(), bytes.len(), found.len());
    }
    drop(strange);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_store_has_opened_its_file_as_often_as_it_ever_will_when_it_is_there() {
    let bench = Bench::new();
    let handles = || {
        let all = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        all.filter(|handle| std::fs::read_link(handle.path()).is_ok_and(|to| to == bench.path())).count()
    };
    let (store, _told) = opened_at(&bench, bench.path());
    let at_first = handles();
    store.commit(new_record("first")).await.unwrap();
    assert!(partita_core::Records::get(&*store, "ledger", "first").await.unwrap().is_some());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((handles(), at_first > 0), (at_first, true));
}

#[tokio::test]
async fn a_file_that_was_moved_and_is_put_back_with_its_log_holds_every_commit() {
    let bench = Bench::new();
    let (store, told) = opened(&bench).await;
    let aside = bench.path().with_extension("aside");
    std::fs::rename(bench.path(), &aside).unwrap();
    store.commit(new_record("between")).await.unwrap();
    refused(&store).await;
    dies(&told, &bench.path());
    drop(store);
    std::fs::rename(aside, bench.path()).unwrap();
    let store = bench.open();
    assert!(partita_core::Records::get(&*store, "ledger", "between").await.unwrap().is_some());
}

#[tokio::test]
async fn a_backup_in_the_place_of_a_deleted_file_is_what_the_next_store_opens() {
    let bench = Bench::new();
    let (store, _) = opened(&bench).await;
    store.close().await;
    drop(store);
    let backup = std::fs::read(bench.path()).unwrap();
    let (store, told) = opened_at(&bench, bench.path());
    store.commit(new_record("after the backup")).await.unwrap();
    std::fs::remove_file(bench.path()).unwrap();
    refused(&store).await;
    dies(&told, &bench.path());
    drop(store);
    std::fs::write(bench.path(), backup).unwrap();
    std::fs::remove_file(bench.path().with_extension("db-wal")).unwrap();
    let store = bench.open();
    let has = async |key| partita_core::Records::get(&*store, "ledger", key).await.unwrap().is_some();
    assert_eq!((has("first").await, has("after the backup").await), (true, false));
}

#[tokio::test]
async fn a_log_that_is_deleted_is_noticed_and_what_it_held_is_in_the_file_though_another_program_has_it_open() {
    let bench = Bench::new();
    let (store, told) = opened(&bench).await;
    let other = rusqlite::Connection::open(bench.path()).unwrap();
    let rows = |of: &rusqlite::Connection| of.query_row("SELECT count(*) FROM ledger", [], |row| row.get::<_, i64>(0));
    assert_eq!(rows(&other).unwrap(), 1);
    std::fs::remove_file(bench.path().with_extension("db-wal")).unwrap();
    store.commit(new_record("into the log")).await.unwrap();
    refused(&store).await;
    let said = told.recv_timeout(SOON).unwrap();
    assert!(said.contains("the log of the file was deleted"), "{said}");
    let copy = bench.path().with_extension("copy");
    std::fs::copy(bench.path(), &copy).unwrap();
    let held = rows(&other).unwrap();
    assert!(held > 1 && rows(&rusqlite::Connection::open(copy).unwrap()).unwrap() == held);
}

#[tokio::test]
async fn a_store_behind_a_link_goes_on() {
    let bench = Bench::new();
    drop(opened(&bench).await);
    let link = bench.path().with_extension("link");
    std::os::unix::fs::symlink(bench.path(), &link).unwrap();
    let (store, told) = opened_at(&bench, link);
    store.commit(new_record("second")).await.unwrap();
    assert_eq!(told.recv_timeout(Duration::from_millis(1_500)).ok(), None::<String>);
    store.commit(new_record("third")).await.unwrap();
}
