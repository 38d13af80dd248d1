//! Loading aggregates and carrying out commands on them.

use crate::draft::{Draft, LANES, Origin, draft};
use crate::lane::{Lane, LaneId, Lanes, Link, Load, link};
use crate::load::{SNAPSHOTS, load};
use crate::{Aggregate, Decision, Loaded};
use futures_util::FutureExt;
use partita_core::{
    Again, Commit, Effect, Error, ErrorKind, Item, Part, Receipt, Result, Space, Store, StreamId, Ticket, new_id,
};
use partita_time::{BoxFuture, Host};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How often a call decides anew because what it decided on did not become durable.
const ROUNDS: u32 = 16;

/// The aggregates of one kind in one store. Clones share their lanes; a store wants one repository for each kind, because
/// two of them disturb each other as foreign writers would: safely, but with retries.
pub struct Repository<A> {
    store: Arc<dyn Store>,
    origin: Origin,
    lanes: Arc<Mutex<Lanes<A>>>,
}

impl<A> Clone for Repository<A> {
    fn clone(&self) -> Self {
        Self { store: self.store.clone(), origin: self.origin.clone(), lanes: self.lanes.clone() }
    }
}

impl<A> fmt::Debug for Repository<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository").field("source", &self.origin.source).finish_non_exhaustive()
    }
}

/// What a call does next, found out under the lock and done outside of it.
enum Step<A, R> {
    /// A state is not in memory.
    Load(String, Load<A>),
    /// The lane is busy and its newest commit cannot be chained to.
    Wait(Link),
    /// The decision also looked at streams that it does not change, and their states are not durable yet.
    Settle(Vec<Link>),
    /// A refusal, or writes without events: they may stand only on states that are durable.
    Answer(Vec<Seen>, Result<Part, R>),
    /// The store did not enqueue the commit.
    Refused(Ticket),
    Sent(Sent),
}

/// A state that an answer stands on.
struct Seen {
    lane: LaneId,
    /// The version that a newer event would have.
    next: u64,
    in_flight: Option<Link>,
}

struct Sent {
    link: Link,
    lanes: Vec<LaneId>,
    /// How many appends and puts at the front of the commit are the caller's own.
    own: (usize, usize),
}

impl<A: Aggregate> Repository<A> {
    /// Opens the aggregates of a store; `source` names the service in the envelopes: `/inventory`.
    pub fn new(store: Arc<dyn Store>, host: Host, source: &'static str) -> Self {
        Self { store, origin: Origin { source, host }, lanes: Arc::default() }
    }

    /// The spaces that the store must be opened with. Repositories of one store share them.
    pub fn spaces() -> Vec<Space> {
        vec![Space::named(SNAPSHOTS), Space::named(LANES)]
    }

    /// The durable state under a key: the default state, without a version, when nothing has happened to it.
    ///
    /// # Errors
    /// `Corrupt` for an event of an unknown type or shape, with its stream, version and type; what the store's reads say.
    pub async fn load(&self, key: &str) -> Result<Loaded<A>> {
        load(&*self.store, key).await
    }

    /// Decides on the states under some keys, and commits what was decided in one piece, all or nothing.
    ///
    /// `decide` is called with the states in the order of the keys, under a lock: it must be quick and pure, and is called
    /// again when what it saw did not become durable. Streams that get events are guarded by their exact versions. A refusal,
    /// and a decision without events, are answered only from durable states; a part without events is not ordered against
    /// events that are decided later. Nothing to write is an empty receipt without a commit. Dropping the future withdraws
    /// nothing that was submitted.
    ///
    /// # Errors
    /// A conflict on an item of the decision's own `part`, as it is, and any error of the store; `Invalid` when a key is
    /// named twice or a decision has an event of a key not named; `Busy` when other writers of the streams came first 16
    /// times.
    pub async fn execute<R, F>(
        &self,
        keys: &[&str],
        correlation: Option<&str>,
        mut decide: F,
    ) -> Result<Result<Receipt, R>>
    where
        F: FnMut(&[&A]) -> Result<Decision<A::Event>, R>,
    {
        distinct(keys)?;
        let mut rounds = 0;
        while rounds < ROUNDS {
            match self.step(keys, correlation, &mut decide)? {
                Step::Load(key, load) => self.fetch(&key, load).await?,
                Step::Wait(link) => drop(link.await),
                Step::Settle(links) => {
                    rounds += 1;
                    drop(futures_util::future::join_all(links).await);
                }
                Step::Answer(seen, answer) => {
                    if self.hold(&seen).await? {
                        return self.answer(answer).await;
                    }
                    rounds += 1;
                }
                Step::Refused(ticket) => return ticket.await.map(Ok),
                Step::Sent(sent) => match self.outcome(sent).await? {
                    Some(receipt) => return Ok(Ok(receipt)),
                    None => rounds += 1,
                },
            }
        }
        Err(overtaken::<A>(keys))
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes<A>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step<R, F>(&self, keys: &[&str], correlation: Option<&str>, decide: &mut F) -> Result<Step<A, R>>
    where
        F: FnMut(&[&A]) -> Result<Decision<A::Event>, R>,
    {
        let mut lanes = self.lanes();
        if let Some(step) = self.not_ready(&mut lanes, keys) {
            return Ok(step);
        }
        let ready: Vec<(&str, &Lane<A>)> = keys.iter().filter_map(|key| Some((*key, lanes.lane(key)?))).collect();
        let states: Vec<&A> = ready.iter().map(|(_, lane)| &lane.now.state).collect();
        let decision = match decide(&states) {
            Err(reason) => return Ok(Step::Answer(seen(&ready), Err(reason))),
            Ok(decision) if decision.events.is_empty() => return Ok(Step::Answer(seen(&ready), Ok(decision.part))),
            Ok(decision) => decision,
        };
        let own = (decision.part.appends.len(), decision.part.puts.len());
        let draft = draft(&self.origin, correlation, &ready, decision)?;
        let only_read = ready.iter().enumerate().filter(|(place, _)| !draft.writes(*place));
        let unsettled: Vec<Link> = only_read.filter_map(|(_, (_, lane))| lane.in_flight()).collect();
        if !unsettled.is_empty() {
            return Ok(Step::Settle(unsettled));
        }
        let moved = draft.moves.iter().map(|(place, _)| ready[*place].1.id(ready[*place].0)).collect();
        Ok(self.submit(&mut lanes, draft, moved, own))
    }

    /// What must be waited for before the states of all keys can be decided on.
    fn not_ready<R>(&self, lanes: &mut Lanes<A>, keys: &[&str]) -> Option<Step<A, R>> {
        for key in keys {
            if let Some(load) = lanes.missing(key, || self.reading(key)) {
                return Some(Step::Load((*key).to_owned(), load));
            }
        }
        let host = &self.origin.host;
        let name = || new_id(host.clock.now(), &host.entropy).to_string();
        keys.iter().find_map(|key| lanes.unchained(key, name)).map(Step::Wait)
    }

    fn submit<R>(&self, lanes: &mut Lanes<A>, draft: Draft<A>, moved: Vec<LaneId>, own: (usize, usize)) -> Step<A, R> {
        let ticket = self.store.submit(draft.commit);
        if ticket.is_refused() {
            return Step::Refused(ticket);
        }
        let link = link(ticket);
        for (id, (_, after)) in moved.iter().zip(draft.moves) {
            lanes.advance(&id.key, after, &link);
        }
        Step::Sent(Sent { link, lanes: moved, own })
    }

    fn reading(&self, key: &str) -> Load<A> {
        let (store, key) = (self.store.clone(), key.to_owned());
        let reading: BoxFuture<'static, Result<Arc<Loaded<A>>, Arc<Error>>> =
            Box::pin(async move { load(&*store, &key).await.map(Arc::new).map_err(Arc::new) });
        reading.shared()
    }

    async fn fetch(&self, key: &str, load: Load<A>) -> Result<()> {
        let found = load.clone().await;
        self.lanes().install(key, &load, found.as_deref().ok());
        found.map(drop).map_err(|error| error.share())
    }

    /// Whether the states that an answer stands on are durable, and were the newest while the call ran.
    async fn hold(&self, seen: &[Seen]) -> Result<bool> {
        for Seen { lane, next, in_flight } in seen {
            let durable = match in_flight {
                Some(link) => link.clone().await.is_ok(),
                None => true,
            };
            if !durable || !self.newest(lane, *next).await? {
                self.lanes().evict(lane);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether everything in the stream from `next` on came from this lane.
    async fn newest(&self, id: &LaneId, next: u64) -> Result<bool> {
        let newer = self.store.stream(StreamId::named(A::CATEGORY, &id.key), next, 1).await?;
        if newer.is_empty() {
            return Ok(true);
        }
        let ours = self.lanes().same(id).filter(|lane| lane.now.next() > next).map(Lane::in_flight);
        Ok(match ours {
            None => false,
            Some(None) => true,
            Some(Some(link)) => link.await.is_ok(),
        })
    }

    async fn answer<R>(&self, answer: Result<Part, R>) -> Result<Result<Receipt, R>> {
        let part = match answer {
            Err(reason) => return Ok(Err(reason)),
            Ok(part) => part,
        };
        if part.appends.is_empty() && part.puts.is_empty() && part.adds.is_empty() {
            return Ok(Ok(Receipt::default()));
        }
        self.store.commit(Commit::of(part)).await.map(Ok)
    }

    /// The receipt; `None` when the call must decide anew, because another writer was faster or a link before it failed.
    async fn outcome(&self, sent: Sent) -> Result<Option<Receipt>> {
        let error = match sent.link.await {
            Ok(receipt) => return Ok(Some(receipt)),
            Err(error) => error,
        };
        let mut lanes = self.lanes();
        for id in &sent.lanes {
            lanes.evict(id);
        }
        let (appends, puts) = sent.own;
        match error.conflict().map(|conflict| conflict.item) {
            Some(Item::Append(place)) if place >= appends => Ok(None),
            Some(Item::Put(place)) if place >= puts => Ok(None),
            _ => Err(error.share()),
        }
    }
}

fn seen<A: Aggregate>(ready: &[(&str, &Lane<A>)]) -> Vec<Seen> {
    let seen = |(key, lane): &(&str, &Lane<A>)| Seen {
        lane: lane.id(key),
        next: lane.now.next(),
        in_flight: lane.in_flight(),
    };
    ready.iter().map(seen).collect()
}

fn distinct(keys: &[&str]) -> Result<()> {
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Error::new(ErrorKind::Invalid, "a call names the same aggregate twice").with("key", pair[0])),
        None => Ok(()),
    }
}

fn overtaken<A: Aggregate>(keys: &[&str]) -> Error {
    Error::new(ErrorKind::Busy, format!("other writers of the streams came first {ROUNDS} times; try again later"))
        .again(Again::Later)
        .effect(Effect::None)
        .with("category", A::CATEGORY)
        .with("keys", keys.join(", "))
}
