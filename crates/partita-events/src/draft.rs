//! From a decision to a commit: a pure function of the lanes as they are.

use crate::aggregate::next_after;
use crate::lane::{Chain, Lane};
use crate::load::{snapshot_put, stream_name};
use crate::{Aggregate, Decision, Loaded};
use partita_core::{
    Append, Commit, Envelope, Error, ErrorKind, Expect, NewEvent, Prune, Put, Result, StreamId, Version,
};
use partita_time::{Host, Timestamp};
use std::collections::BTreeMap;

/// The space of the records that chain the commits of busy lanes.
pub(crate) const LANES: &str = "lanes";
/// A chain's record is kept for one to two hours after its last link: far longer than a commit can be in flight.
const HOUR_MS: i64 = 3_600_000;
const PRUNED_AT_ONCE: u32 = 16;

/// Where events come from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) source: &'static str,
    pub(crate) host: Host,
}

/// A commit, and what the lanes become once it is submitted.
pub(crate) struct Draft<A> {
    pub(crate) commit: Commit,
    pub(crate) moves: Vec<(usize, Loaded<A>)>,
}

impl<A> Draft<A> {
    pub(crate) fn writes(&self, place: usize) -> bool {
        self.moves.iter().any(|(moved, _)| *moved == place)
    }
}

/// Builds the commit of a decision on these lanes. The caller's own part comes first in it, so that the items of a conflict
/// and of a receipt keep the places that the caller gave them.
pub(crate) fn draft<A: Aggregate>(
    origin: &Origin,
    correlation: Option<&str>,
    lanes: &[(&str, &Lane<A>)],
    decision: Decision<A::Event>,
) -> Result<Draft<A>> {
    let mut events: BTreeMap<usize, Vec<A::Event>> = BTreeMap::new();
    for (place, event) in decision.events {
        events.entry(place).or_default().push(event);
    }
    let mut draft = Draft { commit: Commit::of(decision.part), moves: vec![] };
    for (place, events) in events {
        let Some((key, lane)) = lanes.get(place) else {
            let error = Error::new(ErrorKind::Invalid, "a decision has an event of a key that the call does not name");
            return Err(error.with("place", place).with("keys", lanes.len()));
        };
        let mut after = lane.now.clone();
        let mut sealed = Vec::with_capacity(events.len());
        for event in &events {
            sealed.push(seal::<A>(origin, correlation, key, event)?);
            after.state.evolve(event);
            after.version = Some(next_after(after.version));
        }
        let expect = lane.now.version.map_or(Version::Empty, Version::Exactly);
        let stream = StreamId::named(A::CATEGORY, key);
        draft.commit.part.appends.push(Append { stream, expect, events: sealed });
        draft.commit.part.puts.extend(snapshot_put::<A>(key, lane.now.version, &after)?);
        if let Some(chain) = &lane.chain {
            chained::<A>(origin, key, chain, &mut draft.commit)?;
        }
        draft.moves.push((place, after));
    }
    Ok(draft)
}

fn seal<A: Aggregate>(origin: &Origin, correlation: Option<&str>, key: &str, event: &A::Event) -> Result<Envelope> {
    let mut new = NewEvent::new(A::kind(event), key, event)?;
    new.correlation_id = correlation.map(str::to_owned);
    Ok(new.seal(origin.source, &origin.host))
}

/// Moves the chain's record; its first link clears away records of chains that ended long ago.
fn chained<A: Aggregate>(origin: &Origin, key: &str, chain: &Chain, commit: &mut Commit) -> Result<()> {
    let now = origin.host.clock.now();
    let expect = if chain.revision == 0 { Expect::Absent } else { Expect::Exactly(chain.revision) };
    let value = serde_json::to_string(&stream_name::<A>(key))?;
    // A time that stays the same for an hour leaves its index as it is.
    let kept = Timestamp::from_millis((now.as_millis() / HOUR_MS).saturating_add(2).saturating_mul(HOUR_MS));
    commit.part.puts.push(Put::value(LANES, &chain.key, expect, value).keep_until(kept));
    if chain.revision == 0 && commit.prunes.is_empty() {
        commit.prunes.push(Prune::Expired { space: LANES, until: now, most: PRUNED_AT_ONCE });
    }
    Ok(())
}
