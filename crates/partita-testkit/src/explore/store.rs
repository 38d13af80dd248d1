//! A store behind the seam.

use super::seam::Passage;
use super::{Fault, Kind, Seam};
use partita_core::{
    Checkpoint, Commit, DuePage, Fence, Find, Head, JournalEntry, Journals, Log, Position, Read, Receipt, Record,
    Recorded, Records, Result, Store, StoreFacts, StreamId, Ticket,
};
use partita_time::BoxFuture;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// A store whose commits pass a seam. Reads pass untouched: they change nothing.
#[derive(Debug)]
pub struct SeamStore {
    name: &'static str,
    inner: Arc<dyn Store>,
    seam: Seam,
}

impl SeamStore {
    /// Puts a store behind a seam; `name` names it in schedules.
    pub fn new(name: &'static str, inner: Arc<dyn Store>, seam: Seam) -> Arc<Self> {
        Arc::new(Self { name, inner, seam })
    }

    fn pass(&self, commit: Commit, forward: impl FnOnce(Commit) -> BoxFuture<'static, Result<Receipt>>) -> Ticket {
        let name = format!("{} [{}]", self.name, what(&commit));
        match self.seam.enter(Kind::Commit, &name, Some(&commit)) {
            Passage::Closed | Passage::Struck(Fault::Before) => self.seam.never(),
            Passage::Open | Passage::Struck(Fault::Late) => self.answered(forward(commit), false),
            Passage::Struck(Fault::After) => self.answered(forward(commit), true),
        }
    }

    /// Waits for the store in a task of the process, so that a caller who goes away changes nothing. The first poll is
    /// made here: it enqueues the commit.
    fn answered(&self, mut answer: BoxFuture<'static, Result<Receipt>>, ends: bool) -> Ticket {
        let seam = self.seam.clone();
        if let Poll::Ready(answer) = answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return match answer {
                _ if ends => {
                    seam.stop();
                    seam.never()
                }
                Err(error) => Ticket::refused(error),
                Ok(receipt) => {
                    let (reply, ticket) = Ticket::pair();
                    reply.send(Ok(receipt));
                    ticket
                }
            };
        }
        let (reply, ticket) = Ticket::pair();
        self.seam.host().spawner.spawn(Box::pin(async move {
            let answer = answer.await;
            if ends {
                seam.stop();
            }
            if seam.is_stopped() { seam.keep(reply) } else { reply.send(answer) }
        }));
        ticket
    }
}

/// What a commit writes, in a few words.
fn what(commit: &Commit) -> String {
    let mut words: Vec<&str> = vec![];
    if !commit.journals.is_empty() {
        words.push("journal");
    }
    for put in &commit.part.puts {
        if !words.contains(&put.space) {
            words.push(put.space);
        }
    }
    if !commit.part.appends.is_empty() {
        words.push("events");
    }
    words.join(", ")
}

impl Store for SeamStore {
    fn submit(&self, commit: Commit) -> Ticket {
        self.pass(commit, |commit| Box::pin(self.inner.submit(commit)))
    }

    fn commit(&self, commit: Commit) -> Read<'_, Receipt> {
        Box::pin(async move {
            let inner = self.inner.clone();
            self.pass(commit, |commit| Box::pin(async move { inner.commit(commit).await })).await
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

impl Log for SeamStore {
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

impl Records for SeamStore {
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

impl Journals for SeamStore {
    fn journal(&self, saga: u64, from: u32, limit: usize) -> Read<'_, Vec<JournalEntry>> {
        self.inner.journal(saga, from, limit)
    }
}
