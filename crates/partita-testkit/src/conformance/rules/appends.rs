//! Events go to the end of their stream, in order, at the version that was expected.

use crate::conformance::given::{append, put, stream};
use crate::conformance::observe::{conflicted, text, texts};
use crate::conformance::verdict::{ensure, equal};
use crate::conformance::{Rig, Verdict};
use partita_core::{Append, Commit, Envelope, EventId, Expect, Part, StreamId, Version};
use partita_time::Timestamp;
use serde_json::value::RawValue;

/// `Empty` is for a stream's first events, and only for those.
pub async fn an_append_at_empty_begins_a_stream(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let receipt = store.commit(Commit::of(append("s", Version::Empty, rig.events(2)?))).await?;
    equal!(receipt.versions, [1], "the version of the second event");
    conflicted(store.commit(Commit::of(append("s", Version::Empty, rig.events(1)?))).await)?;
    Ok(())
}

/// The expected version is that of the newest event.
pub async fn an_append_at_exactly_the_newest_version_goes_on(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    store.commit(Commit::of(append("s", Version::Empty, rig.events(2)?))).await?;
    let receipt = store.commit(Commit::of(append("s", Version::Exactly(1), rig.events(3)?))).await?;
    equal!(receipt.versions, [4], "the version of the fifth event");
    conflicted(store.commit(Commit::of(append("s", Version::Exactly(1), rig.events(1)?))).await)?;
    Ok(())
}

/// `Any` takes the stream as it is, also without events; its guard is elsewhere in the commit.
pub async fn an_append_at_any_takes_the_stream_as_it_is(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    for n in 0..3_u64 {
        let mut part = append("s", Version::Any, rig.events(2)?);
        part.extend(put(&format!("guard{n}"), Expect::Absent, "{}"));
        equal!(store.commit(Commit::of(part)).await?.versions, [n * 2 + 1], "the version after append {n}");
    }
    Ok(())
}

/// Two streams never share a version.
pub async fn streams_are_numbered_by_themselves(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let ids = [StreamId::from_bytes([0; 16]), StreamId::from_bytes([0xff; 16]), stream("s")];
    for (n, id) in (1..).zip(ids) {
        let appends = vec![Append { stream: id, expect: Version::Empty, events: rig.events(n)? }];
        store.commit(Commit::of(Part { appends, ..Part::default() })).await?;
    }
    for (n, id) in (1..).zip(ids) {
        let events = store.stream(id, 0, 9).await?;
        let read: Vec<_> = events.iter().map(|event| (event.stream, event.version)).collect();
        equal!(read, (0..n).map(|version| (id, version)).collect::<Vec<_>>(), "stream and version of events");
    }
    Ok(())
}

/// Within one append and between several of one commit.
pub async fn events_of_a_commit_keep_their_order(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let (first, second) = (rig.events(300)?, rig.events(300)?);
    let said: Vec<_> = first.iter().chain(&second).map(|event| event.id).collect();
    let mut part = append("z", Version::Empty, first);
    part.extend(append("a", Version::Empty, second));
    store.commit(Commit::of(part)).await?;
    let log = crate::conformance::observe::whole_log(&*store).await?;
    equal!(log.iter().map(|event| event.event.id).collect::<Vec<_>>(), said, "ids in the log");
    Ok(())
}

/// Every field of the envelope, set and not set, and `data` letter by letter.
pub async fn an_envelope_reads_back_as_it_was_written(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let full = Envelope {
        id: EventId::from_bytes([0xfe; 16]),
        source: "/kit/ä?b=c#d".to_owned(),
        kind: "kit.\u{1f3bc}.happened".to_owned(),
        time: Timestamp::from_millis(1_795_248_000_007),
        subject: Some("subject 'quoted' \"twice\" \\ \u{0} \u{7f}".to_owned()),
        schema_version: u32::MAX,
        correlation_id: Some("corr-1".to_owned()),
        causation_id: Some("cause-1".to_owned()),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        data: raw("{ \"b\" : 1,\n\t\"a\":1.50e+2, \"n\": 12345678901234567890123, \"u\":\"\\u00e9é\", \"a\": null }")?,
    };
    let bare = Envelope {
        id: EventId::from_bytes([0; 16]),
        time: Timestamp::from_millis(-1),
        subject: None,
        schema_version: 0,
        correlation_id: None,
        causation_id: None,
        traceparent: None,
        data: raw("null")?,
        ..full.clone()
    };
    let empty = Envelope { id: rig.event()?.id, subject: Some(String::new()), data: raw("\"\"")?, ..bare.clone() };
    let said = vec![full, bare, empty];
    store.commit(Commit::of(append("s", Version::Empty, said.clone()))).await?;
    let said = said.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    equal!(texts(&store.stream(stream("s"), 0, 9).await?)?, said, "envelopes of the stream");
    equal!(texts(&crate::conformance::observe::whole_log(&*store).await?)?, said, "envelopes of the log");
    Ok(())
}

fn raw(text: &str) -> Result<Box<RawValue>, crate::conformance::Objection> {
    Ok(RawValue::from_string(text.to_owned()).map_err(partita_core::Error::from)?)
}

/// A megabyte, with every sort of letter in it.
pub async fn a_large_event_reads_back_byte_by_byte(rig: &Rig<'_>) -> Verdict {
    let store = rig.open().await?;
    let mut event = rig.event()?;
    event.data = raw(&format!("\"{}\"", "é\u{1f3bc}a\\n\\u0000 ".repeat(60_000)))?;
    let said = text(&event)?;
    ensure!(said.len() > 900_000, "the rule's event has only {} bytes", said.len());
    store.commit(Commit::of(append("s", Version::Empty, vec![event]))).await?;
    let read = texts(&store.stream(stream("s"), 0, 1).await?)?;
    ensure!(read == [said], "a large event came back changed");
    Ok(())
}
