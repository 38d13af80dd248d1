//! Reading the log: its head, its streams, what is behind a checkpoint, and waiting for it to grow.

use crate::conformance::given::{append, put, start, stream};
use crate::conformance::observe::receipts;
use crate::conformance::verdict::{ensure, equal};
use crate::conformance::{Objection, Rig, Verdict};
use partita_core::{Checkpoint, Commit, ErrorKind, Expect, Flow, LogId, Store, Version};
use partita_time::timeout;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use uuid::Uuid;

/// Ten events: six of stream a, four of stream b, alternating at first.
async fn furnished(rig: &Rig<'_>) -> Result<Arc<dyn Store>, Objection> {
    let store = rig.open().await?;
    let mut versions = [Version::Empty; 2];
    for n in [0, 1, 0, 1, 0, 1, 0, 1, 0, 0] {
        let part = append(["a", "b"][n], versions[n], rig.events(1)?);
        versions[n] = Version::Exactly(store.commit(Commit::of(part)).await?.versions[0]);
    }
    Ok(store)
}

/// Whatever else is in the store.
pub async fn an_empty_log_ends_at_position_0(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    equal!(store.head().await?.position, 0, "the head of an empty log");
    store.commit(Commit::of(put("k", Expect::Absent, "1"))).await?;
    let head = store.head().await?;
    equal!(head.position, 0, "the head of a log that is still empty");
    ensure!(store.behind(start(head.log), 9).await?.is_empty(), "an empty log has events");
    Ok(())
}

/// The identity does not change while the log grows.
pub async fn the_head_has_the_logs_identity_and_newest_position(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let log = store.head().await?.log;
    store.commit(Commit::of(append("s", Version::Empty, rig.events(3)?))).await?;
    let head = store.head().await?;
    equal!((head.log, head.position), (log, 3), "identity and position of the head");
    Ok(())
}

/// Two media never share an identity.
pub async fn each_log_has_an_identity_of_its_own(rig: &Rig<'_>) -> Verdict {
    let other = rig.another();
    let (store, another) = (rig.open().await?, other.open().await?);
    ensure!(store.head().await?.log.uuid != another.head().await?.log.uuid, "two logs share their identity");
    Ok(())
}

/// Pages of a stream.
pub async fn a_stream_reads_oldest_first_from_a_version_on_within_the_limit(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    let cases: [(u64, usize, &[u64]); 7] = [
        (0, 99, &[0, 1, 2, 3, 4, 5]),
        (0, 2, &[0, 1]),
        (2, 3, &[2, 3, 4]),
        (5, 9, &[5]),
        (6, 9, &[]),
        (u64::MAX, 9, &[]),
        (3, usize::MAX, &[3, 4, 5]),
    ];
    for (from, limit, wanted) in cases {
        let events = store.stream(stream("a"), from, limit).await?;
        let versions: Vec<u64> = events.iter().map(|event| event.version).collect();
        equal!(versions, wanted, "versions from {from} on, at most {limit}");
        ensure!(events.iter().all(|event| event.stream == stream("a")), "an event of another stream");
    }
    Ok(())
}

/// Not an error: it has no events yet.
pub async fn an_unknown_stream_is_empty(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    ensure!(store.stream(stream("none"), 0, 9).await?.is_empty(), "an unknown stream has events");
    Ok(())
}

/// Pages of the whole log.
pub async fn the_log_reads_oldest_first_behind_a_checkpoint_within_the_limit(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    let log = store.head().await?.log;
    let cases: [(u64, usize, &[u64]); 6] = [
        (0, 3, &[1, 2, 3]),
        (3, 2, &[4, 5]),
        (8, 99, &[9, 10]),
        (9, 1, &[10]),
        (10, 9, &[]),
        (7, usize::MAX, &[8, 9, 10]),
    ];
    for (position, limit, wanted) in cases {
        let events = store.behind(Checkpoint { log, position }, limit).await?;
        let places: Vec<u64> = events.iter().map(|event| event.position).collect();
        equal!(places, wanted, "positions behind {position}, at most {limit}");
    }
    Ok(())
}

/// A limit of nothing is a page of nothing.
pub async fn a_limit_of_0_reads_nothing(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    let log = store.head().await?.log;
    ensure!(store.stream(stream("a"), 0, 0).await?.is_empty(), "a stream read with limit 0 has events");
    ensure!(store.behind(start(log), 0).await?.is_empty(), "a log read with limit 0 has events");
    ensure!(store.journal(1, 0, 0).await?.is_empty(), "a journal read with limit 0 has records");
    Ok(())
}

/// Another log, and another restore of the same one.
pub async fn a_checkpoint_of_another_log_is_a_mismatch(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    let log = store.head().await?.log;
    let another = LogId { uuid: Uuid::from_bytes([7; 16]), ..log };
    let restored = LogId { restore_epoch: log.restore_epoch + 1, ..log };
    for log in [another, restored] {
        for position in [0, 3, 10, 11] {
            mismatch(&*store, Checkpoint { log, position }).await?;
        }
    }
    Ok(())
}

/// It was handled once, and is gone: the log was restored from an older copy.
pub async fn a_checkpoint_ahead_of_the_log_is_a_mismatch(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    let log = store.head().await?.log;
    for position in [11, 1_000, u64::MAX] {
        mismatch(&*store, Checkpoint { log, position }).await?;
    }
    Ok(())
}

async fn mismatch(store: &dyn Store, checkpoint: Checkpoint) -> Verdict {
    match store.behind(checkpoint, 9).await {
        Ok(events) => Err(Objection::broken(format!("{} events behind {checkpoint:?}", events.len()))),
        Err(error) => {
            equal!(error.kind(), ErrorKind::LogMismatch, "the kind of {error:?}");
            Ok(())
        }
    }
}

/// A reader in step with four writers sees each position once, in order.
pub async fn a_reader_that_follows_skips_nothing_and_never_goes_back(rig: &Rig<'_>) -> Verdict {
    const EVENTS: u64 = 400;
    let store = rig.open().await?;
    let log = store.head().await?.log;
    let mut tickets = Vec::new();
    let mut seen = 0;
    for n in 0..EVENTS / 4 {
        for writer in 0..4 {
            let expect = if n == 0 { Version::Empty } else { Version::Exactly(n - 1) };
            tickets.push(store.submit(Commit::of(append(&format!("w{writer}"), expect, rig.events(1)?))));
        }
        seen = follow(&*store, Checkpoint { log, position: seen }).await?;
    }
    receipts(tickets).await?;
    while seen < EVENTS {
        let before = seen;
        seen = follow(&*store, Checkpoint { log, position: seen }).await?;
        ensure!(seen > before, "all commits have receipts, but nothing is behind {seen}");
    }
    Ok(())
}

async fn follow(store: &dyn Store, checkpoint: Checkpoint) -> Result<u64, Objection> {
    let mut last = checkpoint.position;
    for event in store.behind(checkpoint, Flow::PAGE).await? {
        equal!(event.position, last + 1, "the position behind {last}");
        last = event.position;
    }
    Ok(last)
}

/// No commit is needed to wake it.
pub async fn grown_answers_at_once_when_the_log_is_beyond_already(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    for beyond in [0, 5, 9] {
        equal!(store.grown(beyond).await?, 10, "what the log has grown to beyond {beyond}");
    }
    Ok(())
}

/// Only a position beyond the one it waits for ends the wait.
pub async fn grown_wakes_when_the_log_goes_beyond_the_position(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    let clock = rig.host().clock.clone();
    let mut grown = store.grown(11);
    let waits = timeout(&*clock, Duration::ZERO, &mut grown).await.is_err();
    ensure!(waits, "grown(11) ended while the head is 10");
    store.commit(Commit::of(put("k", Expect::Absent, "1"))).await?;
    store.commit(Commit::of(append("c", Version::Empty, rig.events(1)?))).await?;
    let waits = timeout(&*clock, Duration::ZERO, &mut grown).await.is_err();
    ensure!(waits, "grown(11) ended while the head is 11");
    store.commit(Commit::of(append("c", Version::Exactly(0), rig.events(2)?))).await?;
    let head = timeout(&*clock, Duration::from_secs(10), grown).await;
    let head = head.map_err(|_| Objection::broken("grown(11) still waits while the head is 13"))??;
    equal!(head, 13, "what the log has grown to");
    Ok(())
}

/// All who wait are woken, each for its own position.
pub async fn all_who_wait_for_growth_are_woken(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let mut work: Vec<partita_time::BoxFuture<'static, Result<bool, Objection>>> = Vec::new();
    for beyond in 0..20 {
        let store = store.clone();
        work.push(Box::pin(async move { Ok(store.grown(beyond).await? > beyond) }));
    }
    let events = rig.events(20)?;
    work.push(Box::pin(async move {
        for (n, event) in (0_u64..).zip(events) {
            let expect = if n == 0 { Version::Empty } else { Version::Exactly(n - 1) };
            store.commit(Commit::of(append("s", expect, vec![event]))).await?;
        }
        Ok(true)
    }));
    for woken in crate::conformance::rig::together(work).await? {
        ensure!(woken?, "grown ended with a position that is not beyond the one it waited for");
    }
    Ok(())
}

/// Counts how often the wait is polled while nothing happens.
pub async fn grown_waits_without_polling(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    let (mut polls, mut grown) = (0, store.grown(10));
    let counted = poll_fn(|cx| {
        polls += 1;
        grown.as_mut().poll(cx)
    });
    let mut counted = pin!(counted);
    let mut quiet = rig.host().clock.sleep(Duration::from_millis(200));
    poll_fn(|cx| match counted.as_mut().poll(cx) {
        Poll::Ready(_) => Poll::Ready(Err(Objection::broken("grown(10) ended while the head is 10"))),
        Poll::Pending => quiet.as_mut().poll(cx).map(Ok),
    })
    .await?;
    ensure!(polls <= 3, "grown was woken {polls} times in 200 ms in which nothing happened");
    Ok(())
}
