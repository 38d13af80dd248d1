//! The newest state of each stream in memory, and the commits that are on their way to make it durable.

use crate::{Aggregate, Loaded};
use futures_util::FutureExt;
use futures_util::future::{MapErr, Shared, TryFutureExt};
use partita_core::{Error, Receipt, Result, Ticket};
use partita_time::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Lanes that stay in memory although nobody uses them; up to twice as many are held before the oldest are let go.
const IDLE_LANES: u64 = 4_096;

/// The outcome of one commit, for everyone who waits for it. Whoever waits drives it, so that a caller who went away leaves
/// nothing unanswered.
pub(crate) type Link = Shared<MapErr<Ticket, fn(Error) -> Arc<Error>>>;
/// One reading of a stream, shared by all who miss it.
pub(crate) type Load<A> = Shared<BoxFuture<'static, Result<Arc<Loaded<A>>, Arc<Error>>>>;

/// Makes a ticket into something that many can wait for.
pub(crate) fn link(ticket: Ticket) -> Link {
    ticket.map_err(Arc::new as fn(Error) -> Arc<Error>).shared()
}

/// A lane as one caller met it: an evicted lane's successor has another number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LaneId {
    pub(crate) key: String,
    number: u64,
}

/// One stream's newest state.
pub(crate) struct Lane<A> {
    number: u64,
    /// What the stream will be once the commits in flight are durable.
    pub(crate) now: Loaded<A>,
    /// The newest commit that changes the stream. It became durable only if all before it did.
    tail: Option<Link>,
    pub(crate) chain: Option<Chain>,
}

/// A record that each commit of a busy lane moves by one revision, and that nobody else writes.
///
/// An expected version alone would not do: when a foreign event takes the place of a failed link's event, the version that
/// the next link expects is there, but the state that it was decided on is not.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(crate) key: String,
    /// 0 until the first commit has written it.
    pub(crate) revision: u64,
}

enum Held<A> {
    Loading(Load<A>),
    Ready(Lane<A>),
}

struct Slot<A> {
    used: u64,
    held: Held<A>,
}

/// The lanes of one repository.
pub(crate) struct Lanes<A> {
    slots: BTreeMap<String, Slot<A>>,
    uses: u64,
    made: u64,
}

impl<A> Default for Lanes<A> {
    fn default() -> Self {
        Self { slots: BTreeMap::new(), uses: 0, made: 0 }
    }
}

enum Tail {
    Durable,
    InFlight(Link),
    Failed,
}

impl<A> Lane<A> {
    fn tail(&self) -> Tail {
        let Some(link) = &self.tail else { return Tail::Durable };
        match link.clone().now_or_never() {
            None => Tail::InFlight(link.clone()),
            Some(Ok::<Receipt, _>(_)) => Tail::Durable,
            Some(Err(_)) => Tail::Failed,
        }
    }

    /// The commit that makes the state durable, unless it is already.
    pub(crate) fn in_flight(&self) -> Option<Link> {
        match self.tail() {
            Tail::Durable => None,
            Tail::InFlight(link) => Some(link),
            Tail::Failed => self.tail.clone(),
        }
    }

    pub(crate) fn id(&self, key: &str) -> LaneId {
        LaneId { key: key.to_owned(), number: self.number }
    }
}

impl<A: Aggregate> Lanes<A> {
    /// The reading to wait for before there is a lane for the key; `None` when there is one.
    pub(crate) fn missing(&mut self, key: &str, load: impl FnOnce() -> Load<A>) -> Option<Load<A>> {
        self.uses += 1;
        if let Some(slot) = self.slots.get_mut(key) {
            slot.used = self.uses;
            match &slot.held {
                Held::Loading(load) => return Some(load.clone()),
                Held::Ready(lane) if !matches!(lane.tail(), Tail::Failed) => return None,
                Held::Ready(_) => {}
            }
        }
        self.let_go_of_idle();
        let load = load();
        self.slots.insert(key.to_owned(), Slot { used: self.uses, held: Held::Loading(load.clone()) });
        Some(load)
    }

    /// Takes in what a reading found, unless the lane has moved on since the reading was started.
    pub(crate) fn install(&mut self, key: &str, load: &Load<A>, found: Option<&Loaded<A>>) {
        let Some(slot) = self.slots.get_mut(key) else { return };
        if !matches!(&slot.held, Held::Loading(current) if current.ptr_eq(load)) {
            return;
        }
        let Some(found) = found else {
            self.slots.remove(key);
            return;
        };
        self.made += 1;
        slot.held = Held::Ready(Lane { number: self.made, now: found.clone(), tail: None, chain: None });
    }

    /// The lane of a key, if it is in memory.
    pub(crate) fn lane(&self, key: &str) -> Option<&Lane<A>> {
        match &self.slots.get(key)?.held {
            Held::Ready(lane) => Some(lane),
            Held::Loading(_) => None,
        }
    }

    fn lane_mut(&mut self, key: &str) -> Option<&mut Lane<A>> {
        match &mut self.slots.get_mut(key)?.held {
            Held::Ready(lane) => Some(lane),
            Held::Loading(_) => None,
        }
    }

    /// The lane, if it is still the one that the caller met.
    pub(crate) fn same(&self, id: &LaneId) -> Option<&Lane<A>> {
        self.lane(&id.key).filter(|lane| lane.number == id.number)
    }

    /// The commit that must be durable before another one can be chained to it; from then on the lane has a chain.
    pub(crate) fn unchained(&mut self, key: &str, name: impl FnOnce() -> String) -> Option<Link> {
        let lane = self.lane_mut(key)?;
        let Tail::InFlight(link) = lane.tail() else { return None };
        let chain = lane.chain.get_or_insert_with(|| Chain { key: name(), revision: 0 });
        (chain.revision == 0).then_some(link)
    }

    /// The lane's stream grows by a commit that was submitted.
    pub(crate) fn advance(&mut self, key: &str, after: Loaded<A>, link: &Link) {
        let Some(lane) = self.lane_mut(key) else { return };
        lane.now = after;
        lane.tail = Some(link.clone());
        if let Some(chain) = &mut lane.chain {
            chain.revision += 1;
        }
    }

    /// Forgets a lane whose commit failed, unless that was done before.
    pub(crate) fn evict(&mut self, id: &LaneId) {
        if self.same(id).is_some() {
            self.slots.remove(&id.key);
        }
    }

    /// Keeps the lanes used last, and those with a commit in flight.
    fn let_go_of_idle(&mut self) {
        if self.slots.len() as u64 <= 2 * IDLE_LANES {
            return;
        }
        let oldest = self.uses.saturating_sub(IDLE_LANES);
        self.slots.retain(|_, slot| {
            slot.used > oldest || matches!(&slot.held, Held::Ready(lane) if matches!(lane.tail(), Tail::InFlight(_)))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use partita_core::ErrorKind;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Default, Serialize, Deserialize)]
    struct Count(u64);

    impl Aggregate for Count {
        type Event = u64;
        const CATEGORY: &'static str = "count";
        fn kind(_: &u64) -> &'static str {
            "counted"
        }
        fn evolve(&mut self, event: &u64) {
            self.0 += event;
        }
    }

    fn reading() -> Load<Count> {
        let found = Arc::new(Loaded { state: Count(0), version: None });
        let reading: BoxFuture<'static, Result<_, Arc<Error>>> = Box::pin(std::future::ready(Ok(found)));
        reading.shared()
    }

    fn loaded(lanes: &mut Lanes<Count>, key: &str) -> LaneId {
        let load = lanes.missing(key, reading).expect("not in memory yet");
        lanes.install(key, &load, Some(&Loaded { state: Count(0), version: None }));
        lanes.lane(key).unwrap().id(key)
    }

    #[test]
    fn idle_lanes_are_let_go_and_busy_ones_stay() {
        let mut lanes = Lanes::default();
        loaded(&mut lanes, "busy");
        let (_reply, ticket) = Ticket::pair();
        lanes.advance("busy", Loaded { state: Count(1), version: Some(0) }, &link(ticket));
        for n in 0..5 * IDLE_LANES {
            loaded(&mut lanes, &n.to_string());
            assert!(lanes.slots.len() as u64 <= 2 * IDLE_LANES + 1);
        }
        assert_eq!(lanes.lane("busy").map(|lane| lane.now.state.0), Some(1));
        assert!(lanes.lane("0").is_none());
    }

    #[test]
    fn a_late_reading_does_not_overwrite_a_newer_lane() {
        let mut lanes = Lanes::default();
        let late = lanes.missing("a", reading).unwrap();
        lanes.slots.clear();
        loaded(&mut lanes, "a");
        lanes.advance("a", Loaded { state: Count(7), version: Some(0) }, &link(Ticket::pair().1));
        lanes.install("a", &late, Some(&Loaded { state: Count(0), version: None }));
        assert_eq!(lanes.lane("a").map(|lane| lane.now.state.0), Some(7));
    }

    #[test]
    fn a_failed_link_evicts_its_own_lane_and_not_the_successor() {
        let mut lanes = Lanes::default();
        let first = loaded(&mut lanes, "a");
        lanes.evict(&first);
        let second = loaded(&mut lanes, "a");
        lanes.evict(&first);
        assert!(lanes.same(&second).is_some() && lanes.same(&first).is_none());
    }

    #[test]
    fn a_lane_with_a_failed_tail_is_read_anew() {
        let mut lanes = Lanes::default();
        let id = loaded(&mut lanes, "a");
        let (reply, ticket) = Ticket::pair();
        lanes.advance("a", Loaded { state: Count(1), version: Some(0) }, &link(ticket));
        assert!(lanes.missing("a", reading).is_none(), "in flight: the state in memory is used");
        reply.send(Err(Error::new(ErrorKind::StorageFull, "full")));
        assert!(lanes.missing("a", reading).is_some());
        assert!(lanes.same(&id).is_none());
    }
}
