//! A store in memory whose commits can be held back or refused on their way.

use partita_core::memory::MemoryStore;
use partita_core::{
    Checkpoint, Commit, DuePage, Error, ErrorKind, Fence, Find, Head, JournalEntry, Journals, Log, Position, Read,
    Receipt, Record, Recorded, Records, Reply, Store, StoreFacts, StreamId, Ticket,
};
use partita_time::{BoxFuture, Host};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

#[derive(Debug)]
pub struct Seam {
    inner: Arc<MemoryStore>,
    host: Host,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    submitted: u64,
    full: BTreeSet<u64>,
    held: Option<Vec<(u64, Commit, Reply)>>,
    busy: bool,
}

impl Seam {
    pub fn new(inner: Arc<MemoryStore>, host: Host) -> Self {
        Self { inner, host, state: Mutex::default() }
    }

    pub fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    /// How many commits were handed in.
    pub fn submitted(&self) -> u64 {
        self.state.lock().unwrap().submitted
    }

    /// Refuses the commit with this number, from 1, because the disk is full.
    pub fn fill_at(&self, number: u64) {
        self.state.lock().unwrap().full.insert(number);
    }

    /// Refuses commits before they are enqueued.
    pub fn busy(&self, busy: bool) {
        self.state.lock().unwrap().busy = busy;
    }

    /// Holds commits back from now on.
    pub fn hold(&self) {
        self.state.lock().unwrap().held = Some(vec![]);
    }

    /// Lets everything held back go its way.
    pub fn release(&self) {
        let held = self.state.lock().unwrap().held.take().unwrap_or_default();
        for (number, commit, reply) in held {
            self.forward(number, commit, reply);
        }
    }

    fn forward(&self, number: u64, commit: Commit, reply: Reply) {
        if self.state.lock().unwrap().full.contains(&number) {
            return reply.send(Err(Error::new(ErrorKind::StorageFull, "the disk is full")));
        }
        let ticket = self.inner.submit(commit);
        self.host.spawner.spawn(Box::pin(async move { reply.send(ticket.await) }));
    }
}

impl Store for Seam {
    fn submit(&self, commit: Commit) -> Ticket {
        let mut state = self.state.lock().unwrap();
        if state.busy {
            return Ticket::refused(Error::new(ErrorKind::Busy, "the queue is full"));
        }
        if let Err(error) = partita_core::check(&commit, &super::spaces()) {
            return Ticket::refused(error);
        }
        state.submitted += 1;
        let number = state.submitted;
        let (reply, ticket) = Ticket::pair();
        if let Some(held) = &mut state.held {
            held.push((number, commit, reply));
            return ticket;
        }
        drop(state);
        self.forward(number, commit, reply);
        ticket
    }

    fn commit(&self, commit: Commit) -> Read<'_, Receipt> {
        Box::pin(self.submit(commit))
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

impl Log for Seam {
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

impl Records for Seam {
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

impl Journals for Seam {
    fn journal(&self, saga: u64, from: u32, limit: usize) -> Read<'_, Vec<JournalEntry>> {
        self.inner.journal(saga, from, limit)
    }
}
