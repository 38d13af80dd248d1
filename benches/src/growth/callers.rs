//! Those who append: which streams they come to, and in which order.

use crate::Result;
use crate::append::Data;
use futures_util::stream::{FuturesUnordered, TryStreamExt};
use partita::core::{Append, Commit, NewEvent, Part, Store, StreamId, Version, new_id};
use partita::time::Host;
use std::collections::HashMap;

/// Bytes of an event's data: with its envelope a row of about 230 bytes, so that ten million fit in 3 GB.
const DATA_BYTES: usize = 100;
pub(super) const CALLERS: usize = 256;
/// Events of a commit that only fills.
pub(super) const FILL: usize = 64;
/// Events of a stream that is not continued for ever.
const STREAM_EVENTS: u64 = 10;
/// Things of a caller that events come back to, in no order: 1,024,000 in all.
const THINGS: u64 = 4_000;

/// How streams are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// New things all the time, with ten events each, named by UUIDv7.
    New,
    /// A million things that come back in no order, under names of any kind.
    Spread,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::New => "new streams of ten events, named by UUIDv7",
            Self::Spread => "a million streams in no order, named otherwise",
        }
    }

    pub(super) const fn short(self) -> &'static str {
        match self {
            Self::New => "new streams",
            Self::Spread => "a million old ones",
        }
    }
}

/// Every caller makes so many commits of so many events; how many events that were.
pub(super) async fn all(callers: &mut [Caller], store: &dyn Store, commits: usize, events: usize) -> Result<u64> {
    let added = (callers.len() * commits * events) as u64;
    let busy: FuturesUnordered<_> = callers.iter_mut().map(|caller| caller.go_on(store, commits, events)).collect();
    busy.try_collect::<()>().await?;
    Ok(added)
}

/// One of those who append, and the streams that it has under way.
pub(super) struct Caller {
    kind: Kind,
    number: u64,
    host: Host,
    turn: u64,
    open: Vec<(StreamId, u64)>,
    lengths: HashMap<u64, u64>,
    data: Data,
}

impl Caller {
    pub(super) fn all(kind: Kind, host: &Host) -> Vec<Self> {
        (0..CALLERS as u64).map(|number| Self::new(kind, number, host)).collect()
    }

    fn new(kind: Kind, number: u64, host: &Host) -> Self {
        let open = (0..FILL).map(|_| (new_stream(host), 0)).collect();
        // Not all of them begin anew at the same time.
        Self {
            kind,
            number,
            host: host.clone(),
            turn: number,
            open,
            lengths: HashMap::new(),
            data: Data::of(DATA_BYTES),
        }
    }

    async fn go_on(&mut self, store: &dyn Store, commits: usize, events: usize) -> Result<()> {
        for _ in 0..commits {
            let appends = (0..events).map(|_| self.append()).collect::<Result<_>>()?;
            store.commit(Commit::of(Part { appends, ..Part::new() })).await?;
        }
        Ok(())
    }

    fn append(&mut self) -> Result<Append> {
        let (stream, length) = self.next();
        let expect = length.checked_sub(1).map_or(Version::Empty, Version::Exactly);
        let event = NewEvent::new("something.happened", "thing", &self.data)?.seal("/bench", &self.host);
        Ok(Append { stream, expect, events: vec![event] })
    }

    /// The stream of the next event, and how long it is. As many in a row as a commit holds are different ones.
    pub(super) fn next(&mut self) -> (StreamId, u64) {
        self.turn += 1;
        match self.kind {
            Kind::New => self.newest(),
            Kind::Spread => self.any(),
        }
    }

    fn newest(&mut self) -> (StreamId, u64) {
        let at = usize::try_from(self.turn).unwrap_or(0) % FILL;
        let fresh = new_stream(&self.host);
        let Some((stream, length)) = self.open.get_mut(at) else { return (fresh, 0) };
        if *length == STREAM_EVENTS {
            (*stream, *length) = (fresh, 0);
        }
        *length += 1;
        (*stream, *length - 1)
    }

    fn any(&mut self) -> (StreamId, u64) {
        // A step that shares no factor with the number of things comes to each of them once a round.
        let thing = self.number * THINGS + self.turn * 1_237 % THINGS;
        let length = self.lengths.entry(thing).or_default();
        *length += 1;
        (StreamId::named("thing", &format!("number {thing}")), *length - 1)
    }
}

fn new_stream(host: &Host) -> StreamId {
    StreamId::named("thing", &new_id(host.clock.now(), &host.entropy).to_string())
}
