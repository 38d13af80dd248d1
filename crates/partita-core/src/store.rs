//! What a store does. Each sentence of these pages has a test in the conformance kit.

use crate::{
    Checkpoint, Commit, DuePage, Envelope, Fence, Find, Head, JournalEntry, Position, Receipt, Record, Recorded,
    Result, StreamId, Ticket,
};
use partita_time::BoxFuture;
use std::fmt;
use std::sync::Arc;

/// The answer to a read.
pub type Read<'a, T> = BoxFuture<'a, Result<T>>;

/// Reads the log.
pub trait Log {
    /// The log's identity and its newest position. An empty log ends at position 0.
    fn head(&self) -> Read<'_, Head>;
    /// Events of a stream from a version on, oldest first, at most `limit`. An unknown stream is empty.
    fn stream(&self, stream: StreamId, from: u64, limit: usize) -> Read<'_, Vec<Recorded>>;
    /// Events of the whole log behind a checkpoint, oldest first, at most `limit`. Positions have no gaps, and a page never
    /// skips an event that is committed later at a smaller position. A checkpoint of another log, or ahead of this one, is
    /// `LogMismatch`.
    fn behind(&self, checkpoint: Checkpoint, limit: usize) -> Read<'_, Vec<Recorded>>;
    /// Resolves once the log's head is beyond a position, without polling.
    fn grown(&self, beyond: Position) -> Read<'_, Position>;
}

/// Reads keyed records.
pub trait Records {
    /// One record, or `None`.
    fn get<'a>(&'a self, space: &'static str, key: &'a str) -> Read<'a, Option<Record>>;
    /// Records by key, behind a key, at most `limit`.
    fn page<'a>(&'a self, space: &'static str, after: Option<&'a str>, limit: usize) -> Read<'a, Vec<Record>>;
    /// Records by field. A page that no index was declared for is `Invalid`.
    fn find(&self, find: Find) -> Read<'_, Vec<Record>>;
    /// Records that are due, by due time and key.
    fn due(&self, page: DuePage) -> Read<'_, Vec<Record>>;
    /// All counters of a space by name. A counter never moved is not there.
    fn counters(&self, space: &'static str) -> Read<'_, Vec<(String, i64)>>;
}

/// Reads journals.
pub trait Journals {
    /// Records of a journal from a sequence number on, at most `limit`. An unknown journal is empty.
    fn journal(&self, saga: u64, from: u32, limit: usize) -> Read<'_, Vec<JournalEntry>>;
}

/// A store: three capabilities that read, and one verb that changes.
pub trait Store: Log + Records + Journals + Send + Sync + fmt::Debug + 'static {
    /// Checks the commit and enqueues it now; the ticket resolves when it is durable or refused.
    ///
    /// Commits of one handle apply in the order of submission. A receipt comes only after the flush, and a read begun after
    /// it sees the commit. One commit's conflict fails that commit alone. A full queue answers `Busy`, nothing applied.
    /// Dropping a ticket withdraws nothing. An epoch older than the shard's newest is `Fenced`, nothing applied.
    fn submit(&self, commit: Commit) -> Ticket;
    /// Waits for room in the queue, then submits and waits for the answer.
    fn commit(&self, commit: Commit) -> Read<'_, Receipt>;
    /// As [`Self::commit`], for a caller who keeps the commit, to hand it in once more or to compare.
    fn commit_kept(&self, commit: Arc<Commit>) -> Read<'_, Receipt> {
        self.commit(Arc::unwrap_or_clone(commit))
    }
    /// What the owner of a shard puts into its commits. Each opening of a store raises all its epochs.
    fn fence(&self, shard: u16) -> Fence;
    /// Number of this opening, from 1: no two openings of one store share it.
    fn incarnation(&self) -> u64;
    /// Figures to look at.
    fn facts(&self) -> StoreFacts;
    /// Ends the store: what is queued is still applied, what comes later is `Closed`. A second call does nothing.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// Figures of a store since it was opened.
#[derive(Clone, Debug, Default)]
pub struct StoreFacts {
    /// Commits that were applied.
    pub commits: u64,
    /// Physical transactions, one flush each.
    pub flushes: u64,
    /// CPU and waiting of the writer, in microseconds; 0 where it is not known.
    pub writer_us: u64,
    /// Bytes of the log that are not in the file yet.
    pub wal_bytes: u64,
    /// Why it cannot write at the moment.
    pub cannot_write: Option<String>,
}

/// Orders of magnitude for events in a page, so that one read stays short.
#[derive(Clone, Copy, Debug)]
pub struct Flow;

impl Flow {
    /// Items that a read asks for at once.
    pub const PAGE: usize = 256;
}

impl Envelope {
    /// Bytes that count against the limits.
    pub(crate) fn size(&self) -> usize {
        let optional = [&self.subject, &self.correlation_id, &self.causation_id, &self.traceparent];
        let texts: usize = optional.iter().filter_map(|text| text.as_ref()).map(String::len).sum();
        self.data.get().len() + self.kind.len() + self.source.len() + texts
    }
}
