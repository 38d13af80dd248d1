//! Spaces, streams and values that the rules work with.

use partita_core::{
    Append, Checkpoint, Commit, Envelope, Expect, FieldKind, Find, JournalAppend, Part, Put, Space, StreamId, Version,
};
use partita_time::Timestamp;

/// Records with nothing but a value.
pub(super) const PLAIN: &str = "plain";
/// A second such space.
pub(super) const OTHER: &str = "other";
/// Records that fall due.
pub(super) const TASKS: &str = "tasks";
/// Records that are found by their fields, and that fall due.
pub(super) const ORDERS: &str = "orders";

/// The spaces that every store is opened with.
pub fn spaces() -> Vec<Space> {
    let orders =
        Space::named(ORDERS).with_due().clustered().field("customer", FieldKind::Text).field("placed", FieldKind::Int);
    let orders = orders.index(Some("customer"), "placed").index(None, "placed").index(Some("placed"), "customer");
    vec![Space::named(PLAIN), Space::named(OTHER), Space::named(TASKS).with_due(), orders]
}

pub(super) fn stream(name: &str) -> StreamId {
    StreamId::named("kit", name)
}

pub(super) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(super) fn append(name: &str, expect: Version, events: Vec<Envelope>) -> Part {
    Part::new().append(Append { stream: stream(name), expect, events })
}

pub(super) fn put(key: &str, expect: Expect, value: &str) -> Part {
    Part::new().put(plain(key, expect, value))
}

pub(super) fn plain(key: &str, expect: Expect, value: &str) -> Put {
    Put::value(PLAIN, key, expect, value.to_owned())
}

/// A new record that falls due.
pub(super) fn task(key: &str, due: i64) -> Put {
    Put::value(TASKS, key, Expect::Absent, "{}".to_owned()).due(Some(at(due)))
}

/// A new record with both fields.
pub(super) fn order(key: &str, customer: &str, placed: i64) -> Put {
    Put::value(ORDERS, key, Expect::Absent, "{}".to_owned()).field("customer", customer).field("placed", placed)
}

pub(super) fn puts(puts: impl IntoIterator<Item = Put>) -> Commit {
    Commit::of(Part { puts: puts.into_iter().collect(), ..Part::default() })
}

pub(super) fn journal(saga: u64, expect: u32, records: &[&[u8]]) -> JournalAppend {
    JournalAppend { saga, expect, records: records.iter().map(|record| record.to_vec()).collect() }
}

pub(super) fn journals(journals: impl IntoIterator<Item = JournalAppend>) -> Commit {
    Commit { journals: journals.into_iter().collect(), ..Commit::default() }
}

/// All orders by the moment they were placed.
pub(super) fn by_placed() -> Find {
    Find { space: ORDERS, equals: None, order_by: "placed", descending: false, after: None, limit: 1_000 }
}

/// A customer's orders by the moment they were placed.
pub(super) fn of_customer(customer: &str) -> Find {
    Find { equals: Some(("customer", customer.into())), ..by_placed() }
}

/// The start of a log.
pub(super) fn start(log: partita_core::LogId) -> Checkpoint {
    Checkpoint { log, position: 0 }
}
