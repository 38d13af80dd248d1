//! Journals, and forgetting what is old.

use crate::conformance::given::{
    ORDERS, OTHER, PLAIN, TASKS, append, at, by_placed, journal, journals, order, plain, put, puts, task,
};
use crate::conformance::observe::{all_due, conflicted, keys, receipts};
use crate::conformance::verdict::{ensure, equal};
use crate::conformance::{Objection, Rig, Verdict};
use partita_core::{Commit, Expect, Prune, Put, Store, Version};

async fn lengths(store: &dyn Store) -> Result<Vec<usize>, Objection> {
    let mut lengths = Vec::new();
    for saga in 1..4 {
        lengths.push(store.journal(saga, 0, 999).await?.len());
    }
    Ok(lengths)
}

fn prune(prunes: Vec<Prune>) -> Commit {
    Commit { prunes, ..Commit::default() }
}

fn kept(key: &str, keep_until: i64) -> Put {
    plain(key, Expect::Absent, "1").keep_until(at(keep_until))
}

/// Not an error: it has no records yet.
pub async fn an_unknown_journal_is_empty(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(journals([journal(1, 0, &[b"1"])])).await?;
    for saga in [0, 2, u64::MAX] {
        ensure!(store.journal(saga, 0, 9).await?.is_empty(), "the unknown journal {saga} has records");
    }
    Ok(())
}

/// `expect` is how many there are, and the number of the first that is added.
pub async fn a_journal_takes_records_at_its_exact_length(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let tickets = (0..50).map(|n| store.submit(journals([journal(1, n * 2, &[b"x", b"y"])]))).collect();
    receipts(tickets).await?;
    conflicted(store.commit(journals([journal(1, 99, &[b"z"])])).await)?;
    conflicted(store.commit(journals([journal(1, 101, &[b"z"])])).await)?;
    let entries = store.journal(1, 0, 999).await?;
    let read: Vec<(u32, &[u8])> = entries.iter().map(|entry| (entry.seq, entry.body.as_slice())).collect();
    let wanted: Vec<(u32, &[u8])> = (0..100).map(|n| (n, if n % 2 == 0 { &b"x"[..] } else { b"y" })).collect();
    equal!(read, wanted, "numbers and records of the journal");
    Ok(())
}

/// Pages of a journal.
pub async fn a_journal_reads_from_a_number_on_within_the_limit(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(journals([journal(1, 0, &[b"0", b"1", b"2", b"3", b"4"]), journal(2, 0, &[b"other"])])).await?;
    let cases: [(u32, usize, &[u32]); 6] =
        [(0, 2, &[0, 1]), (2, 2, &[2, 3]), (4, 9, &[4]), (5, 9, &[]), (u32::MAX, 9, &[]), (3, usize::MAX, &[3, 4])];
    for (from, limit, wanted) in cases {
        let read: Vec<u32> = store.journal(1, from, limit).await?.iter().map(|entry| entry.seq).collect();
        equal!(read, wanted, "records from {from} on, at most {limit}");
    }
    Ok(())
}

/// Bytes of every value, none at all, and many.
pub async fn journal_records_read_back_byte_by_byte(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let all: Vec<u8> = (0..=255).collect();
    let large = all.repeat(4_000);
    store.commit(journals([journal(1, 0, &[&all, b"", &large])])).await?;
    let read: Vec<Vec<u8>> = store.journal(1, 0, 9).await?.into_iter().map(|entry| entry.body).collect();
    ensure!(read == [all, vec![], large], "records of a journal came back changed");
    Ok(())
}

/// Numbers beyond 2^63 are numbers.
pub async fn a_journal_may_have_any_number(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let sagas = [0, 1, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX];
    for saga in sagas {
        store.commit(journals([journal(saga, 0, &[&saga.to_be_bytes()])])).await?;
    }
    for saga in sagas {
        let read = store.journal(saga, 0, 9).await?;
        ensure!(read.len() == 1 && read[0].body == saga.to_be_bytes(), "the journal {saga} reads {read:?}");
    }
    Ok(())
}

/// Records of journals are no events.
pub async fn journals_leave_the_log_alone(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let receipt = store.commit(journals([journal(1, 0, &[b"1", b"2"])])).await?;
    ensure!(receipt.positions.is_empty() && receipt.versions.is_empty(), "{receipt:?} for a journal alone");
    let receipt = store.commit(Commit::of(append("s", Version::Empty, rig.events(1)?))).await?;
    equal!(receipt.positions, [1], "the position of the first event");
    Ok(())
}

/// The whole of it, and no other; then it may begin again.
pub async fn a_pruned_journal_is_gone(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(journals((1..4).map(|saga| journal(saga, 0, &[b"1", b"2"])))).await?;
    store.commit(prune(vec![Prune::Journal { saga: 2 }, Prune::Journal { saga: 77 }])).await?;
    equal!(lengths(&*store).await?, [2, 0, 2], "lengths of journals after a prune");
    store.commit(journals([journal(2, 0, &[b"again"])])).await?;
    equal!(lengths(&*store).await?, [2, 1, 2], "lengths of journals, one of them begun again");
    Ok(())
}

/// Those whose time has come, in this space; records without an end are kept for good.
pub async fn a_prune_forgets_records_whose_time_has_come(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let elsewhere = Put::value(OTHER, "a", Expect::Absent, "1".to_owned()).keep_until(at(1));
    let forever = plain("forever", Expect::Absent, "1");
    store.commit(puts([kept("a", 9), kept("b", 10), kept("c", 11), forever, elsewhere])).await?;
    store.commit(prune(vec![Prune::Expired { space: PLAIN, until: at(10), most: 99 }])).await?;
    equal!(keys(&store.page(PLAIN, None, 9).await?), ["c", "forever"], "records after a prune at 10");
    equal!(keys(&store.page(OTHER, None, 9).await?), ["a"], "records of another space");
    store.commit(Commit::of(put("a", Expect::Absent, "1"))).await?;
    Ok(())
}

/// At most so many; the next prune takes more.
pub async fn a_prune_forgets_at_most_so_many(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(puts((0..10).map(|n| kept(&format!("k{n}"), 1)))).await?;
    for (most, left) in [(0, 10), (4, 6), (4, 2), (4, 0), (4, 0)] {
        store.commit(prune(vec![Prune::Expired { space: PLAIN, until: at(5), most }])).await?;
        equal!(store.page(PLAIN, None, 99).await?.len(), left, "records left after a prune of {most}");
    }
    Ok(())
}

/// A pruned record is in no index any more.
pub async fn a_pruned_record_is_gone_from_every_page(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(puts([order("o", "ann", 1).due(Some(at(1))).keep_until(at(1)), order("p", "ann", 2)])).await?;
    store.commit(puts([task("t", 1).keep_until(at(1))])).await?;
    let expired = |space| Prune::Expired { space, until: at(1), most: 9 };
    store.commit(prune(vec![expired(ORDERS), expired(TASKS)])).await?;
    equal!(keys(&store.find(by_placed()).await?), ["p"], "orders found after a prune");
    ensure!(store.due(all_due(ORDERS)).await?.is_empty(), "a pruned order is due");
    ensure!(store.due(all_due(TASKS)).await?.is_empty(), "a pruned task is due");
    Ok(())
}

/// A write says anew how long the record is kept.
pub async fn a_record_is_kept_by_its_newest_write(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(puts([kept("a", 1), kept("b", 1), kept("c", 99)])).await?;
    let again = |key: &str| plain(key, Expect::Exactly(1), "2");
    store.commit(puts([again("a"), again("b").keep_until(at(50)), again("c").keep_until(at(2))])).await?;
    store.commit(prune(vec![Prune::Expired { space: PLAIN, until: at(10), most: 9 }])).await?;
    equal!(keys(&store.page(PLAIN, None, 9).await?), ["a", "b"], "records kept by their newest write");
    Ok(())
}

/// Nothing is forgotten by a commit that does not apply.
pub async fn a_refused_commit_prunes_nothing(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(Commit { journals: vec![journal(1, 0, &[b"1"])], ..puts([kept("a", 1)]) }).await?;
    let prunes = vec![Prune::Journal { saga: 1 }, Prune::Expired { space: PLAIN, until: at(10), most: 9 }];
    conflicted(store.commit(Commit { prunes, ..Commit::of(put("b", Expect::Exactly(1), "1")) }).await)?;
    equal!(lengths(&*store).await?, [1, 0, 0], "lengths of journals after a refused prune");
    equal!(keys(&store.page(PLAIN, None, 9).await?), ["a"], "records after a refused prune");
    Ok(())
}
