//! Fences, opening again, and closing.

use crate::conformance::given::{PLAIN, TASKS, append, at, journal, order, plain, put, puts, stream, task};
use crate::conformance::observe::{answers, everything, failed, receipts};
use crate::conformance::verdict::{ensure, equal};
use crate::conformance::{Objection, Rig, Verdict};
use partita_core::{Checkpoint, Commit, ErrorKind, Expect, Fence, Prune, SHARDS, Store, Version};
use std::sync::Arc;

fn fenced(fence: Fence, key: &str) -> Commit {
    Commit { fence: Some(fence), ..Commit::of(put(key, Expect::Absent, "1")) }
}

/// The epoch in hand is the newest.
pub async fn a_commit_under_the_current_fence_applies(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    for shard in [0, 1, SHARDS - 1] {
        let fence = store.fence(shard);
        equal!(fence.shard, shard, "the shard of a fence");
        store.commit(fenced(fence, &format!("k{shard}"))).await?;
        store.commit(fenced(store.fence(shard), &format!("l{shard}"))).await?;
    }
    equal!(store.page(PLAIN, None, 9).await?.len(), 6, "records put under fences");
    Ok(())
}

/// Whatever else it holds, and even if it would conflict.
pub async fn an_older_epoch_is_fenced_and_nothing_applied(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(Commit::of(put("taken", Expect::Absent, "1"))).await?;
    let before = everything(&*store).await?;
    let fence = store.fence(5);
    let older = Fence { epoch: fence.epoch - 1, ..fence };
    failed(store.submit(fenced(older, "k")).await, ErrorKind::Fenced)?;
    failed(store.commit(fenced(older, "taken")).await, ErrorKind::Fenced)?;
    let mut part = append("s", Version::Empty, rig.events(2)?).put(task("t", 1)).put(order("o", "ann", 1));
    part = part.add(TASKS, "c", 1);
    let prunes = vec![Prune::Journal { saga: 1 }];
    let all = Commit { fence: Some(older), journals: vec![journal(1, 0, &[b"1"])], prunes, part };
    failed(store.commit(all.clone()).await, ErrorKind::Fenced)?;
    equal!(everything(&*store).await?, before, "what a fenced commit left");
    store.commit(Commit { fence: Some(fence), ..all }).await?;
    Ok(())
}

/// Its neighbours in the batch apply.
pub async fn a_fenced_commit_fails_alone(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let fence = store.fence(1);
    let older = Fence { epoch: fence.epoch - 1, ..fence };
    let mut tickets = Vec::new();
    for n in 0..30 {
        tickets.push(store.submit(fenced(if n % 3 == 1 { older } else { fence }, &format!("k{n}"))));
    }
    for (n, answer) in answers(tickets).await.into_iter().enumerate() {
        if n % 3 == 1 {
            failed(answer, ErrorKind::Fenced)?;
        } else {
            answer?;
        }
    }
    equal!(store.page(PLAIN, None, 99).await?.len(), 20, "records of commits under the current fence");
    Ok(())
}

/// Numbered from 1.
pub async fn the_first_opening_has_the_incarnation_1(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    equal!(store.incarnation(), 1, "the incarnation of the first opening");
    ensure!(store.fence(0).epoch > 0, "the first epoch is 0, and none can be older");
    Ok(())
}

/// Of all shards.
pub async fn each_opening_raises_the_incarnation_and_all_epochs(rig: &Rig<'_>) -> Verdict {
    rig.needs_restart()?;
    let mut store = rig.open().await?;
    for _ in 0..3 {
        let (incarnation, fences) = (store.incarnation(), fences(&*store));
        store.commit(fenced(store.fence(9), &format!("k{incarnation}"))).await?;
        store = rig.reopen(store).await?;
        ensure!(store.incarnation() > incarnation, "two openings share the incarnation {incarnation}");
        for (before, now) in fences.into_iter().zip(self::fences(&*store)) {
            ensure!(now.epoch > before.epoch, "an opening left {before:?} at {now:?}");
            failed(store.commit(fenced(before, "stale")).await, ErrorKind::Fenced)?;
        }
        store.commit(fenced(store.fence(9), &format!("l{incarnation}"))).await?;
    }
    Ok(())
}

fn fences(store: &dyn Store) -> Vec<Fence> {
    (0..SHARDS).map(|shard| store.fence(shard)).collect()
}

/// The earlier opening is a process that was paused, and goes on too late.
pub async fn an_earlier_opening_is_fenced_by_a_later_one(rig: &Rig<'_>) -> Verdict {
    rig.needs_concurrent_open()?;
    let first = rig.open().await?;
    first.commit(fenced(first.fence(2), "first")).await?;
    let second = rig.open().await?;
    ensure!(second.incarnation() > first.incarnation(), "two openings share an incarnation");
    failed(first.commit(fenced(first.fence(2), "late")).await, ErrorKind::Fenced)?;
    second.commit(fenced(second.fence(2), "second")).await?;
    failed(first.commit(fenced(first.fence(2), "later")).await, ErrorKind::Fenced)?;
    equal!(crate::conformance::observe::keys(&second.page(PLAIN, None, 9).await?), ["first", "second"], "records");
    Ok(())
}

async fn furnished(rig: &Rig<'_>) -> Result<Arc<dyn Store>, Objection> {
    let store = rig.open().await?;
    let mut part = append("a", Version::Empty, rig.events(3)?).put(task("t", 5)).put(order("o", "ann", 5));
    part.extend(append("b", Version::Empty, rig.events(2)?));
    part = part.put(plain("k", Expect::Absent, "1").keep_until(at(7))).add(TASKS, "c", -4);
    store.commit(Commit { journals: vec![journal(1, 0, &[b"1", b"2"])], ..Commit::of(part) }).await?;
    store.commit(Commit::of(put("k", Expect::Exactly(1), "2"))).await?;
    Ok(store)
}

/// All that can be read, twice over.
pub async fn what_was_committed_is_there_after_opening_again(rig: &Rig<'_>) -> Verdict {
    rig.needs_restart()?;
    let mut store = furnished(rig).await?;
    let before = everything(&*store).await?;
    for _ in 0..2 {
        store = rig.reopen(store).await?;
        equal!(everything(&*store).await?, before, "what is there after opening again");
    }
    Ok(())
}

/// The log is the same one, and goes on where it ended.
pub async fn the_log_goes_on_after_opening_again(rig: &Rig<'_>) -> Verdict {
    rig.needs_restart()?;
    let store = furnished(rig).await?;
    let before = store.head().await?;
    let store = rig.reopen(store).await?;
    equal!(store.head().await?, before, "the head after opening again");
    let grown = store.grown(before.position - 1).await?;
    equal!(grown, before.position, "what the log had grown to before");
    let receipt = store.commit(Commit::of(append("a", Version::Exactly(2), rig.events(1)?))).await?;
    equal!((receipt.positions, receipt.versions), (vec![6], vec![3]), "position and version of the next event");
    let behind = store.behind(Checkpoint { log: before.log, position: before.position }, 9).await?;
    equal!(behind.len(), 1, "events behind a checkpoint from before");
    Ok(())
}

/// Revisions, counters, journals, streams and keeping go on from what they were.
pub async fn expectations_hold_across_openings(rig: &Rig<'_>) -> Verdict {
    rig.needs_restart()?;
    let store = furnished(rig).await?;
    let store = rig.reopen(store).await?;
    let mut part = append("b", Version::Exactly(1), rig.events(1)?).put(plain("k", Expect::Exactly(2), "3"));
    part = part.add(TASKS, "c", 5);
    store.commit(Commit { journals: vec![journal(1, 2, &[b"3"])], ..Commit::of(part) }).await?;
    equal!(store.counters(TASKS).await?, [("c".to_owned(), 1)], "a counter moved before and after");
    failed(store.commit(puts([task("t", 9)])).await, ErrorKind::Conflict)?;
    failed(store.commit(Commit::of(append("a", Version::Empty, rig.events(1)?))).await, ErrorKind::Conflict)?;
    equal!(store.stream(stream("b"), 0, 9).await?.len(), 3, "events of a stream that went on");
    Ok(())
}

/// Tickets of before are answered, and what they say holds.
pub async fn closing_applies_what_is_queued(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let tickets: Vec<_> =
        (0..100).map(|n| store.submit(Commit::of(put(&format!("k{n:02}"), Expect::Absent, "1")))).collect();
    store.close().await;
    receipts(tickets).await?;
    if rig.capabilities().restart {
        let store = rig.reopen(store).await?;
        equal!(store.page(PLAIN, None, 999).await?.len(), 100, "records of commits that were queued at the close");
    }
    Ok(())
}

/// Neither way of handing it in has an effect.
pub async fn what_comes_after_the_close_is_closed_without_effect(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(Commit::of(put("before", Expect::Absent, "1"))).await?;
    store.close().await;
    let ticket = store.submit(Commit::of(put("after", Expect::Absent, "1")));
    ensure!(ticket.is_refused(), "a closed store enqueued a commit");
    failed(ticket.await, ErrorKind::Closed)?;
    failed(store.commit(Commit::of(put("after", Expect::Absent, "1"))).await, ErrorKind::Closed)?;
    if rig.capabilities().restart {
        let store = rig.reopen(store).await?;
        equal!(store.get(PLAIN, "after").await?, None, "a record that was put after the close");
    }
    Ok(())
}

/// One after the other, and both at once.
pub async fn closing_twice_returns(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    drop(store.submit(Commit::of(put("k", Expect::Absent, "1"))));
    let closes = (0..4).map(|_| {
        let store = store.clone();
        async move { store.close().await }
    });
    crate::conformance::rig::together(closes).await?;
    store.close().await;
    Ok(())
}

/// Callers who submit while another closes are all answered: applied, or closed without effect.
pub async fn whoever_submits_during_the_close_is_answered(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let callers = (0..32).map(|caller| {
        let store = store.clone();
        async move {
            let mut good = Vec::new();
            for n in 0..1_000 {
                let key = format!("k{caller}.{n}");
                match store.commit(Commit::of(put(&key, Expect::Absent, "1"))).await {
                    Ok(_) => good.push(key),
                    Err(error) => return failed(Err(error), ErrorKind::Closed).map(|_| good),
                }
                if caller == 0 && n == 5 {
                    store.close().await;
                }
            }
            Ok(good)
        }
    });
    let mut good = Vec::new();
    for keys in crate::conformance::rig::together(callers).await? {
        good.extend(keys?);
    }
    if rig.capabilities().restart {
        let store = rig.reopen(store).await?;
        let kept: Vec<String> =
            store.page(PLAIN, None, usize::MAX).await?.into_iter().map(|record| record.key).collect();
        good.sort();
        equal!(kept, good, "records after a close in the midst of commits, against the receipts");
    }
    Ok(())
}
