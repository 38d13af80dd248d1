//! One record: facts that became true together, and the state if it changed.

use crate::definition::{Json, Why};
use partita_core::{Error, ErrorKind, Result};
use partita_time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::io::Write;

/// First byte of every record.
const FORMAT: u8 = 1;

/// What an attempt is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Verb {
    #[serde(rename = "d")]
    Do,
    #[serde(rename = "s")]
    Settle,
    #[serde(rename = "u")]
    Undo,
}

/// One thing that became true.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fact {
    /// The saga was started from this definition.
    Start { name: String, version: u32, print: String, deadline: Option<Timestamp> },
    /// Attempt `n` may act from `due` on; without one, at once. From here on the leaf may be in doubt.
    Open {
        #[serde(rename = "l")]
        leaf: usize,
        #[serde(rename = "v")]
        verb: Verb,
        n: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Timestamp>,
    },
    /// The leaf took effect; a branch keeps its output until the join.
    Done {
        #[serde(rename = "l")]
        leaf: usize,
        #[serde(default, deserialize_with = "also_null", skip_serializing_if = "Option::is_none")]
        out: Option<Box<RawValue>>,
    },
    /// The leaf was refused for good and did nothing.
    Rejected {
        #[serde(rename = "l")]
        leaf: usize,
        reason: serde_json::Value,
        /// Whether an earlier attempt may yet arrive and act.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        doubt: bool,
    },
    /// The attempt ended without an answer.
    Unknown {
        #[serde(rename = "l")]
        leaf: usize,
        #[serde(rename = "v")]
        verb: Verb,
        n: u32,
        /// Why; empty where the same was said when the leaf was put off before.
        error: String,
        /// Whether it may have had an effect.
        doubt: bool,
        /// Whether it was its process that ended, not the attempt.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        cut: bool,
        /// Whether the participant put it off: then it was no try.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        put_off: bool,
    },
    /// No further attempt of doing; settled as not done unless it is in doubt.
    Closed {
        #[serde(rename = "l")]
        leaf: usize,
        /// Whether it may have had an effect.
        doubt: bool,
    },
    /// The leaf left nothing behind any more.
    Undone {
        #[serde(rename = "l")]
        leaf: usize,
    },
    /// Undoing was given up; the other undos go on.
    GivenUp {
        #[serde(rename = "l")]
        leaf: usize,
    },
    /// A cancel was accepted.
    Cancel,
    /// From here on only back.
    Unwind { why: Why },
    /// An operator is needed.
    Parked { why: String },
    /// A new owner found attempts under way.
    Recovered,
    /// Every step is done, or every step is undone.
    End,
}

impl Verb {
    const fn letter(self) -> char {
        match self {
            Self::Do => 'd',
            Self::Settle => 's',
            Self::Undo => 'u',
        }
    }
}

impl Fact {
    /// Its JSON text. What each step writes is put together here, which takes a third of the time of a general serializer.
    fn encode(&self, bytes: &mut Vec<u8>) -> serde_json::Result<()> {
        let _ = match self {
            Self::Open { leaf, verb, n, due: None } => {
                write!(bytes, "{{\"open\":{{\"l\":{leaf},\"v\":\"{}\",\"n\":{n}}}}}", verb.letter())
            }
            Self::Done { leaf, out: None } => write!(bytes, "{{\"done\":{{\"l\":{leaf}}}}}"),
            Self::Undone { leaf } => write!(bytes, "{{\"undone\":{{\"l\":{leaf}}}}}"),
            other => return serde_json::to_writer(bytes, other),
        };
        Ok(())
    }
}

/// An output that is there: `null` is one too.
fn also_null<'de, D: Deserializer<'de>>(given: D) -> std::result::Result<Option<Box<RawValue>>, D::Error> {
    Box::deserialize(given).map(Some)
}

/// Facts that became true together.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// When.
    pub(crate) at: Timestamp,
    /// Epoch of the owner that wrote it.
    pub(crate) epoch: u64,
    pub(crate) facts: Vec<Fact>,
    /// The state, if it changed.
    pub(crate) state: Option<Json>,
}

/// A record as it is stored.
#[derive(Deserialize)]
struct Stored<'a> {
    at: Timestamp,
    e: u64,
    f: Vec<Fact>,
    #[serde(borrow, default)]
    s: Option<&'a RawValue>,
}

/// Bytes of a record's text besides its state, about.
const HEAD_BYTES: usize = 160;

impl Record {
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + self.state.as_ref().map_or(0, |state| state.len()));
        bytes.push(FORMAT);
        let _ = write!(bytes, "{{\"at\":{},\"e\":{},\"f\":", self.at.as_millis(), self.epoch);
        for (place, fact) in self.facts.iter().enumerate() {
            bytes.push(if place == 0 { b'[' } else { b',' });
            fact.encode(&mut bytes)?;
        }
        bytes.extend_from_slice(if self.facts.is_empty() { b"[]" } else { b"]" });
        if let Some(state) = &self.state {
            // A state is JSON text already: it becomes the last member as it is.
            bytes.extend_from_slice(b",\"s\":");
            bytes.extend_from_slice(state.as_bytes());
        }
        bytes.push(b'}');
        Ok(bytes)
    }

    /// Whether it only says that an attempt had no answer and another one follows.
    pub(crate) fn is_repetition(&self) -> bool {
        let repeats = |fact: &Fact| matches!(fact, Fact::Unknown { .. } | Fact::Open { .. } | Fact::Recovered);
        self.state.is_none() && !self.facts.is_empty() && self.facts.iter().all(repeats)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        match bytes.split_first() {
            Some((&FORMAT, json)) => {
                let Stored { at, e, f, s } = serde_json::from_slice(json)?;
                Ok(Self { at, epoch: e, facts: f, state: s.map(|state| state.get().into()) })
            }
            Some((format, _)) => {
                Err(Error::new(ErrorKind::NewerFormat, "a journal record of an unknown format").with("format", format))
            }
            None => Err(Error::new(ErrorKind::Corrupt, "an empty journal record")),
        }
    }
}
