//! Reading a durable state: the newest snapshot, then the events behind it.

use crate::{Aggregate, Loaded};
use partita_core::{Error, ErrorKind, Expect, Flow, MAX_EVENT_BYTES, Put, Recorded, Result, Store, StreamId};
use serde::{Deserialize, Serialize};
use tracing::warn;

/// The space that snapshots are kept in.
pub const SNAPSHOTS: &str = "snapshots";
/// A stream gets a snapshot each time it has grown by so many events.
pub const SNAPSHOT_EVERY: u64 = 128;

#[derive(Serialize)]
struct Taken<'a, A> {
    version: u64,
    state: &'a A,
}

#[derive(Deserialize)]
#[serde(bound = "A: Aggregate")]
struct Kept<A> {
    version: u64,
    state: A,
}

/// The durable state under a key.
pub(crate) async fn load<A: Aggregate>(store: &dyn Store, key: &str) -> Result<Loaded<A>> {
    let mut loaded = snapshot(store, key).await?;
    let stream = StreamId::named(A::CATEGORY, key);
    loop {
        let page = store.stream(stream, loaded.next(), Flow::PAGE).await?;
        for recorded in &page {
            fold(&mut loaded, recorded).map_err(|error| error.with("stream", stream_name::<A>(key)))?;
        }
        if page.len() < Flow::PAGE {
            return Ok(loaded);
        }
    }
}

/// A snapshot of a state to write with the event that led to it, if one is due there and it is not too large to keep.
pub(crate) fn snapshot_put<A: Aggregate>(key: &str, before: Option<u64>, after: &Loaded<A>) -> Result<Option<Put>> {
    let taken_at = |version: Option<u64>| crate::aggregate::next_after(version) / SNAPSHOT_EVERY;
    let Some(version) = after.version.filter(|_| taken_at(before) < taken_at(after.version)) else { return Ok(None) };
    let value = serde_json::to_string(&Taken { version, state: &after.state })?;
    let put = Put::value(SNAPSHOTS, stream_name::<A>(key), Expect::Any, value);
    Ok(Some(put).filter(|put| matches!(&put.write, partita_core::Write::Value { value, .. } if value.len() + put.key.len() <= MAX_EVENT_BYTES)))
}

/// What a stream is called in records and errors.
pub(crate) fn stream_name<A: Aggregate>(key: &str) -> String {
    format!("{}/{key}", A::CATEGORY)
}

async fn snapshot<A: Aggregate>(store: &dyn Store, key: &str) -> Result<Loaded<A>> {
    let name = stream_name::<A>(key);
    let nothing = Loaded { state: A::default(), version: None };
    let Some(record) = store.get(SNAPSHOTS, &name).await? else { return Ok(nothing) };
    match serde_json::from_str::<Kept<A>>(&record.value) {
        Ok(kept) => Ok(Loaded { state: kept.state, version: Some(kept.version) }),
        Err(error) => {
            warn!(stream = name, %error, "a snapshot does not decode; the stream is replayed from its start");
            Ok(nothing)
        }
    }
}

fn fold<A: Aggregate>(loaded: &mut Loaded<A>, recorded: &Recorded) -> Result<()> {
    let unreadable = |message: &str| {
        let error = Error::new(ErrorKind::Corrupt, message);
        error.with("version", recorded.version).with("type", &recorded.event.kind)
    };
    let event: A::Event = serde_json::from_str(recorded.event.data.get())
        .map_err(|error| unreadable("an event of the stream does not decode").because(error))?;
    if A::kind(&event) != recorded.event.kind {
        return Err(unreadable("an event of the stream decodes as another type").with("decoded as", A::kind(&event)));
    }
    if recorded.version != loaded.next() {
        return Err(unreadable("events of the stream are missing").with("expected version", loaded.next()));
    }
    loaded.state.evolve(&event);
    loaded.version = Some(recorded.version);
    Ok(())
}
