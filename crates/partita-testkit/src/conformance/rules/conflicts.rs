//! A conflict says which item failed and what is there; the refused commit changes nothing.

use crate::conformance::given::{
    OTHER, PLAIN, TASKS, append, at, journal, journals, order, plain, put, puts, stream, task,
};
use crate::conformance::observe::{conflicted, everything};
use crate::conformance::verdict::{ensure, equal};
use crate::conformance::{Objection, Rig, Verdict};
use partita_core::{Commit, Conflict, Expect, Found, Item, Part, Prune, Put, Record, Store, Version};
use std::sync::Arc;

/// A stream of two events, a record at revision 2, a journal of three records.
async fn furnished(rig: &Rig<'_>) -> Result<Arc<dyn Store>, Objection> {
    let store = rig.open().await?;
    let part = append("s", Version::Empty, rig.events(2)?).put(task("t", 5));
    store.commit(Commit { journals: vec![journal(1, 0, &[b"1", b"2", b"3"])], ..Commit::of(part) }).await?;
    let again = Put::value(TASKS, "t", Expect::Exactly(1), "{\"now\":2}".to_owned()).due(Some(at(6)));
    let kept = Arc::new(puts([again]));
    store.commit_kept(kept.clone()).await?;
    equal!(kept.part.puts.len(), 1, "puts of the commit that its caller kept");
    Ok(store)
}

async fn conflict_of(store: &dyn Store, commit: Commit) -> Result<Conflict, Objection> {
    let before = everything(store).await?;
    let conflict = conflicted(store.submit(commit).await)?;
    equal!(everything(store).await?, before, "what a refused commit left");
    Ok(conflict)
}

/// The version is handed back, so that a caller may decide anew.
pub async fn an_append_that_conflicts_hands_back_the_newest_version(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    for expect in [Version::Empty, Version::Exactly(0), Version::Exactly(2), Version::Exactly(u64::MAX)] {
        let conflict = conflict_of(&*store, Commit::of(append("s", expect, rig.events(1)?))).await?;
        let newest = matches!(conflict.found, Found::Version(Some(1)));
        ensure!(conflict.item == Item::Append(0) && newest, "at {expect:?} the conflict says {conflict:?}");
    }
    Ok(())
}

/// A stream without events has no version.
pub async fn an_append_that_conflicts_with_an_empty_stream_hands_back_none(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    for expect in [Version::Exactly(0), Version::Exactly(7)] {
        let conflict = conflict_of(&*store, Commit::of(append("none", expect, rig.events(1)?))).await?;
        let none = matches!(conflict.found, Found::Version(None));
        ensure!(conflict.item == Item::Append(0) && none, "at {expect:?} the conflict says {conflict:?}");
    }
    Ok(())
}

/// Key, revision, value and due time: all that a caller needs for a replay.
pub async fn a_put_that_conflicts_hands_back_the_record(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    let there = Record { key: "t".to_owned(), revision: 2, value: "{\"now\":2}".to_owned(), due: Some(at(6)) };
    for expect in
        [Expect::Absent, Expect::Exactly(1), Expect::Exactly(3), Expect::Exactly(0), Expect::Exactly(u64::MAX)]
    {
        for write in [Put::value(TASKS, "t", expect, "{}".to_owned()), Put::delete(TASKS, "t", expect)] {
            let conflict = conflict_of(&*store, puts([write, plain("guard", Expect::Absent, "{}")])).await?;
            let same = matches!(&conflict.found, Found::Record(Some(record)) if *record == there);
            ensure!(conflict.item == Item::Put(0) && same, "at {expect:?} the conflict says {conflict:?}");
        }
    }
    Ok(())
}

/// Nothing is there: neither for a value nor for a delete.
pub async fn a_put_that_conflicts_with_nothing_hands_back_none(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    for write in [plain("none", Expect::Exactly(1), "{}"), Put::delete(PLAIN, "none", Expect::Exactly(1))] {
        let conflict = conflict_of(&*store, puts([write])).await?;
        let none = matches!(conflict.found, Found::Record(None));
        ensure!(conflict.item == Item::Put(0) && none, "the conflict says {conflict:?}");
    }
    Ok(())
}

/// Too early and too late alike.
pub async fn a_journal_append_that_conflicts_hands_back_the_length(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    for (saga, expect, length) in [(1, 0, 3), (1, 2, 3), (1, 4, 3), (2, 1, 0), (2, u32::MAX, 0)] {
        let conflict = conflict_of(&*store, journals([journal(saga, expect, &[b"x"])])).await?;
        let told = matches!(conflict.found, Found::Length(found) if found == length);
        ensure!(conflict.item == Item::Journal(0) && told, "at {expect} the conflict says {conflict:?}");
    }
    Ok(())
}

/// Journals before appends before puts, each in the order of the commit.
pub async fn the_first_item_that_fails_is_named_in_the_order_journals_appends_puts(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    let commit = |journal_bad: bool, append_bad: bool, put_bad: bool| -> Result<Commit, Objection> {
        let version = if append_bad { Version::Empty } else { Version::Exactly(1) };
        let mut part = append("fresh", Version::Empty, rig.events(1)?);
        part.extend(append("s", version, rig.events(1)?));
        part = part.put(plain("fresh", Expect::Absent, "1"));
        part = part.put(Put::delete(TASKS, "t", Expect::Exactly(if put_bad { 9 } else { 2 })));
        let expect = if journal_bad { 2 } else { 3 };
        Ok(Commit { journals: vec![journal(5, 0, &[b"1"]), journal(1, expect, &[b"4"])], ..Commit::of(part) })
    };
    let cases = [
        ((true, true, true), Item::Journal(1)),
        ((true, false, true), Item::Journal(1)),
        ((false, true, true), Item::Append(1)),
        ((false, true, false), Item::Append(1)),
        ((false, false, true), Item::Put(1)),
    ];
    for ((journal, append, put), item) in cases {
        let conflict = conflict_of(&*store, commit(journal, append, put)?).await?;
        equal!(conflict.item, item, "the item that failed");
    }
    store.commit(commit(false, false, false)?).await?;
    Ok(())
}

/// Of several items of one kind it is the first.
pub async fn of_items_of_one_kind_the_first_that_fails_is_named(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    let many = puts([
        plain("a", Expect::Absent, "1"),
        plain("b", Expect::Exactly(4), "1"),
        plain("c", Expect::Absent, "1"),
        plain("d", Expect::Exactly(1), "1"),
    ]);
    equal!(conflict_of(&*store, many).await?.item, Item::Put(1), "the put that failed");
    let mut part = append("z", Version::Empty, rig.events(1)?);
    part.extend(append("s", Version::Exactly(9), rig.events(1)?));
    part.extend(append("a", Version::Exactly(9), rig.events(1)?));
    equal!(conflict_of(&*store, Commit::of(part)).await?.item, Item::Append(1), "the append that failed");
    let many = journals([journal(3, 0, &[b"1"]), journal(2, 9, &[b"1"]), journal(1, 9, &[b"1"])]);
    equal!(conflict_of(&*store, many).await?.item, Item::Journal(1), "the journal that failed");
    Ok(())
}

/// The commit holds all kinds of things, and the very last put fails.
pub async fn a_refused_commit_changes_nothing(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    let mut part = append("s", Version::Exactly(1), rig.events(2)?);
    part.extend(append("fresh", Version::Empty, rig.events(3)?));
    part = part.put(task("t2", 1)).put(order("o", "ann", 1)).put(plain("p", Expect::Any, "1"));
    part = part.put(Put::delete(TASKS, "t", Expect::Exactly(2))).add(PLAIN, "count", 5).add(OTHER, "count", -5);
    part = part.put(plain("last", Expect::Exactly(1), "1"));
    let prunes = vec![Prune::Journal { saga: 1 }];
    let commit = Commit { journals: vec![journal(4, 0, &[b"1"])], prunes, ..Commit::of(part) };
    let conflict = conflict_of(&*store, commit).await?;
    equal!(conflict.item, Item::Put(4), "the item that failed");
    let receipt = store.commit(Commit::of(append("s", Version::Exactly(1), rig.events(1)?))).await?;
    equal!(receipt.positions, [3], "the position behind a refused commit");
    Ok(())
}

/// The neighbours of a refused commit in the same batch apply whole, and it not at all.
pub async fn a_refused_commit_between_others_leaves_them_whole(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    let mut tickets = Vec::new();
    for n in 0..30 {
        let mut part = append(&format!("s{n}"), Version::Empty, rig.events(2)?).add(PLAIN, "count", 1);
        let expect = if n % 3 == 1 { Expect::Exactly(1) } else { Expect::Absent };
        part = part.put(plain(&format!("k{n}"), Expect::Any, "1")).put(plain(&format!("l{n}"), expect, "1"));
        tickets.push(store.submit(Commit::of(part)));
    }
    for (n, ticket) in tickets.into_iter().enumerate() {
        let good = ticket.await.is_ok();
        equal!(good, n % 3 != 1, "whether commit {n} is good");
        let events = store.stream(stream(&format!("s{n}")), 0, 9).await?.len();
        equal!(events, if good { 2 } else { 0 }, "events of commit {n}");
        let record = store.get(PLAIN, &format!("k{n}")).await?;
        equal!(record.is_some(), good, "whether the record of commit {n} is there");
    }
    equal!(store.head().await?.position, 42, "the head: two events before, and two of each good commit");
    equal!(store.counters(PLAIN).await?, [("count".to_owned(), 20)], "the counter that each good commit moved");
    Ok(())
}

/// Each form of a guard is broken by the commit's own writes.
pub async fn the_same_guarded_value_handed_in_twice_takes_effect_once(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    let event = rig.event()?;
    let by_id = plain(&event.id.to_string(), Expect::Absent, "{}");
    let guards = [
        Commit::of(append("new", Version::Empty, rig.events(1)?)),
        Commit::of(append("s", Version::Exactly(1), rig.events(1)?)),
        Commit::of(append("s", Version::Any, vec![event]).put(by_id)),
        Commit::of(put("k", Expect::Absent, "1")),
        puts([Put::value(TASKS, "t", Expect::Exactly(2), "1".to_owned())]),
        puts([Put::delete(TASKS, "t", Expect::Exactly(3))]),
        journals([journal(1, 3, &[b"4"])]),
    ];
    for (n, guard) in guards.into_iter().enumerate() {
        let commit = guard.with(Part::new().add(PLAIN, format!("count{n}"), 1));
        let tickets = [store.submit(commit.clone()), store.submit(commit.clone())];
        let [first, second] = tickets;
        first.await?;
        conflicted(second.await)?;
        let kept = Arc::new(commit.clone());
        conflicted(store.commit_kept(kept.clone()).await)?;
        conflicted(store.commit(commit).await)?;
        conflicted(store.commit_kept(kept).await)?;
    }
    let counters = store.counters(PLAIN).await?;
    ensure!(
        counters.len() == 7 && counters.iter().all(|(_, count)| *count == 1),
        "a guard let it in twice: {counters:?}"
    );
    Ok(())
}
