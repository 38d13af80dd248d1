//! The parts of a page that are sent when something changed. Each one has an id by which the script replaces it.

use super::{overview, saga};
use crate::live::Event;
use crate::view::{Overview, Snapshot, fingerprint};
use maud::Markup;
use partita_saga::{Class, SagaRow};
use partita_time::Timestamp;
use std::collections::BTreeMap;

/// With more rows to touch, the list is sent as a whole.
const MOST_ROWS: usize = 20;

fn event(kind: &'static str, markup: Markup) -> Event {
    Event { kind, data: markup.into_string() }
}

/// Everything that can change.
pub(crate) fn all(seen: &Snapshot, now: Timestamp) -> Vec<Event> {
    match seen {
        Snapshot::Saga(detail) => vec![event("saga", saga::content(detail, now))],
        Snapshot::Overview(seen) => vec![
            event("banner", overview::banner(seen)),
            event("counts", overview::counts(seen)),
            event("list", overview::list(seen, now)),
        ],
    }
}

/// What is different.
pub(crate) fn changed(before: &Snapshot, seen: &Snapshot, now: Timestamp) -> Vec<Event> {
    match (before, seen) {
        _ if before.fingerprint() == seen.fingerprint() => vec![],
        (Snapshot::Overview(before), Snapshot::Overview(seen)) => of_overview(before, seen, now),
        _ => all(seen, now),
    }
}

fn of_overview(before: &Overview, seen: &Overview, now: Timestamp) -> Vec<Event> {
    let mut events = vec![];
    if before.count(Class::Parked) != seen.count(Class::Parked) {
        events.push(event("banner", overview::banner(seen)));
    }
    if before.counts != seen.counts {
        events.push(event("counts", overview::counts(seen)));
    }
    let rows = of_rows(&before.rows, &seen.rows, now);
    if before.rows.is_empty() != seen.rows.is_empty() || rows.len() > MOST_ROWS {
        events.push(event("list", overview::list(seen, now)));
        return events;
    }
    events.extend(rows);
    if before.older != seen.older {
        events.push(event("pager", overview::pager(seen)));
    }
    events
}

/// Rows that left first, so that the others find their places.
fn of_rows(before: &[SagaRow], seen: &[SagaRow], now: Timestamp) -> Vec<Event> {
    let known: BTreeMap<&str, u64> = before.iter().map(|row| (row.id.as_str(), fingerprint(row))).collect();
    let here: BTreeMap<&str, usize> = seen.iter().enumerate().map(|(at, row)| (row.id.as_str(), at)).collect();
    let gone = before.iter().filter(|row| !here.contains_key(row.id.as_str()));
    let gone = gone.map(|row| Event { kind: "gone", data: overview::row_id(&row.id) });
    let above = std::iter::once(String::new()).chain(seen.iter().map(|row| overview::row_id(&row.id)));
    let moved = seen.iter().zip(above).filter(|(row, _)| known.get(row.id.as_str()) != Some(&fingerprint(row)));
    let moved = moved.map(|(row, above)| event("row", overview::row(row, Some(&above), now)));
    gone.chain(moved).collect()
}
