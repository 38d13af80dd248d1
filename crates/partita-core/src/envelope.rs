//! The envelope around every event: CloudEvents 1.0 with the extensions that follow a request through services.

use crate::{EventId, Position, Result, StreamId};
use partita_time::{Host, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// An event as services exchange it: CloudEvents 1.0, JSON format.
///
/// Extensions (lower case, as CloudEvents asks): `schemaversion`, `correlationid`, `causationid`, `traceparent`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// Unique with `source`; a retried publication keeps it.
    pub id: EventId,
    /// Who says so, as a URI reference: `/ordering`.
    pub source: String,
    /// What happened: `order.placed`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it was decided.
    pub time: Timestamp,
    /// What it is about: the key of the aggregate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Version of the shape of `data`, from 1.
    #[serde(rename = "schemaversion")]
    pub schema_version: u32,
    /// The same for everything that one request set off.
    #[serde(rename = "correlationid", skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The event or request that led to this one.
    #[serde(rename = "causationid", skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<String>,
    /// W3C Trace Context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The event itself, as JSON.
    pub data: Box<RawValue>,
}

/// What a caller says of a new event; the rest of the envelope is filled in.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its type.
    pub kind: String,
    /// Version of the shape of `data`.
    pub schema_version: u32,
    /// The event as JSON.
    pub data: Box<RawValue>,
    /// What it is about.
    pub subject: Option<String>,
    /// The request that it belongs to.
    pub correlation_id: Option<String>,
    /// What led to it.
    pub causation_id: Option<String>,
}

impl NewEvent {
    /// An event of a type, version 1, about a subject.
    ///
    /// # Errors
    /// `Corrupt` when `data` has no JSON form.
    pub fn new(kind: impl Into<String>, subject: impl Into<String>, data: &impl Serialize) -> Result<Self> {
        let data = serde_json::value::to_raw_value(data)?;
        let subject = Some(subject.into());
        Ok(Self { kind: kind.into(), schema_version: 1, data, subject, correlation_id: None, causation_id: None })
    }

    /// Puts it into an envelope from `source`, decided now.
    pub fn seal(self, source: &str, host: &Host) -> Envelope {
        let time = host.clock.now();
        Envelope {
            id: EventId::new(time, &host.entropy),
            source: source.to_owned(),
            kind: self.kind,
            time,
            subject: self.subject,
            schema_version: self.schema_version,
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            traceparent: None,
            data: self.data,
        }
    }
}

/// An event with its place in the log.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its place among all events of the log, dense from 1.
    pub position: Position,
    /// Its stream.
    pub stream: StreamId,
    /// Its place in the stream, dense from 0.
    pub version: u64,
    /// The event.
    pub event: Envelope,
}
