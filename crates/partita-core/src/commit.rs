//! What shall become true together, or not at all.

use crate::{Envelope, FieldValue, Position, Record, StreamId};
use partita_time::Timestamp;
use std::fmt;

/// The only way to change a store: everything in it becomes true together, or nothing does.
///
/// It is pure data: read, decide, then commit. Every commit carries a guard that its own writes break (an exact version,
/// `Absent`, an exact revision), so that handing in the same value twice cannot take effect twice.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Only while this shard's epoch is the newest.
    pub fence: Option<Fence>,
    /// Records for private journals; for engines.
    pub journals: Vec<JournalAppend>,
    /// Events, records and counters.
    pub part: Part,
    /// Old things to forget.
    pub prunes: Vec<Prune>,
}

/// A share of a commit that a caller contributes: it touches neither a journal nor a fence.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// Events for the log.
    pub appends: Vec<Append>,
    /// Keyed records.
    pub puts: Vec<Put>,
    /// Blind counters.
    pub adds: Vec<Add>,
}

/// Who may commit for a shard: the holder of its newest epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fence {
    /// One of [`crate::SHARDS`].
    pub shard: u16,
    /// Raised each time the shard changes hands.
    pub epoch: u64,
}

/// The version that a stream must have for an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Whatever it is. Guard it with an `Absent` put of the first event's id.
    Any,
    /// The stream has no event yet.
    Empty,
    /// The newest event has this version.
    Exactly(u64),
}

/// Events for one stream of the log.
#[derive(Clone, Debug)]
pub struct Append {
    /// The stream.
    pub stream: StreamId,
    /// The version that it must have.
    pub expect: Version,
    /// At least one event, in order.
    pub events: Vec<Envelope>,
}

/// Records for one private journal: no global order, no envelope, never relayed.
#[derive(Clone, Debug)]
pub struct JournalAppend {
    /// Number of the saga.
    pub saga: u64,
    /// How many records the journal must hold: the first of `records` gets this sequence number.
    pub expect: u32,
    /// At least one record.
    pub records: Vec<Vec<u8>>,
}

/// What a record must be for a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Whatever it is.
    Any,
    /// Not there.
    Absent,
    /// There, at this revision.
    Exactly(u64),
}

/// A keyed record of a space, written or deleted.
#[derive(Clone, Debug)]
pub struct Put {
    /// The space, declared when the store was opened.
    pub space: &'static str,
    /// The record's key.
    pub key: String,
    /// What it must be.
    pub expect: Expect,
    /// What it becomes.
    pub write: Write,
}

/// What a record becomes.
#[derive(Clone, Debug)]
pub enum Write {
    /// A new value; its revision is 1, or one more than before.
    Value {
        /// JSON text.
        value: String,
        /// When it falls due, for spaces with a due index.
        due: Option<Timestamp>,
        /// Values of the declared fields; a field left out is null.
        fields: Vec<(&'static str, FieldValue)>,
        /// From then on it may be pruned.
        keep_until: Option<Timestamp>,
    },
    /// Gone.
    Delete,
}

/// A counter moved without reading it.
#[derive(Clone, Debug)]
pub struct Add {
    /// The space that the counter belongs to.
    pub space: &'static str,
    /// The counter's name.
    pub key: String,
    /// By how much.
    pub by: i64,
}

/// Something old to forget.
#[derive(Clone, Debug)]
pub enum Prune {
    /// The whole journal of an ended saga.
    Journal {
        /// Number of the saga.
        saga: u64,
    },
    /// Records of a space whose `keep_until` has passed.
    Expired {
        /// The space.
        space: &'static str,
        /// Now, by the caller's clock.
        until: Timestamp,
        /// How many at most.
        most: u32,
    },
}

/// Proof that a commit is durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Of each append in order: the position of its first event.
    pub positions: Vec<Position>,
    /// Of each append in order: the version of its last event.
    pub versions: Vec<u64>,
    /// Number of the physical transaction that carried it; commits that share one shared its flush.
    pub transaction: u64,
}

/// Which item of a commit was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// Index into `part.appends`.
    Append(usize),
    /// Index into `part.puts`.
    Put(usize),
    /// Index into `journals`.
    Journal(usize),
}

/// What was there instead.
#[derive(Clone, Debug)]
pub enum Found {
    /// The stream's newest version; `None` when it is empty.
    Version(Option<u64>),
    /// The record; `None` when there is none.
    Record(Option<Record>),
    /// How many records the journal holds.
    Length(u32),
}

/// An expectation that did not hold.
#[derive(Clone, Debug)]
pub struct Conflict {
    /// Which one: the first in the order journals, appends, puts.
    pub item: Item,
    /// What is there.
    pub found: Found,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} met ", self.item)?;
        match &self.found {
            Found::Version(None) => f.write_str("an empty stream"),
            Found::Version(Some(version)) => write!(f, "version {version}"),
            Found::Record(None) => f.write_str("no record"),
            Found::Record(Some(record)) => write!(f, "revision {} of {:?}", record.revision, record.key),
            Found::Length(length) => write!(f, "a journal of {length} records"),
        }
    }
}

impl Put {
    /// Writes a value, without due time, fields or end of keeping.
    pub fn value(space: &'static str, key: impl Into<String>, expect: Expect, value: String) -> Self {
        let write = Write::Value { value, due: None, fields: vec![], keep_until: None };
        Self { space, key: key.into(), expect, write }
    }

    /// Deletes a record.
    pub fn delete(space: &'static str, key: impl Into<String>, expect: Expect) -> Self {
        Self { space, key: key.into(), expect, write: Write::Delete }
    }

    /// Sets a declared field.
    #[must_use]
    pub fn field(mut self, name: &'static str, field: impl Into<FieldValue>) -> Self {
        if let Write::Value { fields, .. } = &mut self.write {
            fields.push((name, field.into()));
        }
        self
    }

    /// Sets when it falls due.
    #[must_use]
    pub fn due(mut self, at: Option<Timestamp>) -> Self {
        if let Write::Value { due, .. } = &mut self.write {
            *due = at;
        }
        self
    }

    /// Sets from when it may be pruned.
    #[must_use]
    pub fn keep_until(mut self, at: Timestamp) -> Self {
        if let Write::Value { keep_until, .. } = &mut self.write {
            *keep_until = Some(at);
        }
        self
    }
}

impl Part {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        let Self { appends, puts, adds } = self;
        appends.is_empty() && puts.is_empty() && adds.is_empty()
    }

    /// Adds a record.
    #[must_use]
    pub fn put(mut self, put: Put) -> Self {
        self.puts.push(put);
        self
    }

    /// Adds events.
    #[must_use]
    pub fn append(mut self, append: Append) -> Self {
        self.appends.push(append);
        self
    }

    /// Moves a counter.
    #[must_use]
    pub fn add(mut self, space: &'static str, key: impl Into<String>, by: i64) -> Self {
        self.adds.push(Add { space, key: key.into(), by });
        self
    }

    /// Takes in another part, behind what is there.
    pub fn extend(&mut self, other: Self) {
        self.appends.extend(other.appends);
        self.puts.extend(other.puts);
        self.adds.extend(other.adds);
    }
}

impl Commit {
    /// A commit of one part.
    pub fn of(part: Part) -> Self {
        Self { part, ..Self::default() }
    }

    /// Takes in a part, behind what is there.
    #[must_use]
    pub fn with(mut self, part: Part) -> Self {
        self.part.extend(part);
        self
    }
}
