//! Keyed records: what a put expects, revisions, and reading by key.

use crate::conformance::given::{ORDERS, OTHER, PLAIN, TASKS, at, order, plain, put, puts, task};
use crate::conformance::observe::{conflicted, keys};
use crate::conformance::verdict::{ensure, equal};
use crate::conformance::{Objection, Rig, Verdict};
use partita_core::{Commit, Expect, Put, Record, Store};

async fn revision(store: &dyn Store, key: &str) -> Result<Option<u64>, Objection> {
    Ok(store.get(PLAIN, key).await?.map(|record| record.revision))
}

fn guarded(n: u32, put: Put) -> Commit {
    puts([put, Put::value(OTHER, format!("guard{n}"), Expect::Absent, "{}".to_owned())])
}

/// Also when the space has other records.
pub async fn an_unknown_record_is_none(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(Commit::of(put("k", Expect::Absent, "1"))).await?;
    for (space, key) in [(PLAIN, "K"), (PLAIN, "k "), (PLAIN, ""), (OTHER, "k"), (TASKS, "k")] {
        equal!(store.get(space, key).await?, None, "a record {key:?} of {space} that was never put");
    }
    Ok(())
}

/// Key, revision, value letter by letter, due time.
pub async fn a_record_reads_back_as_it_was_put(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let value = "{ \"b\" : 1,\n\t\"a\":1.50e+2, \"u\":\"\\u00e9é\u{1f3bc}\", \"a\": null }";
    for (key, due) in [("with", Some(at(1_795_248_000_007))), ("without", None), ("before 1970", Some(at(-1)))] {
        store.commit(puts([Put::value(TASKS, key, Expect::Absent, value.to_owned()).due(due)])).await?;
        let record = Record { key: key.to_owned(), revision: 1, value: value.to_owned(), due };
        equal!(store.get(TASKS, key).await?, Some(record.clone()), "a record");
        let paged = store.page(TASKS, None, 9).await?;
        ensure!(paged.contains(&record), "a page shows {paged:?} instead of {record:?}");
    }
    Ok(())
}

/// `Any`: there or not.
pub async fn a_put_at_any_writes_whatever_is_there(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    for n in 1..4 {
        store.commit(guarded(n, plain("k", Expect::Any, &n.to_string()))).await?;
        let record = store.get(PLAIN, "k").await?.map(|record| (record.revision, record.value));
        equal!(record, Some((u64::from(n), n.to_string())), "revision and value after put {n}");
    }
    Ok(())
}

/// `Absent`: not there, or no more.
pub async fn a_put_at_absent_writes_only_what_is_not_there(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(Commit::of(put("k", Expect::Absent, "1"))).await?;
    conflicted(store.commit(Commit::of(put("k", Expect::Absent, "2"))).await)?;
    equal!(store.get(PLAIN, "k").await?.map(|record| record.value), Some("1".to_owned()), "the value");
    let elsewhere = Put::value(OTHER, "k", Expect::Absent, "1".to_owned());
    store.commit(puts([elsewhere])).await?;
    Ok(())
}

/// `Exactly`: there, at this revision.
pub async fn a_put_at_exactly_writes_only_at_that_revision(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(Commit::of(put("k", Expect::Absent, "1"))).await?;
    store.commit(Commit::of(put("k", Expect::Exactly(1), "2"))).await?;
    conflicted(store.commit(Commit::of(put("k", Expect::Exactly(1), "3"))).await)?;
    conflicted(store.commit(Commit::of(put("k", Expect::Exactly(3), "3"))).await)?;
    equal!(revision(&*store, "k").await?, Some(2), "the revision");
    Ok(())
}

/// Also when the value does not change.
pub async fn a_revision_is_1_and_grows_by_one_with_each_write(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(Commit::of(put("k", Expect::Absent, "same"))).await?;
    equal!(revision(&*store, "k").await?, Some(1), "the revision of a new record");
    for next in 2..12 {
        store.commit(Commit::of(put("k", Expect::Exactly(next - 1), "same"))).await?;
        equal!(revision(&*store, "k").await?, Some(next), "the revision after a write");
    }
    Ok(())
}

/// At its revision; then it is gone from every read.
pub async fn a_delete_at_exactly_removes_the_record(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(puts([order("o", "ann", 1).due(Some(at(1))), order("p", "ann", 2).due(Some(at(2)))])).await?;
    conflicted(store.commit(puts([Put::delete(ORDERS, "o", Expect::Exactly(2))])).await)?;
    store.commit(puts([Put::delete(ORDERS, "o", Expect::Exactly(1))])).await?;
    equal!(store.get(ORDERS, "o").await?, None, "a deleted record");
    equal!(keys(&store.page(ORDERS, None, 9).await?), ["p"], "the page after a delete");
    equal!(keys(&store.find(crate::conformance::given::by_placed()).await?), ["p"], "what is found after a delete");
    equal!(keys(&store.due(crate::conformance::observe::all_due(ORDERS)).await?), ["p"], "what is due after a delete");
    Ok(())
}

/// Whether it is there or not.
pub async fn a_delete_at_any_leaves_nothing(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(Commit::of(put("k", Expect::Absent, "1"))).await?;
    store.commit(guarded(1, Put::delete(PLAIN, "k", Expect::Any))).await?;
    store.commit(guarded(2, Put::delete(PLAIN, "k", Expect::Any))).await?;
    equal!(store.get(PLAIN, "k").await?, None, "a deleted record");
    Ok(())
}

/// Its earlier life does not count.
pub async fn a_record_deleted_and_made_anew_starts_at_revision_1(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(Commit::of(put("k", Expect::Absent, "1"))).await?;
    store.commit(Commit::of(put("k", Expect::Exactly(1), "2"))).await?;
    store.commit(puts([Put::delete(PLAIN, "k", Expect::Exactly(2))])).await?;
    store.commit(Commit::of(put("k", Expect::Absent, "3"))).await?;
    equal!(revision(&*store, "k").await?, Some(1), "the revision of a record made anew");
    Ok(())
}

/// A write says all of the record: what it leaves out is gone.
pub async fn a_write_replaces_due_time_and_fields(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(puts([order("o", "ann", 1).due(Some(at(1))), order("p", "ann", 2)])).await?;
    let bare = Put::value(ORDERS, "o", Expect::Exactly(1), "{}".to_owned()).field("placed", 3);
    store.commit(puts([bare])).await?;
    equal!(store.get(ORDERS, "o").await?.and_then(|record| record.due), None, "a due time left out");
    let due = store.due(crate::conformance::observe::all_due(ORDERS)).await?;
    ensure!(due.is_empty(), "a record without due time is due: {due:?}");
    let found = store.find(crate::conformance::given::of_customer("ann")).await?;
    equal!(keys(&found), ["p"], "orders of a customer, of which one has no customer any more");
    let found = store.find(crate::conformance::given::by_placed()).await?;
    equal!(keys(&found), ["p", "o"], "orders by a field that was rewritten");
    Ok(())
}

/// By the bytes of the key.
pub async fn records_page_by_key_behind_a_key_within_the_limit(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let mut sorted = vec!["", " ", "10", "2", "A", "Z", "a", "aa", "b", "z", "é", "\u{ffff}", "\u{1f3bc}"];
    store.commit(puts(sorted.iter().rev().map(|key| plain(key, Expect::Absent, "1")))).await?;
    store.commit(puts([task("elsewhere", 1)])).await?;
    sorted.sort_unstable();
    equal!(keys(&store.page(PLAIN, None, 99).await?), sorted, "all records by key");
    for (place, key) in sorted.iter().enumerate() {
        let behind = store.page(PLAIN, Some(key), 2).await?;
        let wanted: Vec<&str> = sorted.iter().skip(place + 1).take(2).copied().collect();
        equal!(keys(&behind), wanted, "two records behind {key:?}");
    }
    equal!(keys(&store.page(PLAIN, Some("B"), 1).await?), ["Z"], "what is behind a key that is not there");
    ensure!(store.page(PLAIN, None, 0).await?.is_empty(), "a page with limit 0 has records");
    Ok(())
}

/// 255 characters of four bytes each, quotes, a zero, two forms of one letter.
pub async fn any_text_is_a_key(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let long = "\u{1f3bc}".repeat(255);
    let texts = [&long, "é", "e\u{301}", "it's \"k\"", "a\0b", "a\0c", "%", "_", "\\", "k/1", "\u{202e}rtl", "ß", "SS"];
    for (n, key) in texts.iter().enumerate() {
        store.commit(Commit::of(put(key, Expect::Absent, &n.to_string()).add(PLAIN, *key, 1))).await?;
    }
    for (n, key) in texts.iter().enumerate() {
        let record = store.get(PLAIN, key).await?;
        let read = record.map(|record| (record.key, record.value));
        equal!(read, Some(((*key).to_owned(), n.to_string())), "the record of an unusual key");
    }
    equal!(store.counters(PLAIN).await?.len(), texts.len(), "counters with unusual names");
    store.commit(puts(texts.iter().map(|key| Put::delete(PLAIN, *key, Expect::Exactly(1))))).await?;
    ensure!(store.page(PLAIN, None, 99).await?.is_empty(), "a record with an unusual key was not deleted");
    Ok(())
}

/// A megabyte, with every sort of letter in it.
pub async fn a_large_value_reads_back_byte_by_byte(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let value = format!("\"{}\"", "é\u{1f3bc}a\\n\\u0000 ".repeat(60_000));
    ensure!(value.len() > 900_000, "the rule's value has only {} bytes", value.len());
    store.commit(Commit::of(put("k", Expect::Absent, &value))).await?;
    let read = store.get(PLAIN, "k").await?.map(|record| record.value);
    ensure!(read == Some(value), "a large value came back changed");
    Ok(())
}
