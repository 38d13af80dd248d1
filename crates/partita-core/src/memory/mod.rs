//! The reference store: everything in memory, every rule of the traits' pages kept in the plainest way.
//!
//! A [`MemoryDisk`] is what survives a crash; a [`MemoryStore`] is one opening of it. Commits are applied by a task of the
//! store's own task group, so that ending the group loses what was queued, as a crash does.

mod disk;
mod read;

use crate::{Commit, Error, ErrorKind, Fence, Position, Read, Receipt, Reply, Space, Store, StoreFacts, Ticket, check};
pub use disk::MemoryDisk;
use partita_time::{BoxFuture, Host};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, Semaphore, watch};

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
    queue: Mutex<VecDeque<(Commit, Reply)>>,
    room: Semaphore,
    work: Notify,
    head: watch::Sender<Position>,
    closed: AtomicBool,
    idle: Notify,
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
            closed: AtomicBool::new(false),
            idle: Notify::new(),
        });
        host.spawner.spawn(Box::pin(drive(shared.clone())));
        Arc::new(Self { shared })
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, VecDeque<(Commit, Reply)>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enqueue(&self, commit: Commit) -> Ticket {
        let (reply, ticket) = Ticket::pair();
        self.queue().push_back((commit, reply));
        self.work.notify_one();
        ticket
    }

    fn refuse(&self, commit: &Commit) -> Option<Error> {
        if self.closed.load(Ordering::Acquire) {
            return Some(Error::new(ErrorKind::Closed, "the store is closed").effect(crate::Effect::None));
        }
        check(commit, &self.spaces).err()
    }
}

/// Applies the queue as one batch whenever there is one.
async fn drive(shared: Arc<Shared>) {
    loop {
        let batch = std::mem::take(&mut *shared.queue());
        if batch.is_empty() {
            if shared.closed.load(Ordering::Acquire) {
                shared.idle.notify_waiters();
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

impl Store for MemoryStore {
    fn submit(&self, commit: Commit) -> Ticket {
        if let Some(error) = self.shared.refuse(&commit) {
            return Ticket::refused(error);
        }
        match self.shared.room.try_acquire() {
            Ok(permit) => {
                permit.forget();
                self.shared.enqueue(commit)
            }
            Err(_) => Ticket::refused(Error::new(ErrorKind::Busy, "the store's queue is full")),
        }
    }

    fn commit(&self, commit: Commit) -> Read<'_, Receipt> {
        Box::pin(async move {
            if let Some(error) = self.shared.refuse(&commit) {
                return Err(error);
            }
            if let Ok(permit) = self.shared.room.acquire().await {
                permit.forget();
            }
            self.shared.enqueue(commit).await
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
            let idle = self.shared.idle.notified();
            if !self.shared.closed.swap(true, Ordering::AcqRel) {
                self.shared.work.notify_one();
                idle.await;
            }
        })
    }
}
