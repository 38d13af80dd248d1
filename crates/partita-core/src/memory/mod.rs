//! The reference store: everything in memory, every rule of the traits' pages kept in the plainest way.
//!
//! A [`MemoryDisk`] is what survives a crash; a [`MemoryStore`] is one opening of it. Commits are applied by a task of the
//! store's own task group, so that ending the group loses what was queued, as a crash does.

mod disk;
mod read;

use crate::{
    Commit, Effect, Error, ErrorKind, Fence, Position, Read, Receipt, Reply, Space, Store, StoreFacts, Ticket, check,
};
pub use disk::MemoryDisk;
use partita_time::{BoxFuture, Host};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch};

const QUEUE: usize = 4_096;

/// One opening of a [`MemoryDisk`].
#[derive(Debug)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    disk: MemoryDisk,
    spaces: Vec<Space>,
    incarnation: u64,
    queue: Mutex<Queue>,
    room: Semaphore,
    work: Notify,
    head: watch::Sender<Position>,
    ended: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<(Commit, Reply)>,
    closed: bool,
}

impl MemoryStore {
    /// Opens the disk: raises all epochs, so that an earlier opening can commit nothing more under a fence.
    pub fn open(disk: &MemoryDisk, spaces: Vec<Space>, host: &Host) -> Arc<Self> {
        let (incarnation, head) = disk.open(&host.entropy);
        let shared = Arc::new(Shared {
            disk: disk.clone(),
            spaces,
            incarnation,
            queue: Mutex::default(),
            room: Semaphore::new(QUEUE),
            work: Notify::new(),
            head: watch::Sender::new(head),
            ended: watch::Sender::new(false),
        });
        let driver = Driver(shared.clone());
        host.spawner.spawn(Box::pin(async move { driver.run().await }));
        Arc::new(Self { shared })
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A store that was closed while a caller waited for room takes nothing more; the room goes to the next caller.
    fn enqueue(&self, commit: Commit, room: SemaphorePermit<'_>) -> Ticket {
        let mut queue = self.queue();
        if queue.closed {
            return Ticket::refused(closed());
        }
        room.forget();
        let (reply, ticket) = Ticket::pair();
        queue.waiting.push_back((commit, reply));
        self.work.notify_one();
        ticket
    }

    fn refuse(&self, commit: &Commit) -> Option<Error> {
        if self.queue().closed {
            return Some(closed());
        }
        check(commit, &self.spaces).err()
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the store is closed").effect(Effect::None)
}

/// Applies the queue as one batch whenever there is one. However it ends, whoever closes the store is told.
struct Driver(Arc<Shared>);

impl Driver {
    async fn run(&self) {
        let shared = &self.0;
        loop {
            let (batch, closed) = {
                let mut queue = shared.queue();
                (std::mem::take(&mut queue.waiting), queue.closed)
            };
            if batch.is_empty() {
                if closed {
                    return;
                }
                shared.work.notified().await;
                continue;
            }
            shared.room.add_permits(batch.len());
            let (commits, replies): (Vec<Commit>, Vec<Reply>) = batch.into_iter().unzip();
            let (answers, head) = shared.disk.apply(commits);
            shared.head.send_replace(head);
            for (reply, answer) in replies.into_iter().zip(answers) {
                reply.send(answer);
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.ended.send_replace(true);
    }
}

impl Store for MemoryStore {
    fn submit(&self, commit: Commit) -> Ticket {
        if let Some(error) = self.shared.refuse(&commit) {
            return Ticket::refused(error);
        }
        match self.shared.room.try_acquire() {
            Ok(room) => self.shared.enqueue(commit, room),
            Err(_) => Ticket::refused(Error::new(ErrorKind::Busy, "the store's queue is full")),
        }
    }

    fn commit(&self, commit: Commit) -> Read<'_, Receipt> {
        Box::pin(async move {
            if let Some(error) = self.shared.refuse(&commit) {
                return Err(error);
            }
            let room = self.shared.room.acquire().await;
            self.shared.enqueue(commit, room.map_err(|_| closed())?).await
        })
    }

    fn fence(&self, shard: u16) -> Fence {
        Fence { shard, epoch: self.shared.incarnation }
    }

    fn incarnation(&self) -> u64 {
        self.shared.incarnation
    }

    fn facts(&self) -> StoreFacts {
        self.shared.disk.facts()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.shared.queue().closed = true;
            self.shared.work.notify_one();
            let _ = self.shared.ended.subscribe().wait_for(|ended| *ended).await;
        })
    }
}
