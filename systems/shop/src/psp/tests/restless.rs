//! A store whose reads take a while, so that requests meet in the middle of each other.

use partita::core::{
    Checkpoint, Commit, DuePage, Fence, Find, Head, JournalEntry, Journals, Log, Position, Read, Receipt, Record,
    Recorded, Records, Store, StoreFacts, StreamId, Ticket,
};
use partita::time::{BoxFuture, Entropy};
use std::sync::Arc;

/// Gives way to other tasks a seeded number of times before each `get`; hands on everything else.
#[derive(Debug)]
pub(super) struct Restless {
    pub(super) inner: Arc<dyn Store>,
    pub(super) entropy: Entropy,
}

impl Log for Restless {
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

impl Records for Restless {
    fn get<'a>(&'a self, space: &'static str, key: &'a str) -> Read<'a, Option<Record>> {
        let pauses = self.entropy.below(8);
        Box::pin(async move {
            for _ in 0..pauses {
                tokio::task::yield_now().await;
            }
            self.inner.get(space, key).await
        })
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

impl Journals for Restless {
    fn journal(&self, saga: u64, from: u32, limit: usize) -> Read<'_, Vec<JournalEntry>> {
        self.inner.journal(saga, from, limit)
    }
}

impl Store for Restless {
    fn submit(&self, commit: Commit) -> Ticket {
        self.inner.submit(commit)
    }

    fn commit(&self, commit: Commit) -> Read<'_, Receipt> {
        self.inner.commit(commit)
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
