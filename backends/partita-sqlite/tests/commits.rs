//! One flush for many callers, each answered by itself.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{Bench, new_record, shell};
use futures_util::FutureExt;
use futures_util::future::join_all;
use partita_core::{
    Append, Commit, ErrorKind, Expect, FieldValue, Find, Found, Item, JournalAppend, Journals, Log, Part, Put, Records,
    Store, StreamId, Ticket, Version,
};
use partita_sqlite::{SqliteConfig, SqliteStore};
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn of_64_callers_one_conflicts_and_they_share_flushes() {
    let bench = Bench::new();
    let store = bench.open();
    store.commit(new_record("7")).await.unwrap();
    let before = store.facts();
    let tickets: Vec<_> = (0..64).map(|key| store.submit(new_record(format!("{key}")))).collect();
    let (receipts, errors): (Vec<_>, Vec<_>) = join_all(tickets).await.into_iter().partition(Result::is_ok);
    assert_eq!((receipts.len(), errors.len()), (63, 1));
    let error = errors.into_iter().next().unwrap().unwrap_err();
    let conflict = error.conflict().unwrap();
    assert_eq!((error.kind(), conflict.item), (ErrorKind::Conflict, Item::Put(0)));
    assert!(matches!(&conflict.found, Found::Record(Some(record)) if record.key == "7"));
    let facts = store.facts();
    assert_eq!(facts.commits - before.commits, 63);
    assert!(facts.flushes - before.flushes < 64, "{facts:?}");
}

#[tokio::test]
async fn nothing_of_a_refused_commit_is_left_whatever_its_items() {
    let bench = Bench::new();
    let store = bench.open();
    store.commit(new_record("there")).await.unwrap();
    let stream = StreamId::named("test", "half");
    let half = |order_key: &str, ledger_key: &str| {
        let part = Part::new()
            .append(Append { stream, expect: Version::Empty, events: vec![bench.event("half")] })
            .put(Put::value("order", order_key, Expect::Absent, "{}".to_owned()))
            .put(Put::value("ledger", ledger_key, Expect::Absent, "{}".to_owned()))
            .add("order", "placed", 1);
        let journals = vec![JournalAppend { saga: 1, expect: 0, records: vec![vec![1], vec![2]] }];
        Commit { journals, part, ..Commit::default() }
    };
    let answers = join_all([store.submit(half("a", "there")), store.submit(half("b", "free"))]).await;
    let refused = answers[0].as_ref().unwrap_err().conflict().unwrap().item;
    let applied = answers[1].as_ref().unwrap();
    assert_eq!((refused, &applied.positions[..], &applied.versions[..]), (Item::Put(1), &[1][..], &[0][..]));
    assert_eq!(store.get("order", "a").await.unwrap(), None);
    assert_eq!(store.stream(stream, 0, 10).await.unwrap().len(), 1);
    assert_eq!(store.journal(1, 0, 10).await.unwrap().len(), 2);
    assert_eq!(store.counters("order").await.unwrap(), [("placed".to_owned(), 1)]);
}

#[tokio::test]
async fn the_first_conflict_is_named_in_the_order_journals_appends_puts() {
    let bench = Bench::new();
    let store = bench.open();
    let all = |journal: u32, version: Version, revision: u64| {
        let events = vec![bench.event("order")];
        let part = Part::new()
            .append(Append { stream: StreamId::named("test", "order"), expect: version, events })
            .put(Put::value("order", "one", Expect::Exactly(revision), "{}".to_owned()));
        Commit {
            journals: vec![JournalAppend { saga: 9, expect: journal, records: vec![vec![0]] }],
            part,
            ..Commit::default()
        }
    };
    store
        .commit(Commit::of(Part::new().put(Put::value("order", "one", Expect::Absent, "{}".to_owned()))))
        .await
        .unwrap();
    store.commit(all(0, Version::Empty, 1)).await.unwrap();
    for reopened in [false, true] {
        let store = if reopened { bench_reopen(&bench, &store).await } else { store.clone() };
        for (commit, item) in [
            (all(0, Version::Empty, 1), Item::Journal(0)),
            (all(5, Version::Empty, 1), Item::Journal(0)),
            (all(1, Version::Empty, 1), Item::Append(0)),
            (all(1, Version::Exactly(4), 1), Item::Append(0)),
            (all(1, Version::Exactly(0), 1), Item::Put(0)),
        ] {
            let error = store.commit(commit).await.unwrap_err();
            assert_eq!(error.conflict().map(|conflict| conflict.item), Some(item), "reopened: {reopened}");
        }
    }
}

async fn bench_reopen(bench: &Bench, store: &SqliteStore) -> Arc<SqliteStore> {
    store.close().await;
    bench.open()
}

#[tokio::test]
async fn commits_that_chain_on_one_stream_are_sent_ahead() {
    let bench = Bench::new();
    let store = bench.open();
    let expects = (0..500_u64).map(|n| n.checked_sub(1).map_or(Version::Empty, Version::Exactly));
    let tickets: Vec<_> = expects.map(|expect| store.submit(bench.append("chain", expect))).collect();
    let receipts: Vec<_> = join_all(tickets).await.into_iter().map(Result::unwrap).collect();
    let positions: Vec<u64> = receipts.iter().flat_map(|receipt| receipt.positions.clone()).collect();
    assert_eq!(positions, (1..=500).collect::<Vec<_>>());
    assert!(store.facts().flushes < 500);
}

/// A store with room for four commits, full because another program's lock holds the writer up, which has taken a batch.
#[allow(clippy::disallowed_methods, reason = "the writer is a thread of its own")]
async fn full(bench: &Bench) -> (Arc<SqliteStore>, Connection, Vec<Ticket>) {
    let store = bench.try_open(SqliteConfig { queue: 4, ..SqliteConfig::at(bench.path()) }).unwrap();
    let shell = shell(&bench.path());
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (mut tickets, mut refused_last) = (vec![], 0);
    while refused_last < 20 {
        let ticket = store.submit(new_record(format!("{}", tickets.len())));
        refused_last = if ticket.is_refused() { refused_last + 1 } else { 0 };
        tickets.push(ticket);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    (store, shell, tickets)
}

#[tokio::test]
async fn a_full_queue_answers_busy_and_commit_waits_for_room() {
    let bench = Bench::new();
    let (store, shell, tickets) = full(&bench).await;
    let mut waiting: Vec<_> = (0..20).map(|key| store.commit(new_record(format!("waits {key}")))).collect();
    assert!(waiting.iter_mut().all(|commit| commit.now_or_never().is_none()));
    shell.execute_batch("COMMIT").unwrap();
    let (answers, waited) = tokio::join!(join_all(tickets), join_all(waiting));
    assert!(waited.iter().all(Result::is_ok));
    let (taken, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert!(refused.iter().flat_map(|answer| answer.as_ref().err()).all(|error| error.kind() == ErrorKind::Busy));
    assert!((4..12).contains(&taken.len()), "{} were taken", taken.len());
    assert_eq!(store.page("ledger", None, 1_000).await.unwrap().len(), taken.len() + 20);
}

#[tokio::test]
async fn closing_applies_what_is_queued_and_refuses_who_waits_for_room() {
    let bench = Bench::new();
    let (store, shell, tickets) = full(&bench).await;
    let taken: Vec<_> = tickets.into_iter().filter(|ticket| !ticket.is_refused()).collect();
    let mut waiting = store.commit(new_record("waits"));
    assert!((&mut waiting).now_or_never().is_none());
    let mut closing = store.close();
    assert!((&mut closing).now_or_never().is_none());
    shell.execute_batch("COMMIT").unwrap();
    let (taken, waited, ()) = tokio::join!(join_all(taken), waiting, closing);
    assert!(taken.iter().all(Result::is_ok));
    assert_eq!(waited.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_human_edit_is_seen_by_the_next_read_and_the_next_commit() {
    let bench = Bench::new();
    let store = bench.open();
    store.commit(new_record("edited")).await.unwrap();
    let shell = shell(&bench.path());
    shell.execute_batch("UPDATE ledger SET value = '{\"by\":\"hand\"}', revision = 5, state = 'odd', at = 3").unwrap();
    let record = store.get("ledger", "edited").await.unwrap().unwrap();
    assert_eq!((record.value.as_str(), record.revision), (r#"{"by":"hand"}"#, 5));
    let equals = Some(("state", FieldValue::from("odd")));
    let page = Find { space: "ledger", equals, order_by: "at", descending: false, after: None, limit: 10 };
    assert_eq!(store.find(page).await.unwrap().len(), 1);
    let put = Put::value("ledger", "edited", Expect::Exactly(1), "{}".to_owned());
    let error = store.commit(Commit::of(Part::new().put(put))).await.unwrap_err();
    assert!(matches!(&error.conflict().unwrap().found, Found::Record(Some(record)) if record.revision == 5));
    shell.execute_batch("DELETE FROM ledger").unwrap();
    assert_eq!(store.get("ledger", "edited").await.unwrap(), None);
}

#[tokio::test]
async fn a_row_that_a_table_refuses_fails_its_commit_alone() {
    let bench = Bench::new();
    let store = bench.open();
    shell(&bench.path())
        .execute_batch(
            "CREATE TRIGGER no BEFORE INSERT ON \"order\" WHEN new.key = 'bad' BEGIN SELECT raise(ABORT, 'no'); END",
        )
        .unwrap();
    let order = |key: &str| Commit::of(Part::new().put(Put::value("order", key, Expect::Absent, "{}".to_owned())));
    let tickets: Vec<_> = ["good", "bad", "fine"].map(|key| store.submit(order(key))).into_iter().collect();
    let answers = join_all(tickets).await;
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(store.facts().cannot_write, None);
    assert_eq!(store.page("order", None, 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn close_applies_what_is_queued_and_leaves_one_file() {
    let bench = Bench::new();
    let store = bench.open();
    let tickets: Vec<_> = (0..100).map(|key| store.submit(bench.append(&format!("{key}"), Version::Empty))).collect();
    store.close().await;
    assert!(join_all(tickets).await.iter().all(Result::is_ok));
    assert_eq!(store.submit(new_record("late")).await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(store.head().await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(store.grown(100).await.unwrap_err().kind(), ErrorKind::Closed);
    store.close().await;
    assert!(!bench.path().with_extension("db-wal").exists());
    assert_eq!(bench.open().head().await.unwrap().position, 100);
}
