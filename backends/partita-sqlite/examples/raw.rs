//! Prints how fast this machine commits: `cargo run --release -p partita-sqlite --example raw [folder]`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a measurement for a human to look at"
)]

use partita_core::{Append, Commit, Envelope, EventId, Part, Receipt, Result, Store, StreamId, Version};
use partita_core::{Expect, Put, Space};
use partita_sqlite::{SqliteConfig, SqliteStore};
use partita_time::Host;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const RUN: Duration = Duration::from_secs(4);

#[tokio::main]
async fn main() -> Result<()> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, Into::into);
    let folder = tempfile::tempdir_in(folder).unwrap();
    let (host, _tasks) = Host::system();
    for (name, callers, record) in [
        ("1 caller", 1, false),
        ("64 callers", 64, false),
        ("256 callers", 256, false),
        ("256 callers, event + record", 256, true),
    ] {
        let store = open(&folder, &host)?;
        many(name, &store, &host, callers, record).await;
        store.close().await;
    }
    let store = open(&folder, &host)?;
    bare(&folder);
    chain(&store, &host).await;
    store.close().await;
    Ok(())
}

fn open(folder: &tempfile::TempDir, host: &Host) -> Result<Arc<SqliteStore>> {
    SqliteStore::open(SqliteConfig::at(folder.path().join("raw.db")), vec![Space::named("ledger")], host)
}

fn event(host: &Host) -> Envelope {
    let data = RawValue::from_string(format!("\"{}\"", "x".repeat(298))).unwrap();
    let time = host.clock.now();
    Envelope {
        id: EventId::new(time, &host.entropy),
        source: "/raw".into(),
        kind: "raw.happened".into(),
        time,
        subject: None,
        schema_version: 1,
        correlation_id: None,
        causation_id: None,
        traceparent: None,
        data,
    }
}

async fn append(
    store: &SqliteStore,
    host: &Host,
    stream: StreamId,
    expect: Version,
    record: Option<String>,
) -> Result<Receipt> {
    let mut part = Part::new().append(Append { stream, expect, events: vec![event(host)] });
    if let Some(key) = record {
        part = part.put(Put::value("ledger", key, Expect::Any, format!("{{\"text\":\"{}\"}}", "y".repeat(200))));
    }
    store.commit(Commit::of(part)).await
}

async fn many(name: &str, store: &Arc<SqliteStore>, host: &Host, callers: u64, record: bool) {
    let before = store.facts();
    let (started, wal) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (store, host, wal) = (store.clone(), host.clone(), wal.clone());
            tokio::spawn(async move {
                let stream = StreamId::named("raw", &format!("{}-{caller}", host.entropy.next_u64()));
                let mut expect = Version::Empty;
                while started.elapsed() < RUN {
                    let key = record.then(|| format!("{caller}-{}", host.entropy.next_u64()));
                    let receipt = append(&store, &host, stream, expect, key).await.unwrap();
                    expect = Version::Exactly(receipt.versions[0]);
                    wal.fetch_max(store.facts().wal_bytes, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let (facts, seconds) = (store.facts(), started.elapsed().as_secs_f64());
    let commits = (facts.commits - before.commits) as f64;
    let flushes = (facts.flushes - before.flushes) as f64;
    let writer_us = (facts.writer_us - before.writer_us) as f64;
    println!(
        "{name:30} {:8.0} commits/s  {:5.1} commits a flush  {:6.1} writer us a commit  log at most {:5.1} MiB",
        commits / seconds,
        commits / flushes,
        writer_us / commits,
        wal.load(Ordering::Relaxed) as f64 / 1_048_576.0
    );
}

/// The same rows by one thread and no store: what this machine allows.
fn bare(folder: &tempfile::TempDir) {
    let connection = rusqlite::Connection::open(folder.path().join("bare.db")).unwrap();
    connection.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE e (pos INTEGER PRIMARY KEY, stream BLOB, version INTEGER, data TEXT, UNIQUE (stream, version))").unwrap();
    let mut took = hdrhistogram::Histogram::<u64>::new(3).unwrap();
    let data = "x".repeat(300);
    for _ in 0..1_000 {
        let started = Instant::now();
        for version in 0..5 {
            let mut insert =
                connection.prepare_cached("INSERT INTO e (stream, version, data) VALUES (?1, ?2, ?3)").unwrap();
            insert.execute(rusqlite::params![i64::try_from(took.len()).unwrap(), version, data]).unwrap();
        }
        took.record(u64::try_from(started.elapsed().as_micros()).unwrap()).unwrap();
    }
    println!("five bare commits:    p50 {} us, p99 {} us", took.value_at_quantile(0.5), took.value_at_quantile(0.99));
}

async fn chain(store: &Arc<SqliteStore>, host: &Host) {
    let mut took = hdrhistogram::Histogram::<u64>::new(3).unwrap();
    for round in 0..1_000 {
        let stream = StreamId::named("chain", &format!("{round}"));
        let started = Instant::now();
        let mut expect = Version::Empty;
        for _ in 0..5 {
            let receipt = append(store, host, stream, expect, None).await.unwrap();
            expect = Version::Exactly(receipt.versions[0]);
        }
        took.record(u64::try_from(started.elapsed().as_micros()).unwrap()).unwrap();
    }
    println!("five chained commits: p50 {} us, p99 {} us", took.value_at_quantile(0.5), took.value_at_quantile(0.99));
}
