//! What a receipt promises.

use crate::conformance::given::{ORDERS, TASKS, append, at, journal, order, plain, put, start, stream, task};
use crate::conformance::observe::{answers, everything, receipts};
use crate::conformance::verdict::{ensure, equal};
use crate::conformance::{Objection, Rig, Verdict};
use partita_core::{Commit, Expect, Receipt, Store, Version};

/// Commits that touch each kind of thing, and looks at each with reads begun after the receipt.
pub async fn a_read_begun_after_a_receipt_sees_the_commit(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    for n in 0..50_u32 {
        let key = format!("k{n:02}");
        let due = i64::from(n);
        let mut part = append("s", Version::Any, rig.events(1)?).put(task(&key, due)).put(order(&key, "ann", due));
        part = part.add(TASKS, "moved", 1);
        let commit = Commit { journals: vec![journal(1, n, &[b"entry"])], ..Commit::of(part) };
        let receipt = store.submit(commit).await?;
        see(&*store, n, &receipt).await?;
    }
    Ok(())
}

async fn see(store: &dyn Store, n: u32, receipt: &Receipt) -> Verdict {
    let (key, seen) = (format!("k{n:02}"), n as usize + 1);
    let head = store.head().await?;
    ensure!(receipt.positions == [head.position], "the head {head:?} is not that of {receipt:?}");
    equal!(store.stream(stream("s"), u64::from(n), 9).await?.len(), 1, "events of the stream from version {n} on");
    equal!(store.behind(start(head.log), 99).await?.len(), seen, "events of the log");
    ensure!(store.get(TASKS, &key).await?.is_some(), "the record {key:?} is not there after its receipt");
    equal!(store.page(ORDERS, None, 99).await?.len(), seen, "records of a space");
    equal!(store.find(super::super::given::of_customer("ann")).await?.len(), seen, "records found");
    let page = partita_core::DuePage { space: TASKS, until: at(i64::from(n)), after: None, limit: 99 };
    equal!(store.due(page).await?.len(), seen, "records due");
    equal!(store.counters(TASKS).await?, [("moved".to_owned(), i64::from(n) + 1)], "counters");
    equal!(store.journal(1, n, 9).await?.len(), 1, "records of the journal from {n} on");
    Ok(())
}

/// Readers in tasks of their own, each begun by a receipt.
pub async fn readers_elsewhere_see_it_too(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let work = (0..64).map(|n| {
        let store = store.clone();
        async move {
            let key = format!("k{n}");
            store.commit(Commit::of(put(&key, Expect::Absent, "1"))).await?;
            Ok::<_, Objection>(store.get(super::super::given::PLAIN, &key).await?.is_some())
        }
    });
    for seen in crate::conformance::rig::together(work).await? {
        ensure!(seen?, "a read begun after a receipt did not see the commit");
    }
    Ok(())
}

/// As far as a process can see by itself; only pulling the plug shows the rest.
pub async fn what_has_a_receipt_is_there_after_a_restart(rig: &Rig<'_>) -> Verdict {
    rig.needs_restart()?;
    let store = rig.open().await?;
    let tickets = (0..50).map(|n| store.submit(Commit::of(put(&format!("k{n:02}"), Expect::Absent, "1")))).collect();
    receipts(tickets).await?;
    let store = rig.reopen(store).await?;
    equal!(store.page(super::super::given::PLAIN, None, 99).await?.len(), 50, "records after a restart");
    Ok(())
}

/// A second opening reads the medium, not the first one's memory.
pub async fn what_has_a_receipt_is_there_for_another_opening(rig: &Rig<'_>) -> Verdict {
    rig.needs_concurrent_open()?;
    let first = rig.open().await?;
    first.commit(Commit::of(put("k", Expect::Absent, "1"))).await?;
    let second = rig.open().await?;
    ensure!(second.get(super::super::given::PLAIN, "k").await?.is_some(), "the second opening misses a record");
    Ok(())
}

/// Positions are of first events, versions of last ones, one each for every append.
pub async fn a_receipt_names_the_first_position_and_the_last_version_of_each_append(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let mut part = append("a", Version::Empty, rig.events(3)?);
    part.extend(append("b", Version::Empty, rig.events(2)?));
    let first = store.submit(Commit::of(part)).await?;
    equal!((&first.positions, &first.versions), (&vec![1, 4], &vec![2, 1]), "positions and versions of two appends");
    let second = store.submit(Commit::of(append("a", Version::Exactly(2), rig.events(2)?))).await?;
    equal!((&second.positions, &second.versions), (&vec![6], &vec![4]), "position and version of a third");
    for (name, version, position) in [("a", 0, 1), ("a", 2, 3), ("b", 0, 4), ("b", 1, 5), ("a", 3, 6), ("a", 4, 7)] {
        let event = store.stream(stream(name), version, 1).await?;
        let place = event.first().map(|event| (event.position, event.version));
        equal!(place, Some((position, version)), "position and version of an event of stream {name}");
    }
    Ok(())
}

/// A commit without events has a receipt without positions.
pub async fn a_receipt_without_appends_has_no_positions(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let receipt = store.submit(Commit::of(put("k", Expect::Absent, "1"))).await?;
    ensure!(receipt.positions.is_empty() && receipt.versions.is_empty(), "{receipt:?} for a put alone");
    equal!(store.head().await?.position, 0, "the head after a put alone");
    Ok(())
}

/// Transactions are numbered in the order in which they applied, and there are no more of them than flushes.
pub async fn transactions_are_numbered_in_order(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let tickets = (0..50).map(|n| store.submit(Commit::of(put(&format!("k{n}"), Expect::Absent, "1")))).collect();
    let mut numbers: Vec<u64> = receipts(tickets).await?.iter().map(|receipt| receipt.transaction).collect();
    ensure!(numbers.is_sorted(), "numbers of transactions go back: {numbers:?}");
    numbers.dedup();
    let flushes = store.facts().flushes;
    ensure!(numbers.len() as u64 <= flushes, "{} transactions, but {flushes} flushes", numbers.len());
    Ok(())
}

/// Only what applied since the opening counts.
pub async fn facts_count_what_was_applied_since_the_opening(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    equal!(store.facts().commits, 0, "commits of a fresh store");
    let tickets = (0..10).map(|n| store.submit(Commit::of(put(&format!("k{}", n / 2), Expect::Absent, "1")))).collect();
    let applied = answers(tickets).await.iter().filter(|answer| answer.is_ok()).count();
    equal!((applied, store.facts().commits), (5, 5), "receipts, and commits in the facts");
    ensure!(store.facts().flushes > 0, "commits without a flush");
    if rig.capabilities().restart {
        equal!(rig.reopen(store).await?.facts().commits, 0, "commits since the second opening");
    }
    Ok(())
}

/// Everything in a commit, of every kind, is there after it.
pub async fn a_commit_of_every_kind_becomes_true_together(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(Commit::of(put("old", Expect::Absent, "1").put(plain("older", Expect::Absent, "2")))).await?;
    let mut part = append("a", Version::Empty, rig.events(2)?).put(task("t", 5)).put(order("o", "ann", 5));
    part = part.put(plain("old", Expect::Exactly(1), "3")).add(TASKS, "moved", 7);
    part = part.put(partita_core::Put::delete(super::super::given::PLAIN, "older", Expect::Exactly(1)));
    let fence = Some(store.fence(3));
    store.commit(Commit { fence, journals: vec![journal(7, 0, &[b"1", b"2"])], ..Commit::of(part) }).await?;
    let sight = everything(&*store).await?;
    let sizes = (sight.events.len(), sight.found.len(), sight.journals[7].1.len());
    equal!(sizes, (2, 1, 2), "events, orders and records of the journal");
    let plain: Vec<(&str, u64)> =
        sight.records[0].1.iter().map(|record| (record.key.as_str(), record.revision)).collect();
    equal!(plain, [("old", 2)], "records of a space");
    equal!(sight.due[0].1.len(), 1, "records due");
    equal!(sight.counters[2].1, [("moved".to_owned(), 7)], "counters");
    Ok(())
}
