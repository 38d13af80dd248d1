//! Looking at a store: all that can be read of it, and answers taken apart.

use super::Objection;
use super::given::{ORDERS, OTHER, PLAIN, TASKS, at, by_placed, start};
use super::verdict::{ensure, equal};
use partita_core::{
    Commit, Conflict, DuePage, Effect, Envelope, Error, ErrorKind, Find, JournalEntry, Position, Receipt, Record,
    Recorded, Result, Store, Ticket,
};

/// All that the rules leave in a store.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sight {
    pub(super) events: Vec<(Position, u64, String)>,
    pub(super) records: Vec<(&'static str, Vec<Record>)>,
    pub(super) found: Vec<Record>,
    pub(super) due: Vec<(&'static str, Vec<Record>)>,
    pub(super) counters: Vec<(&'static str, Vec<(String, i64)>)>,
    pub(super) journals: Vec<(u64, Vec<JournalEntry>)>,
}

/// Reads everything there is, journals 0 to 9 among it.
pub(super) async fn everything(store: &dyn Store) -> Result<Sight, Objection> {
    let mut sight =
        Sight { events: vec![], records: vec![], found: vec![], due: vec![], counters: vec![], journals: vec![] };
    for event in whole_log(store).await? {
        sight.events.push((event.position, event.version, text(&event.event)?));
    }
    for space in [PLAIN, OTHER, TASKS, ORDERS] {
        sight.records.push((space, store.page(space, None, usize::MAX).await?));
        sight.counters.push((space, store.counters(space).await?));
    }
    sight.found = store.find(Find { limit: usize::MAX, ..by_placed() }).await?;
    for space in [TASKS, ORDERS] {
        sight.due.push((space, store.due(all_due(space)).await?));
    }
    for saga in 0..10 {
        sight.journals.push((saga, store.journal(saga, 0, usize::MAX).await?));
    }
    Ok(sight)
}

pub(super) fn all_due(space: &'static str) -> DuePage {
    DuePage { space, until: at(i64::MAX), after: None, limit: usize::MAX }
}

pub(super) async fn whole_log(store: &dyn Store) -> Result<Vec<Recorded>, Objection> {
    let head = store.head().await?;
    Ok(store.behind(start(head.log), usize::MAX).await?)
}

/// An envelope as the JSON that services exchange.
pub(super) fn text(event: &Envelope) -> Result<String, Objection> {
    serde_json::to_string(event).map_err(|error| Objection::broken(format!("an event that has no JSON: {error}")))
}

pub(super) fn texts(events: &[Recorded]) -> Result<Vec<String>, Objection> {
    events.iter().map(|event| text(&event.event)).collect()
}

pub(super) fn keys(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.key.as_str()).collect()
}

/// The error of an answer that must be one of this kind, without any effect.
pub(super) fn failed(answer: Result<Receipt>, kind: ErrorKind) -> Result<Error, Objection> {
    match answer {
        Ok(receipt) => Err(Objection::broken(format!("{receipt:?} where {kind:?} was due"))),
        Err(error) => {
            equal!(error.kind(), kind, "the kind of {error:?}");
            equal!(error.possible_effect(), Effect::None, "what the store says of the effect of {error:?}");
            Ok(error)
        }
    }
}

/// The conflict of an answer that must be one.
pub(super) fn conflicted(answer: Result<Receipt>) -> Result<Conflict, Objection> {
    let error = failed(answer, ErrorKind::Conflict)?;
    error.conflict().cloned().ok_or_else(|| Objection::broken("a conflict does not say which item failed"))
}

/// Submits what must be refused before it is enqueued, and leaves no trace.
pub(super) async fn refused(store: &dyn Store, commit: Commit, kind: ErrorKind) -> Result<Error, Objection> {
    let before = everything(store).await?;
    let ticket = store.submit(commit.clone());
    ensure!(ticket.is_refused(), "a commit that is {kind:?} was enqueued");
    let error = failed(ticket.await, kind)?;
    failed(store.commit(commit).await, kind)?;
    equal!(everything(store).await?, before, "what a refused commit left");
    Ok(error)
}

/// Waits for answers in the order of their tickets.
pub(super) async fn answers(tickets: Vec<Ticket>) -> Vec<Result<Receipt>> {
    let mut answers = Vec::with_capacity(tickets.len());
    for ticket in tickets {
        answers.push(ticket.await);
    }
    answers
}

/// Waits for answers that must all be receipts.
pub(super) async fn receipts(tickets: Vec<Ticket>) -> Result<Vec<Receipt>, Objection> {
    answers(tickets).await.into_iter().map(|answer| answer.map_err(Objection::from)).collect()
}
