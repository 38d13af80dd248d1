//! What the memory store adds to the rules of the kit: crashes on purpose, and runs that repeat.

use partita_core::memory::{MemoryDisk, MemoryStore};
use partita_core::{
    Append, Commit, ErrorKind, Expect, Log, NewEvent, Part, Put, Records, Result, Space, Store, StreamId, Version,
};
use partita_time::{Clock, Entropy, Host, Spawner, TaskGroup, Timestamp, TokioClock};
use std::sync::Arc;

fn host(seed: u64) -> (Host, TaskGroup) {
    let group = TaskGroup::new();
    let clock: Arc<dyn Clock> = Arc::new(TokioClock::anchored(Timestamp::from_millis(1_795_248_000_000)));
    let spawner: Arc<dyn Spawner> = Arc::new(group.clone());
    (Host { clock, spawner, entropy: Arc::new(Entropy::seeded(seed)) }, group)
}

fn spaces() -> Vec<Space> {
    vec![Space::named("plain")]
}

fn put(key: &str) -> Commit {
    Commit::of(Part::new().put(Put::value("plain", key, Expect::Absent, "1".to_owned())))
}

#[tokio::test(start_paused = true)]
async fn ending_the_task_group_loses_what_is_queued_and_keeps_what_applied() {
    let disk = MemoryDisk::new();
    let (first, group) = host(1);
    let store = MemoryStore::open(&disk, spaces(), &first);
    store.submit(put("applied")).await.unwrap();
    let queued = store.submit(put("queued"));
    group.end().await;
    drop((queued, store));

    let (second, _group) = host(2);
    let store = MemoryStore::open(&disk, spaces(), &second);
    assert!(store.get("plain", "applied").await.unwrap().is_some());
    assert!(store.get("plain", "queued").await.unwrap().is_none());
    assert_eq!(store.incarnation(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_submitted_after_the_crash_never_applies() {
    let disk = MemoryDisk::new();
    let (first, group) = host(1);
    let store = MemoryStore::open(&disk, spaces(), &first);
    group.end().await;
    drop(store.submit(put("late")));
    tokio::task::yield_now().await;
    assert!(store.get("plain", "late").await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn closing_after_the_crash_returns() {
    let (first, group) = host(1);
    let store = MemoryStore::open(&MemoryDisk::new(), spaces(), &first);
    drop(store.submit(put("queued")));
    group.end().await;
    store.close().await;
    assert_eq!(store.submit(put("late")).await.unwrap_err().kind(), ErrorKind::Closed);
}

async fn trace(seed: u64) -> Result<Vec<String>> {
    let (host, _group) = host(seed);
    let store = MemoryStore::open(&MemoryDisk::new(), spaces(), &host);
    let log = store.head().await?.log;
    let mut trace = vec![format!("{log:?}")];
    for n in 0..5_u64 {
        let event = NewEvent::new("happened", "s", &n)?.seal("/test", &host);
        trace.push(event.id.to_string());
        let expect = if n == 0 { Version::Empty } else { Version::Exactly(n - 1) };
        let append = Append { stream: StreamId::named("test", "s"), expect, events: vec![event] };
        let receipt = store.submit(Commit::of(Part::new().append(append))).await?;
        trace.push(format!("{receipt:?}"));
    }
    Ok(trace)
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_ids_and_receipts() {
    let [once, again, other] = [trace(7).await.unwrap(), trace(7).await.unwrap(), trace(8).await.unwrap()];
    assert_eq!(once, again);
    assert_ne!(once, other);
}
