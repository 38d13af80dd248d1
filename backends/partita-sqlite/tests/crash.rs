//! What a `kill -9` leaves. The victim is this test binary, started again.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test may")]

mod common;

use common::Bench;
use partita_core::{
    Append, Commit, ErrorKind, Expect, JournalAppend, Journals, Log, Part, Put, Records, Store, StreamId, Version,
};
use partita_sqlite::SqliteConfig;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

const VICTIM: &str = "PARTITA_SQLITE_VICTIM";

/// One event, one record and one journal record that are there together or not at all.
fn three(bench: &Bench, number: u64) -> Commit {
    let stream = StreamId::named("three", &format!("{number}"));
    let part = Part::new()
        .append(Append { stream, expect: Version::Empty, events: vec![bench.event("three")] })
        .put(Put::value("order", format!("{number:08}"), Expect::Absent, "{}".to_owned()));
    let journals = vec![JournalAppend { saga: number, expect: 0, records: vec![vec![7; 300]] }];
    Commit { journals, part, ..Commit::default() }
}

/// Started by the other tests, it commits until it is killed, from several tasks, and prints the number of each
/// acknowledged commit. By itself it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::disallowed_methods, reason = "a victim has no simulated host")]
async fn victim() {
    let Some(path) = std::env::var_os(VICTIM) else { return };
    let bench = Arc::new(Bench::new());
    let store = bench.try_open(SqliteConfig { wal_limit_bytes: 4 << 20, ..SqliteConfig::at(path) }).unwrap();
    let start = store.page("order", None, usize::MAX).await.unwrap().len() as u64;
    println!("open");
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let (store, bench) = (store.clone(), bench.clone());
            tokio::spawn(async move {
                for number in (start + task..).step_by(8) {
                    store.commit(three(&bench, 1_000_000 * store.incarnation() + number)).await.unwrap();
                    println!("ack {}", 1_000_000 * store.incarnation() + number);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

fn start_victim(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--nocapture"])
        .env(VICTIM, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills it after so many acknowledged commits; returns all that it had printed.
fn kill_after(mut victim: Child, commits: usize) -> Vec<u64> {
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines().map_while(Result::ok);
    let number = |line: String| line.strip_prefix("ack ")?.parse::<u64>().ok();
    let mut acknowledged: Vec<u64> = lines.by_ref().filter_map(number).take(commits).collect();
    victim.kill().unwrap();
    assert_eq!(acknowledged.len(), commits, "it ended by itself");
    acknowledged.extend(lines.filter_map(number));
    victim.wait().unwrap();
    acknowledged
}

#[tokio::test]
async fn every_acknowledged_commit_survives_kill_9_and_none_is_there_by_half() {
    let bench = Bench::new();
    let mut acknowledged = vec![];
    for commits in [1, 300, 2_000, 50, 700] {
        acknowledged.extend(kill_after(start_victim(&bench.path()), commits));
    }
    let store = bench.open();
    assert_eq!(store.incarnation(), 6, "each start needed no hand");
    let records = store.page("order", None, usize::MAX).await.unwrap();
    for number in &acknowledged {
        assert!(
            records.binary_search_by(|record| record.key.as_str().cmp(&format!("{number:08}"))).is_ok(),
            "{number} is lost"
        );
    }
    assert_eq!(store.head().await.unwrap().position, records.len() as u64);
    for record in &records {
        let number: u64 = record.key.parse().unwrap();
        let stream = StreamId::named("three", &format!("{number}"));
        assert_eq!(store.stream(stream, 0, 10).await.unwrap().len(), 1);
        assert_eq!(store.journal(number, 0, 10).await.unwrap().len(), 1);
    }
    let sound: String = common::shell(&bench.path()).query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}

#[tokio::test]
async fn a_second_process_is_refused_at_once_and_told_by_whom() {
    let bench = Bench::new();
    let mut victim = start_victim(&bench.path());
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains("open")));
    let error = bench.try_open(SqliteConfig::at(bench.path())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse);
    assert!(error.to_string().contains(&format!("pid: {}", victim.id())), "{error}");
    assert!(lines.by_ref().filter(|line| line.starts_with("ack")).take(20).count() == 20, "the first goes on");
    victim.kill().unwrap();
    victim.wait().unwrap();
    bench.open().close().await;
}
