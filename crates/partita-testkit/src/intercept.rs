//! Standing in front of a store: what a test wants to see or change is intercepted, everything else passes.

use partita_core::{
    Checkpoint, Commit, DuePage, Fence, Find, Head, JournalEntry, Journals, Log, Position, Read, Receipt, Record,
    Recorded, Records, Store, StoreFacts, StreamId, Ticket,
};
use partita_time::BoxFuture;
use std::fmt;
use std::ops::Deref;

/// Looks at what passes to a store, or changes it. What is not overridden passes untouched.
pub trait Intercept: Send + Sync + fmt::Debug + 'static {
    /// The store behind it.
    fn store(&self) -> &dyn Store;

    /// Instead of [`Store::submit`].
    fn submit(&self, commit: Commit) -> Ticket {
        self.store().submit(commit)
    }

    /// Instead of [`Store::commit`].
    fn commit(&self, commit: Commit) -> Read<'_, Receipt> {
        self.store().commit(commit)
    }

    /// Instead of [`Records::get`].
    fn get<'a>(&'a self, space: &'static str, key: &'a str) -> Read<'a, Option<Record>> {
        self.store().get(space, key)
    }

    /// Instead of [`Records::find`].
    fn find(&self, find: Find) -> Read<'_, Vec<Record>> {
        self.store().find(find)
    }

    /// Instead of [`Records::due`].
    fn due(&self, page: DuePage) -> Read<'_, Vec<Record>> {
        self.store().due(page)
    }
}

/// A store with something in front of it, which stays within reach.
#[derive(Debug)]
pub struct Intercepted<I>(pub I);

impl<I> Deref for Intercepted<I> {
    type Target = I;

    fn deref(&self) -> &I {
        &self.0
    }
}

impl<I: Intercept> Store for Intercepted<I> {
    fn submit(&self, commit: Commit) -> Ticket {
        self.0.submit(commit)
    }

    fn commit(&self, commit: Commit) -> Read<'_, Receipt> {
        self.0.commit(commit)
    }

    fn fence(&self, shard: u16) -> Fence {
        self.0.store().fence(shard)
    }

    fn incarnation(&self) -> u64 {
        self.0.store().incarnation()
    }

    fn facts(&self) -> StoreFacts {
        self.0.store().facts()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.0.store().close()
    }
}

impl<I: Intercept> Log for Intercepted<I> {
    fn head(&self) -> Read<'_, Head> {
        self.0.store().head()
    }

    fn stream(&self, stream: StreamId, from: u64, limit: usize) -> Read<'_, Vec<Recorded>> {
        self.0.store().stream(stream, from, limit)
    }

    fn behind(&self, checkpoint: Checkpoint, limit: usize) -> Read<'_, Vec<Recorded>> {
        self.0.store().behind(checkpoint, limit)
    }

    fn grown(&self, beyond: Position) -> Read<'_, Position> {
        self.0.store().grown(beyond)
    }
}

impl<I: Intercept> Records for Intercepted<I> {
    fn get<'a>(&'a self, space: &'static str, key: &'a str) -> Read<'a, Option<Record>> {
        self.0.get(space, key)
    }

    fn page<'a>(&'a self, space: &'static str, after: Option<&'a str>, limit: usize) -> Read<'a, Vec<Record>> {
        self.0.store().page(space, after, limit)
    }

    fn find(&self, find: Find) -> Read<'_, Vec<Record>> {
        self.0.find(find)
    }

    fn due(&self, page: DuePage) -> Read<'_, Vec<Record>> {
        self.0.due(page)
    }

    fn counters(&self, space: &'static str) -> Read<'_, Vec<(String, i64)>> {
        self.0.store().counters(space)
    }
}

impl<I: Intercept> Journals for Intercepted<I> {
    fn journal(&self, saga: u64, from: u32, limit: usize) -> Read<'_, Vec<JournalEntry>> {
        self.0.store().journal(saga, from, limit)
    }
}
