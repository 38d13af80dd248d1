//! What reads hand back.

use partita_time::Timestamp;
use uuid::Uuid;

/// Place of an event in its log: dense, from 1, in the order of commits.
pub type Position = u64;

/// Identity of a log: changes when it is created anew or restored from a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogId {
    /// Drawn when the log was created.
    pub uuid: Uuid,
    /// Raised by each restore.
    pub restore_epoch: u32,
}

/// Where a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which log.
    pub log: LogId,
    /// The newest position; 0 when it is empty.
    pub position: Position,
}

/// How far a reader of a log has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub log: LogId,
    /// Everything up to here was handled.
    pub position: Position,
}

/// One record of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// Its place, dense from 0.
    pub seq: u32,
    /// Its bytes, as they were appended.
    pub body: Vec<u8>,
}

/// A keyed record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its key.
    pub key: String,
    /// 1 when new, one more with each write. A record that was deleted and made anew starts at 1 again.
    pub revision: u64,
    /// JSON text.
    pub value: String,
    /// When it falls due.
    pub due: Option<Timestamp>,
}

/// Value of a declared field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FieldValue {
    /// A number.
    Int(i64),
    /// A text.
    Text(String),
}

impl From<i64> for FieldValue {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<Timestamp> for FieldValue {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.as_millis())
    }
}

impl From<&str> for FieldValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

/// A page of records with one field's value, ordered by another field, then by key.
#[derive(Clone, Debug)]
pub struct Find {
    /// The space.
    pub space: &'static str,
    /// This field has this value; `None` takes all records.
    pub equals: Option<(&'static str, FieldValue)>,
    /// Ordered by this field, which every such record must have.
    pub order_by: &'static str,
    /// Greatest first.
    pub descending: bool,
    /// Behind this record, named by its value of `order_by` and its key.
    pub after: Option<(FieldValue, String)>,
    /// How many at most.
    pub limit: usize,
}

/// A page of records that are due.
#[derive(Clone, Debug)]
pub struct DuePage {
    /// The space.
    pub space: &'static str,
    /// Due at this moment or before.
    pub until: Timestamp,
    /// Behind this record, named by its due time and its key.
    pub after: Option<(Timestamp, String)>,
    /// How many at most.
    pub limit: usize,
}
