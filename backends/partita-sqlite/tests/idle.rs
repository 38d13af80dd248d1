//! An idle store sleeps.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use common::{Bench, new_record};
use partita_core::{Log, Store};
use std::time::Duration;

/// How often each thread of the store went to sleep, which is how often it was awake.
fn sleeps() -> Vec<(String, u64)> {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().map(|entry| entry.unwrap().path());
    let mut sleeps: Vec<(String, u64)> = threads
        .filter_map(|thread| {
            let name = std::fs::read_to_string(thread.join("comm")).ok()?.trim().to_owned();
            let status = std::fs::read_to_string(thread.join("status")).ok()?;
            let count =
                status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?.trim().parse().ok()?;
            name.starts_with("sqlite-").then_some((name, count))
        })
        .collect();
    sleeps.sort();
    sleeps
}

#[tokio::test]
#[allow(clippy::disallowed_methods, reason = "real time must pass for threads that must not use it")]
async fn an_idle_store_wakes_no_thread_and_flushes_nothing() {
    let bench = Bench::new();
    let store = bench.open();
    let reader = store.grown(1_000);
    for key in 0..100 {
        store.commit(new_record(format!("{key}"))).await.unwrap();
    }
    assert!(store.facts().wal_bytes > 0);
    while store.facts().wal_bytes > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (flushes, before) = (store.facts().flushes, sleeps());
    assert_eq!(before.len(), 4, "{before:?}");
    assert!(tokio::time::timeout(Duration::from_secs(3), reader).await.is_err());
    assert_eq!(sleeps(), before);
    assert_eq!(store.facts().flushes, flushes);
    store.close().await;
}
