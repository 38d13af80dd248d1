//! Pages of records by field and by due time, and counters.

use crate::conformance::given::{
    ORDERS, OTHER, PLAIN, TASKS, append, at, by_placed, of_customer, order, plain, put, puts, stream, task,
};
use crate::conformance::observe::{all_due, conflicted, keys};
use crate::conformance::verdict::{ensure, equal};
use crate::conformance::{Objection, Rig, Verdict};
use partita_core::{Commit, DuePage, ErrorKind, Expect, FieldValue, Find, Part, Put, Record, Store, Version};
use std::sync::Arc;

/// Twelve orders: three customers, placed at four moments, so that moments repeat.
async fn furnished(rig: &Rig<'_>) -> Result<Arc<dyn Store>, Objection> {
    let store = rig.open().await?;
    let orders = (0..12_i64).map(|n| {
        let customer = ["ann", "bob", "cy"][usize::try_from(n % 3).unwrap_or(0)];
        order(&format!("o{:02}", 11 - n), customer, n / 3)
    });
    store.commit(puts(orders)).await?;
    Ok(store)
}

/// All pages of a query, each behind the last record of the one before.
async fn all_pages(store: &dyn Store, find: Find, place: fn(&Record) -> FieldValue) -> Result<Vec<String>, Objection> {
    let mut read = Vec::new();
    let mut find = find;
    for _ in 0..100 {
        let page = store.find(find.clone()).await?;
        ensure!(page.len() <= find.limit, "{} records on a page of {}", page.len(), find.limit);
        let Some(last) = page.last() else { return Ok(read) };
        find.after = Some((place(last), last.key.clone()));
        read.extend(page.into_iter().map(|record| record.key));
    }
    Err(Objection::broken(format!("pages without end: {read:?}")))
}

fn placed(record: &Record) -> FieldValue {
    let number: i64 = record.key[1..].parse().unwrap_or(0);
    FieldValue::Int((11 - number) / 3)
}

/// By the field, then by key.
pub async fn records_are_found_by_field_in_order(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    let found = store.find(of_customer("bob")).await?;
    equal!(keys(&found), ["o10", "o07", "o04", "o01"], "orders of one customer by the moment");
    let found = store.find(Find { limit: 7, ..by_placed() }).await?;
    equal!(keys(&found), ["o09", "o10", "o11", "o06", "o07", "o08", "o03"], "seven orders by moment and key");
    let nobody = store.find(of_customer("dan")).await?;
    ensure!(nobody.is_empty(), "orders of a customer who has none: {nobody:?}");
    ensure!(store.find(Find { limit: 0, ..by_placed() }).await?.is_empty(), "a page with limit 0 has records");
    Ok(())
}

/// Greatest first: the field and the key.
pub async fn records_are_found_descending(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    let found = store.find(Find { descending: true, ..of_customer("bob") }).await?;
    equal!(keys(&found), ["o01", "o04", "o07", "o10"], "orders of one customer, newest first");
    let found = store.find(Find { descending: true, limit: 4, ..by_placed() }).await?;
    equal!(keys(&found), ["o02", "o01", "o00", "o05"], "four orders, newest first");
    Ok(())
}

/// By a text where an integer is equal.
pub async fn records_are_found_by_an_integer_ordered_by_a_text(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    let equals = Some(("placed", FieldValue::Int(2)));
    let find = Find { equals, order_by: "customer", ..by_placed() };
    equal!(keys(&store.find(find.clone()).await?), ["o05", "o04", "o03"], "orders of one moment by customer");
    let after = Some((FieldValue::from("ann"), "o05".to_owned()));
    equal!(keys(&store.find(Find { after, ..find }).await?), ["o04", "o03"], "those behind the first");
    Ok(())
}

/// Pages end between records that are equal in the field: nothing is skipped or repeated.
pub async fn pages_go_on_between_equal_values(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    let ascending = ["o09", "o10", "o11", "o06", "o07", "o08", "o03", "o04", "o05", "o00", "o01", "o02"];
    let descending: Vec<&str> = ascending.iter().rev().copied().collect();
    for limit in [1, 2, 5, 12, 13] {
        let pages = all_pages(&*store, Find { limit, ..by_placed() }, placed).await?;
        equal!(pages, ascending, "pages of {limit}, ascending");
        let pages = all_pages(&*store, Find { limit, descending: true, ..by_placed() }, placed).await?;
        equal!(pages, descending, "pages of {limit}, descending");
        let pages = all_pages(&*store, Find { limit, ..of_customer("cy") }, placed).await?;
        equal!(pages, ["o09", "o06", "o03", "o00"], "pages of {limit} of one customer");
    }
    Ok(())
}

/// All 64 bits, with their sign.
pub async fn integers_are_ordered_with_their_sign(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let sorted = [i64::MIN, -256, -1, 0, 1, 255, i64::MAX];
    let orders = sorted.iter().rev().enumerate().map(|(n, placed)| order(&format!("o{n}"), "ann", *placed));
    store.commit(puts(orders)).await?;
    equal!(keys(&store.find(by_placed()).await?), ["o6", "o5", "o4", "o3", "o2", "o1", "o0"], "orders by integer");
    Ok(())
}

/// A page is served by an index, or not at all.
pub async fn a_page_that_was_not_declared_is_invalid(rig: &Rig<'_>) -> Verdict {
    let store = furnished(rig).await?;
    let undeclared = [
        Find { equals: None, order_by: "customer", ..by_placed() },
        Find { equals: Some(("customer", "ann".into())), order_by: "customer", ..by_placed() },
        Find { equals: None, order_by: "colour", ..by_placed() },
        Find { space: PLAIN, ..by_placed() },
        Find { space: "nowhere", ..by_placed() },
    ];
    for find in undeclared {
        match store.find(find.clone()).await {
            Ok(found) => return Err(Objection::broken(format!("{} records for {find:?}", found.len()))),
            Err(error) => equal!(error.kind(), ErrorKind::Invalid, "the kind of {error:?}"),
        }
    }
    Ok(())
}

/// At the moment and before it, not later.
pub async fn due_records_come_by_due_time_then_key(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let tasks = [("d", 20), ("b", 10), ("a", 20), ("c", 10), ("e", 21), ("f", -5)];
    store.commit(puts(tasks.map(|(key, due)| task(key, due)))).await?;
    store
        .commit(puts([
            Put::value(TASKS, "never", Expect::Absent, "{}".to_owned()),
            order("o", "ann", 1).due(Some(at(1))),
        ]))
        .await?;
    let page = |until, limit| DuePage { space: TASKS, until: at(until), after: None, limit };
    equal!(keys(&store.due(page(20, 99)).await?), ["f", "b", "c", "a", "d"], "what is due at 20");
    equal!(keys(&store.due(page(9, 99)).await?), ["f"], "what is due at 9");
    equal!(keys(&store.due(page(20, 2)).await?), ["f", "b"], "the first two that are due at 20");
    ensure!(store.due(page(-6, 99)).await?.is_empty(), "something is due too early");
    ensure!(store.due(page(20, 0)).await?.is_empty(), "a page with limit 0 has records");
    equal!(keys(&store.due(all_due(ORDERS)).await?), ["o"], "what is due in another space");
    Ok(())
}

/// Pages end between records that are due at the same moment.
pub async fn due_pages_go_on_behind_a_record(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(puts((0..20).map(|n| task(&format!("t{n:02}"), i64::from(n / 8))))).await?;
    for limit in [1, 3, 8, 20] {
        let mut read = Vec::new();
        let mut after = None;
        loop {
            let page = store.due(DuePage { space: TASKS, until: at(1), after, limit }).await?;
            let Some(last) = page.last() else { break };
            after = last.due.map(|due| (due, last.key.clone()));
            read.extend(page.iter().map(|record| record.key.clone()));
            ensure!(read.len() <= 16, "pages of {limit} repeat records: {read:?}");
        }
        equal!(read, (0..16).map(|n| format!("t{n:02}")).collect::<Vec<_>>(), "pages of {limit}");
    }
    Ok(())
}

/// A new due time takes the place of the old one.
pub async fn a_record_falls_due_at_its_newest_time(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(puts([task("a", 10), task("b", 20)])).await?;
    let later = Put::value(TASKS, "a", Expect::Exactly(1), "{}".to_owned()).due(Some(at(30)));
    store.commit(puts([later])).await?;
    equal!(keys(&store.due(all_due(TASKS)).await?), ["b", "a"], "what is due, by its newest time");
    let page = DuePage { space: TASKS, until: at(20), after: None, limit: 9 };
    equal!(keys(&store.due(page).await?), ["b"], "what is due at 20");
    Ok(())
}

/// Up and down, without reading; by name.
pub async fn counters_move_by_what_is_added(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let add = |n: u32, counted: Part| Commit::of(counted.put(plain(&format!("g{n}"), Expect::Absent, "1")));
    store.commit(add(1, Part::new().add(PLAIN, "b", 5).add(PLAIN, "a", -7).add(OTHER, "a", 1))).await?;
    store.commit(add(2, Part::new().add(PLAIN, "b", -8).add(PLAIN, "a", i64::MAX))).await?;
    let counters = [("a".to_owned(), i64::MAX - 7), ("b".to_owned(), -3)];
    equal!(store.counters(PLAIN).await?, counters, "counters of one space by name");
    equal!(store.counters(OTHER).await?, [("a".to_owned(), 1)], "counters of another space");
    store.commit(add(3, Part::new().add(PLAIN, "b", 1).add(PLAIN, "b", 2))).await?;
    equal!(store.counters(PLAIN).await?[1].1, 0, "a counter moved twice in one commit, back to zero");
    Ok(())
}

/// Neither is a record a counter.
pub async fn a_counter_never_moved_is_not_there(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(Commit::of(put("k", Expect::Absent, "1").add(OTHER, "c", 1))).await?;
    ensure!(store.counters(PLAIN).await?.is_empty(), "a counter was never moved, but is there");
    equal!(keys(&store.page(OTHER, None, 9).await?), Vec::<&str>::new(), "records of a space with a counter");
    Ok(())
}

/// A conflict takes its adds back, also between two good commits of one batch.
pub async fn a_refused_commit_moves_no_counter(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let add = |expect| Ok::<_, Objection>(Commit::of(append("s", expect, rig.events(1)?).add(PLAIN, "c", 1)));
    let tickets = [
        store.submit(add(Version::Empty)?),
        store.submit(add(Version::Empty)?),
        store.submit(add(Version::Exactly(0))?),
    ];
    let [first, second, third] = tickets;
    first.await?;
    conflicted(second.await)?;
    third.await?;
    equal!(store.counters(PLAIN).await?, [("c".to_owned(), 2)], "a counter in two good commits and a refused one");
    equal!(store.stream(stream("s"), 0, 9).await?.len(), 2, "events of the two good commits");
    Ok(())
}
