//! A store in memory whose commits can be held back or refused on their way.

use partita_core::memory::MemoryStore;
use partita_core::{Commit, Error, ErrorKind, Read, Receipt, Reply, Store, Ticket};
use partita_testkit::{Intercept, Intercepted};
use partita_time::Host;
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
    pub fn new(inner: Arc<MemoryStore>, host: Host) -> Intercepted<Self> {
        Intercepted(Self { inner, host, state: Mutex::default() })
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

impl Intercept for Seam {
    fn store(&self) -> &dyn Store {
        &*self.inner
    }

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
}
