//! An event as a row: what is searched has columns of its own, the rest of the envelope is one compact text.

use partita_core::{Envelope, Error, ErrorKind, EventId, Recorded, Result, StreamId};
use partita_time::Timestamp;
use rusqlite::Row;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The part of an envelope without columns, under its CloudEvents names; what has its default is left out.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Meta<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    source: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Cow<'a, str>>,
    #[serde(rename = "schemaversion", skip_serializing_if = "Option::is_none")]
    schema_version: Option<u32>,
    #[serde(rename = "correlationid", skip_serializing_if = "Option::is_none")]
    correlation_id: Option<Cow<'a, str>>,
    #[serde(rename = "causationid", skip_serializing_if = "Option::is_none")]
    causation_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<Cow<'a, str>>,
}

/// The `meta` column of an event.
pub(crate) fn meta(event: &Envelope) -> Option<String> {
    let meta = Meta {
        source: Cow::Borrowed(&event.source),
        subject: event.subject.as_deref().map(Cow::Borrowed),
        schema_version: Some(event.schema_version).filter(|version| *version != 1),
        correlation_id: event.correlation_id.as_deref().map(Cow::Borrowed),
        causation_id: event.causation_id.as_deref().map(Cow::Borrowed),
        traceparent: event.traceparent.as_deref().map(Cow::Borrowed),
    };
    serde_json::to_string(&meta).ok().filter(|_| meta != Meta::default())
}

/// A row of `stream.sql` or `behind.sql`.
pub(crate) fn recorded(row: &Row<'_>) -> Result<Recorded> {
    let columns = Columns::of(row).map_err(crate::error::of)?;
    let position = columns.position;
    decode(columns).map_err(|error| {
        Error::new(ErrorKind::Corrupt, "an event cannot be read").with("position", position).because(error)
    })
}

struct Columns {
    position: i64,
    stream: [u8; 16],
    version: i64,
    id: [u8; 16],
    kind: String,
    time: i64,
    meta: Option<String>,
    data: String,
}

impl Columns {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            position: row.get(0)?,
            stream: row.get(1)?,
            version: row.get(2)?,
            id: row.get(3)?,
            kind: row.get(4)?,
            time: row.get(5)?,
            meta: row.get(6)?,
            data: row.get(7)?,
        })
    }
}

fn decode(columns: Columns) -> serde_json::Result<Recorded> {
    let text = columns.meta.as_deref().unwrap_or("{}");
    let Meta { source, subject, schema_version, correlation_id, causation_id, traceparent } =
        serde_json::from_str(text)?;
    let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
    let event = Envelope {
        id: EventId::from_bytes(columns.id),
        source: source.into_owned(),
        kind: columns.kind,
        time: Timestamp::from_millis(columns.time),
        subject: owned(subject),
        schema_version: schema_version.unwrap_or(1),
        correlation_id: owned(correlation_id),
        causation_id: owned(causation_id),
        traceparent: owned(traceparent),
        data: RawValue::from_string(columns.data)?,
    };
    Ok(Recorded {
        position: columns.position.cast_unsigned(),
        stream: StreamId::from_bytes(columns.stream),
        version: columns.version.cast_unsigned(),
        event,
    })
}
