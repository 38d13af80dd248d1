//! What a crash leaves beside a file: the log, whole, torn, or without its file.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{Bench, FRAME, logged, new_record};
use partita_core::{ErrorKind, Records, Store};
use partita_sqlite::{OfflineFile, inspect};
use std::collections::BTreeMap;
use std::path::Path;

/// Writes `file` and `log` as a process that was killed leaves them after so many commits.
async fn killed_after(records: u32) -> (Vec<u8>, Vec<u8>) {
    let bench = Bench::new();
    let store = bench.open();
    for key in 0..records {
        store.commit(new_record(format!("{key:04}"))).await.unwrap();
    }
    (std::fs::read(bench.path()).unwrap(), logged(&bench.path()))
}

fn log_of(path: &Path) -> std::path::PathBuf {
    path.with_extension("db-wal")
}

fn lay(file: &[u8], log: &[u8]) -> Bench {
    let bench = Bench::new();
    std::fs::write(bench.path(), file).unwrap();
    std::fs::write(log_of(&bench.path()), log).unwrap();
    bench
}

fn lies_in(bench: &Bench) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(bench.path().parent().unwrap()).unwrap().map(|entry| entry.unwrap());
    files.map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap())).collect()
}

async fn records_after_opening(bench: &Bench) -> usize {
    let store = bench.open();
    let records = store.page("ledger", None, 1_000).await.unwrap().len();
    store.commit(new_record("after")).await.unwrap();
    store.close().await;
    records
}

#[tokio::test]
async fn a_torn_last_frame_is_dropped_and_nothing_before_it() {
    let (file, log) = killed_after(20).await;
    let mut begun = log.clone();
    // What a crash in the middle of the next commit adds: a frame of this round through the log, its page cut short.
    begun.extend_from_slice(&log[log.len() - FRAME..][..FRAME - 700]);
    let bench = lay(&file, &begun);
    let before = lies_in(&bench);
    let offline = OfflineFile::open(&bench.path()).unwrap().unwrap();
    let survey = offline.survey(&mut |_| ()).unwrap();
    assert_eq!(survey.faults, Vec::<String>::new());
    assert!(survey.notes.iter().any(|note| note.contains("torn")), "{survey:?}");
    assert_eq!((offline.contents().transactions, survey.records), (1, 20), "the records tell of the others");
    drop(offline);
    assert!(before == lies_in(&bench), "looking changed something");
    assert_eq!(records_after_opening(&bench).await, 20);
}

#[tokio::test]
async fn wherever_the_log_is_cut_everything_before_the_cut_commit_is_there() {
    let (file, log) = killed_after(6).await;
    let mut seen = vec![];
    for length in (32..log.len()).rev().step_by(FRAME / 3) {
        let bench = lay(&file, &log[..length]);
        match inspect(&bench.path()) {
            Ok(Some(_)) => seen.push(records_after_opening(&bench).await),
            other => assert!(matches!(other, Ok(None)), "cut to {length}: {other:?}"),
        }
    }
    assert!(seen.is_sorted_by(|later, earlier| later >= earlier), "{seen:?}");
    assert_eq!((seen.first(), seen.last(), seen.len() > 10), (Some(&5), Some(&0), true), "{seen:?}");
}

#[tokio::test]
async fn a_cut_file_is_refused_although_its_log_could_be_read() {
    let bench = Bench::new();
    let store = bench.open();
    for key in 0..400 {
        store.commit(new_record(format!("{key:04}-{}", "x".repeat(200)))).await.unwrap();
    }
    store.close().await;
    let store = bench.open();
    store.commit(new_record("one more")).await.unwrap();
    let (file, log) = (std::fs::read(bench.path()).unwrap(), std::fs::read(log_of(&bench.path())).unwrap());
    drop(store);
    assert!(inspect(&lay(&file, &log).path()).unwrap().is_some());
    for cut in [40_960, file.len() / 2] {
        let bench = lay(&file[..file.len() - cut], &log);
        let before = lies_in(&bench);
        let error = inspect(&bench.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("cut short"), "{error}");
        assert!(before == lies_in(&bench), "looking changed something");
    }
}

#[tokio::test]
async fn a_log_that_does_not_begin_as_one_is_not_taken_for_an_empty_one() {
    let (file, log) = killed_after(3).await;
    let closed = {
        let bench = lay(&file, &log);
        bench.open().close().await;
        std::fs::read(bench.path()).unwrap()
    };
    let mut damaged = log.clone();
    damaged[17] ^= 1;
    for log in [vec![0; log.len()], b"shopping list: milk, bread, butter, eggs".to_vec(), damaged] {
        let bench = lay(&closed, &log);
        let before = lies_in(&bench);
        let error = inspect(&bench.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        let text = error.to_string();
        assert!(text.contains("does not begin as one") && text.contains("db-wal") && text.contains("backup"), "{text}");
        assert!(bench.try_open(partita_sqlite::SqliteConfig::at(bench.path())).is_err());
        let mut after = lies_in(&bench);
        after.retain(|name, _| before.contains_key(name));
        assert!(before == after, "it was written to");
        std::fs::remove_file(log_of(&bench.path())).unwrap();
        assert_eq!(records_after_opening(&bench).await, 3, "the way out");
    }
}

#[tokio::test]
async fn a_log_of_which_only_the_header_was_begun_holds_nothing() {
    let bench = Bench::new();
    let store = bench.open();
    store.commit(new_record("0000")).await.unwrap();
    store.close().await;
    std::fs::write(log_of(&bench.path()), [0; 32]).unwrap();
    assert!(inspect(&bench.path()).unwrap().is_some());
    assert_eq!(records_after_opening(&bench).await, 1);
}

#[tokio::test]
async fn a_log_whose_file_is_gone_is_not_overwritten() {
    let (_, log) = killed_after(3).await;
    for file in [None, Some(b"")] {
        let bench = lay(b"", &log);
        if file.is_none() {
            std::fs::remove_file(bench.path()).unwrap();
        }
        let error = inspect(&bench.path()).unwrap_err();
        assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("log is there"), "{error}");
        let refused = bench.try_open(partita_sqlite::SqliteConfig::at(bench.path())).unwrap_err();
        assert_eq!(refused.to_string(), error.to_string());
        assert!(std::fs::read(log_of(&bench.path())).unwrap() == log);
    }
}

#[tokio::test]
async fn while_a_store_is_open_its_file_is_in_use() {
    let bench = Bench::new();
    let store = bench.open();
    store.commit(new_record("one")).await.unwrap();
    assert_eq!(inspect(&bench.path()).unwrap_err().kind(), ErrorKind::InUse);
    assert_eq!(OfflineFile::open(&bench.path()).unwrap_err().kind(), ErrorKind::InUse);
    store.close().await;
    let contents = inspect(&bench.path()).unwrap().unwrap();
    assert_eq!((contents.openings, contents.transactions), (1, 1));
    drop(store);
    let offline = OfflineFile::open(&bench.path()).unwrap().unwrap();
    let refused = bench.try_open(partita_sqlite::SqliteConfig::at(bench.path())).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InUse, "nobody writes to a file that is being read from end to end");
    drop(offline);
    bench.open();
}
