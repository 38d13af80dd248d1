//! What a survey of a closed file finds.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{Bench, new_record, shell};
use partita_core::{Commit, JournalAppend, Store, Version};
use partita_sqlite::{OfflineFile, Survey};

/// A closed file with records, events in two streams and a journal, after a change by another program.
async fn surveyed_after(change: &str) -> Survey {
    let bench = Bench::new();
    let store = bench.open();
    for key in 0..5 {
        store.commit(new_record(format!("{key}"))).await.unwrap();
    }
    for (key, expect) in [("a", Version::Empty), ("b", Version::Empty), ("a", Version::Exactly(0))] {
        store.commit(bench.append(key, expect)).await.unwrap();
    }
    for expect in 0..3 {
        let records = vec![b"record".to_vec()];
        let journals = vec![JournalAppend { saga: 7, expect, records }];
        store.commit(Commit { journals, ..Commit::default() }).await.unwrap();
    }
    store.close().await;
    shell(&bench.path()).execute_batch(change).unwrap();
    let offline = OfflineFile::open(&bench.path()).unwrap().unwrap();
    let mut parts = 0;
    let survey = offline.survey(&mut |_| parts += 1).unwrap();
    assert_eq!(parts, OfflineFile::PARTS);
    survey
}

#[tokio::test]
async fn a_sound_file_is_counted_and_has_no_fault() {
    let survey = surveyed_after("").await;
    assert_eq!((survey.records, survey.events, survey.journal_records), (5, 3, 3));
    assert_eq!((survey.faults, survey.notes, survey.log_bytes), (vec![], vec![], 0));
    assert!(survey.bytes > 4_096);
}

#[tokio::test]
async fn every_gap_and_every_unreadable_value_is_named() {
    let faults = [
        ("DELETE FROM partita_events WHERE pos = 2", "positions have a gap: position 3 follows 1"),
        ("UPDATE partita_events SET version = 4 WHERE pos = 3", "versions 0 to 4"),
        ("DELETE FROM partita_journal WHERE seq = 1", "saga 7 has 2 records, 0 to 2"),
        ("INSERT INTO partita_writers VALUES (9, 0)", "2 openings, numbered 1 to 9"),
        ("UPDATE ledger SET value = '{' WHERE key = '3'", "not JSON: ledger 3"),
        ("UPDATE partita_events SET data = 'x' WHERE pos = 1", "not JSON: event at position 1"),
    ];
    for (change, named) in faults {
        let survey = surveyed_after(change).await;
        assert!(survey.faults.iter().any(|fault| fault.contains(named)), "{change}: {survey:?}");
    }
}

#[tokio::test]
async fn records_and_counters_can_be_read_without_opening_the_store() {
    let bench = Bench::new();
    let store = bench.open();
    let Commit { part, .. } = new_record("one");
    store.commit(Commit::of(part.add("ledger", "open", 3))).await.unwrap();
    store.close().await;
    let offline = OfflineFile::open(&bench.path()).unwrap().unwrap();
    let mut seen = vec![];
    offline.records("ledger", &mut |key, value| seen.push((key.to_owned(), value.to_owned()))).unwrap();
    offline.records("no such space", &mut |key, _| panic!("{key}")).unwrap();
    assert_eq!(seen, [("one".to_owned(), "{}".to_owned())]);
    assert_eq!(offline.counters("ledger").unwrap().into_iter().collect::<Vec<_>>(), [("open".to_owned(), 3)]);
}
