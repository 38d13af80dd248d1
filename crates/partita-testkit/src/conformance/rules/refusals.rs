//! What is refused before it is enqueued.

use crate::conformance::given::{
    ORDERS, OTHER, PLAIN, append, at, journal, journals, order, plain, put, puts, stream, task,
};
use crate::conformance::observe::refused;
use crate::conformance::verdict::ensure;
use crate::conformance::{Rig, Verdict};
use partita_core::ErrorKind::{Invalid, TooLarge};
use partita_core::{
    Append, Commit, Error, Expect, MAX_COMMIT_BYTES, MAX_EVENT_BYTES, MAX_ITEMS, Part, Prune, Put, Version,
};

/// Nothing at all.
pub async fn an_empty_commit_is_refused(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    refused(&*store, Commit::default(), Invalid).await?;
    refused(&*store, Commit { fence: Some(store.fence(1)), ..Commit::default() }, Invalid).await?;
    Ok(())
}

/// Neither for the log nor for a journal.
pub async fn an_append_of_nothing_is_refused(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    refused(&*store, Commit::of(append("s", Version::Empty, vec![])), Invalid).await?;
    refused(&*store, journals([journal(1, 0, &[])]), Invalid).await?;
    Ok(())
}

/// In puts, deletes, counters and prunes.
pub async fn an_unknown_space_is_refused(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let guard = || put("guard", Expect::Absent, "1");
    refused(&*store, puts([Put::value("nowhere", "k", Expect::Absent, "1".to_owned())]), Invalid).await?;
    refused(&*store, puts([Put::delete("nowhere", "k", Expect::Exactly(1))]), Invalid).await?;
    refused(&*store, Commit::of(guard().add("nowhere", "count", 1)), Invalid).await?;
    let prunes = vec![Prune::Expired { space: "nowhere", until: at(1), most: 1 }];
    refused(&*store, Commit { prunes, ..Commit::default() }, Invalid).await?;
    Ok(())
}

/// A text where an integer was declared, the reverse, and a field of no space.
pub async fn a_field_that_is_not_declared_with_this_type_is_refused(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let bare = || Put::value(ORDERS, "o", Expect::Absent, "{}".to_owned());
    refused(&*store, puts([bare().field("placed", "today")]), Invalid).await?;
    refused(&*store, puts([bare().field("customer", 7)]), Invalid).await?;
    refused(&*store, puts([bare().field("colour", "red")]), Invalid).await?;
    refused(&*store, puts([plain("k", Expect::Absent, "1").field("customer", "ann")]), Invalid).await?;
    Ok(())
}

/// Due times need an index.
pub async fn a_due_time_in_a_space_without_due_times_is_refused(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    refused(&*store, puts([plain("k", Expect::Absent, "1").due(Some(at(1)))]), Invalid).await?;
    store.commit(puts([plain("k", Expect::Absent, "1").due(None)])).await?;
    Ok(())
}

/// A record, a stream, a journal, a field.
pub async fn naming_something_twice_is_refused(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    refused(&*store, puts([plain("k", Expect::Absent, "1"), plain("k", Expect::Absent, "2")]), Invalid).await?;
    refused(&*store, puts([plain("k", Expect::Absent, "1"), Put::delete(PLAIN, "k", Expect::Any)]), Invalid).await?;
    let mut part = append("s", Version::Empty, rig.events(1)?);
    part.extend(append("s", Version::Exactly(0), rig.events(1)?));
    refused(&*store, Commit::of(part), Invalid).await?;
    refused(&*store, journals([journal(1, 0, &[b"1"]), journal(1, 1, &[b"2"])]), Invalid).await?;
    refused(&*store, puts([order("o", "ann", 1).field("customer", "bob")]), Invalid).await?;
    let elsewhere = Put::value(OTHER, "k", Expect::Absent, "1".to_owned());
    store.commit(puts([plain("k", Expect::Absent, "1"), elsewhere])).await?;
    Ok(())
}

fn names_the_guard(error: &Error) -> Verdict {
    let text = error.to_string();
    ensure!(text.contains("guard") && text.contains("Absent"), "the refusal does not name the missing guard: {text}");
    Ok(())
}

/// An append at `Any` is guarded by an `Absent` put.
pub async fn an_append_at_any_without_a_guard_is_refused(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    names_the_guard(&refused(&*store, Commit::of(append("s", Version::Any, rig.events(1)?)), Invalid).await?)?;
    let two = append("s", Version::Any, rig.events(1)?).put(plain("k", Expect::Any, "1"));
    names_the_guard(&refused(&*store, Commit::of(two), Invalid).await?)
}

/// Puts and deletes of anything, and counters.
pub async fn a_commit_without_a_guard_is_refused_with_its_name(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    names_the_guard(&refused(&*store, puts([plain("k", Expect::Any, "1")]), Invalid).await?)?;
    names_the_guard(&refused(&*store, puts([Put::delete(PLAIN, "k", Expect::Any)]), Invalid).await?)?;
    names_the_guard(&refused(&*store, Commit::of(Part::new().add(PLAIN, "count", 1)), Invalid).await?)
}

/// Expecting nothing and leaving nothing: the commit's own write does not break it.
pub async fn a_delete_of_what_is_absent_is_no_guard(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let commit = Commit::of(Part::new().put(Put::delete(PLAIN, "k", Expect::Absent)).add(PLAIN, "count", 1));
    names_the_guard(&refused(&*store, commit, Invalid).await?)
}

/// Of each kind by itself, and of all together.
pub async fn more_than_1000_items_are_refused(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let many = |count: usize| puts((0..count).map(|n| plain(&format!("k{n}"), Expect::Absent, "1")));
    let counted = |part: Part, adds: usize| (0..adds).fold(part, |part, n| part.add(PLAIN, format!("c{n}"), 1));
    refused(&*store, many(MAX_ITEMS + 1), TooLarge).await?;
    refused(&*store, Commit::of(append("s", Version::Empty, rig.events(MAX_ITEMS + 1)?)), TooLarge).await?;
    let records: Vec<&[u8]> = vec![b"1"; MAX_ITEMS + 1];
    refused(&*store, journals([journal(1, 0, &records)]), TooLarge).await?;
    refused(&*store, Commit::of(counted(put("k", Expect::Absent, "1"), MAX_ITEMS)), TooLarge).await?;
    let prunes = (0..1_001).map(|saga| Prune::Journal { saga }).collect();
    refused(&*store, Commit { prunes, ..Commit::default() }, TooLarge).await?;
    let mixed = |adds| -> Result<Commit, crate::conformance::Objection> {
        let mut part = append("s", Version::Empty, rig.events(400)?);
        part.extend(many(300).part);
        Ok(Commit { journals: vec![journal(1, 0, &records[..200])], ..Commit::of(counted(part, adds)) })
    };
    refused(&*store, mixed(101)?, TooLarge).await?;
    store.commit(mixed(100)?).await?;
    Ok(())
}

/// An event, a record, a value with its key; exactly 1 MiB is taken.
pub async fn an_item_over_1_mib_is_refused(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let value = |bytes: usize| put("key", Expect::Absent, &"v".repeat(bytes - 3));
    refused(&*store, Commit::of(value(MAX_EVENT_BYTES + 1)), TooLarge).await?;
    store.commit(Commit::of(value(MAX_EVENT_BYTES))).await?;
    let (most, over) = (vec![0xff; MAX_EVENT_BYTES], vec![0xff; MAX_EVENT_BYTES + 1]);
    refused(&*store, journals([journal(1, 0, &[&over])]), TooLarge).await?;
    store.commit(journals([journal(1, 0, &[&most])])).await?;
    let mut event = rig.event()?;
    let text = serde_json::value::to_raw_value(&"v".repeat(MAX_EVENT_BYTES)).map_err(Error::from)?;
    event.data = text;
    refused(&*store, Commit::of(append("s", Version::Empty, vec![event])), TooLarge).await?;
    refused(&*store, puts([order("o", &"c".repeat(MAX_EVENT_BYTES), 1)]), TooLarge).await?;
    refused(
        &*store,
        Commit::of(put("k", Expect::Absent, "1").add(PLAIN, "c".repeat(MAX_EVENT_BYTES + 1), 1)),
        TooLarge,
    )
    .await?;
    Ok(())
}

/// All items together; exactly 4 MiB are taken.
pub async fn a_commit_over_4_mib_is_refused(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let quarter = vec![1; MAX_COMMIT_BYTES / 4];
    let four: Vec<&[u8]> = vec![&quarter; 4];
    let five: Vec<&[u8]> = four.iter().copied().chain([&[1][..]]).collect();
    refused(&*store, journals([journal(1, 0, &five)]), TooLarge).await?;
    store.commit(journals([journal(1, 0, &four)])).await?;
    Ok(())
}

/// What was refused stands in nobody's way.
pub async fn a_refused_commit_does_not_break_a_chain(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let first = store.submit(Commit::of(append("s", Version::Empty, rig.events(1)?)));
    let appends = vec![Append { stream: stream("s"), expect: Version::Exactly(0), events: vec![] }];
    let refused = store.submit(Commit::of(Part { appends, ..Part::default() }));
    let second = store.submit(Commit::of(append("s", Version::Exactly(0), rig.events(1)?)));
    ensure!(refused.is_refused() && refused.await.is_err(), "an append of nothing was enqueued");
    let positions = [first.await?.positions[0], second.await?.positions[0]];
    ensure!(positions == [1, 2], "positions around a refused commit: {positions:?}");
    store.commit(puts([task("t", 1)])).await?;
    Ok(())
}
