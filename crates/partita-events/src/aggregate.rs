//! What a caller brings: a state, its events, and decisions.

use partita_core::Part;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The state of one thing, folded from the events of its stream.
///
/// Rules of an implementer: `evolve` depends on nothing but its arguments and accepts every event that was ever decided;
/// `kind` names each variant, and a name is never used again for something else. A state that reads back from its JSON form
/// must be equal to the one written: snapshots are taken of it.
pub trait Aggregate: Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What can happen to it.
    type Event: Serialize + DeserializeOwned + Clone + Send + Sync + 'static;
    /// First half of the stream's name, the key being the second.
    const CATEGORY: &'static str;
    /// The event's type, as other services see it: `stock.reserved`.
    fn kind(event: &Self::Event) -> &'static str;
    /// Takes in something that happened; it cannot refuse.
    fn evolve(&mut self, event: &Self::Event);
}

/// A durable state, and how many events led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded<A> {
    /// The state.
    pub state: A,
    /// Version of the newest event; `None` when there is no event yet.
    pub version: Option<u64>,
}

/// What a command leads to: events of its aggregates, and what else shall become true with them.
#[derive(Clone, Debug)]
pub struct Decision<E> {
    /// Each event with the place of its aggregate among the keys of the call.
    pub events: Vec<(usize, E)>,
    /// More writes of the same commit; they come before the events in the [`partita_core::Receipt`].
    pub part: Part,
}

impl<E> Default for Decision<E> {
    fn default() -> Self {
        Self { events: vec![], part: Part::new() }
    }
}

impl<E> Decision<E> {
    /// Nothing happens.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// One event of the only key.
    pub fn event(event: E) -> Self {
        Self { events: vec![(0, event)], part: Part::new() }
    }

    /// Events, each with the place of its key.
    pub fn events(events: Vec<(usize, E)>) -> Self {
        Self { events, part: Part::new() }
    }

    /// Adds writes to the same commit.
    #[must_use]
    pub fn also(mut self, part: Part) -> Self {
        self.part.extend(part);
        self
    }
}

impl<A> Loaded<A> {
    /// The version that the next event gets.
    pub(crate) fn next(&self) -> u64 {
        next_after(self.version)
    }
}

pub(crate) fn next_after(version: Option<u64>) -> u64 {
    version.map_or(0, |version| version + 1)
}
