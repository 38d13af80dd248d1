//! A store that counts its commits, and those that were refused because something had changed.

use partita::core::{
    Checkpoint, Commit, DuePage, ErrorKind, Fence, Find, Head, JournalEntry, Journals, Log, Position, Read, Receipt,
    Record, Recorded, Records, Result, Store, StoreFacts, StreamId, Ticket,
};
use partita::time::{BoxFuture, Host, Spawner};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What became of commits.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    applied: AtomicU64,
    conflicts: AtomicU64,
}

impl Counts {
    fn note<T>(&self, answer: &Result<T>) {
        match answer {
            Ok(_) => self.applied.fetch_add(1, Ordering::Relaxed),
            Err(error) if error.kind() == ErrorKind::Conflict => self.conflicts.fetch_add(1, Ordering::Relaxed),
            Err(_) => 0,
        };
    }

    /// Applied and refused.
    pub(crate) fn get(&self) -> (u64, u64) {
        (self.applied.load(Ordering::Relaxed), self.conflicts.load(Ordering::Relaxed))
    }
}

#[derive(Debug)]
pub(crate) struct Counting<S> {
    inner: Arc<S>,
    counts: Arc<Counts>,
    spawner: Arc<dyn Spawner>,
}

impl<S> Counting<S> {
    pub(crate) fn new(inner: Arc<S>, counts: Arc<Counts>, host: &Host) -> Self {
        Self { inner, counts, spawner: host.spawner.clone() }
    }
}

impl<S: Store> Store for Counting<S> {
    fn submit(&self, commit: Commit) -> Ticket {
        let (ticket, counts) = (self.inner.submit(commit), self.counts.clone());
        if ticket.is_refused() {
            return ticket;
        }
        let (reply, counted) = Ticket::pair();
        self.spawner.spawn(Box::pin(async move {
            let answer = ticket.await;
            counts.note(&answer);
            reply.send(answer);
        }));
        counted
    }

    fn commit(&self, commit: Commit) -> Read<'_, Receipt> {
        Box::pin(async move {
            let answer = self.inner.commit(commit).await;
            self.counts.note(&answer);
            answer
        })
    }

    fn fence(&self, shard: u16) -> Fence {
        self.inner.fence(shard)
    }

    fn incarnation(&self) -> u64 {
        self.inner.incarnation()
    }

    fn facts(&self) -> StoreFacts {
        self.inner.facts()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}

impl<S: Store> Log for Counting<S> {
    fn head(&self) -> Read<'_, Head> {
        self.inner.head()
    }

    fn stream(&self, stream: StreamId, from: u64, limit: usize) -> Read<'_, Vec<Recorded>> {
        self.inner.stream(stream, from, limit)
    }

    fn behind(&self, checkpoint: Checkpoint, limit: usize) -> Read<'_, Vec<Recorded>> {
        self.inner.behind(checkpoint, limit)
    }

    fn grown(&self, beyond: Position) -> Read<'_, Position> {
        self.inner.grown(beyond)
    }
}

impl<S: Store> Records for Counting<S> {
    fn get<'a>(&'a self, space: &'static str, key: &'a str) -> Read<'a, Option<Record>> {
        self.inner.get(space, key)
    }

    fn page<'a>(&'a self, space: &'static str, after: Option<&'a str>, limit: usize) -> Read<'a, Vec<Record>> {
        self.inner.page(space, after, limit)
    }

    fn find(&self, find: Find) -> Read<'_, Vec<Record>> {
        self.inner.find(find)
    }

    fn due(&self, page: DuePage) -> Read<'_, Vec<Record>> {
        self.inner.due(page)
    }

    fn counters(&self, space: &'static str) -> Read<'_, Vec<(String, i64)>> {
        self.inner.counters(space)
    }
}

impl<S: Store> Journals for Counting<S> {
    fn journal(&self, saga: u64, from: u32, limit: usize) -> Read<'_, Vec<JournalEntry>> {
        self.inner.journal(saga, from, limit)
    }
}
