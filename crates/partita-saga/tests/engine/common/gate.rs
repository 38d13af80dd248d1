//! A store in front of the store: counts commits, and makes them fail or crash on demand.

use partita_core::memory::MemoryStore;
use partita_core::{
    Commit, DuePage, Effect, Error, ErrorKind, Find, Read, Receipt, Record, Reply, Result, Store, Ticket,
};
use partita_testkit::{Intercept, Intercepted};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::Notify;

/// What happens to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process dies before the commit.
    CrashBefore,
    /// The process dies after the commit, before it learns of it.
    CrashAfter,
    /// Applied, and answered with an error that leaves that open.
    LostAnswer,
    /// Not applied, and answered with an error that leaves that open.
    LostCommit,
    /// Not applied, and answered with an error that no engine expects.
    Odd,
    /// Not applied: the disk is full.
    Full,
}

#[derive(Debug, Default)]
struct State {
    commits: Vec<Commit>,
    faults: Vec<(usize, Fault)>,
    full: bool,
    dead: bool,
    unanswered: Vec<Reply>,
}

#[derive(Debug)]
pub(crate) struct Gate {
    store: Arc<MemoryStore>,
    state: Mutex<State>,
    died: Notify,
    asked: AtomicUsize,
    lines: AtomicUsize,
}

impl Gate {
    pub(crate) fn new(store: Arc<MemoryStore>) -> Intercepted<Self> {
        Intercepted(Self {
            store,
            state: Mutex::default(),
            died: Notify::new(),
            asked: AtomicUsize::new(0),
            lines: AtomicUsize::new(0),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The commit of this number, from 0, meets a fault.
    pub(crate) fn fails_at(&self, commit: usize, fault: Fault) {
        self.state().faults.push((commit, fault));
    }

    pub(crate) fn is_full(&self, full: bool) {
        self.state().full = full;
    }

    /// Everything that was handed in, applied or not.
    pub(crate) fn commits(&self) -> Vec<Commit> {
        self.state().commits.clone()
    }

    /// How often the store was asked for something.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// How many records pages of a class or of due times have brought.
    pub(crate) fn lines(&self) -> usize {
        self.lines.load(Ordering::Relaxed)
    }

    async fn count(&self, page: Read<'_, Vec<Record>>) -> Result<Vec<Record>> {
        let page = page.await?;
        self.lines.fetch_add(page.len(), Ordering::Relaxed);
        Ok(page)
    }

    pub(crate) async fn died(&self) {
        loop {
            let died = self.died.notified();
            if self.state().dead {
                return;
            }
            died.await;
        }
    }

    fn never(&self) -> Ticket {
        let (reply, ticket) = Ticket::pair();
        self.state().unanswered.push(reply);
        ticket
    }

    fn die(&self) -> Ticket {
        self.state().dead = true;
        self.died.notify_waiters();
        self.never()
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::Io, "nobody knows").effect(Effect::Possible)
}

impl Intercept for Gate {
    fn store(&self) -> &dyn Store {
        self.asked.fetch_add(1, Ordering::Relaxed);
        &*self.store
    }

    fn submit(&self, commit: Commit) -> Ticket {
        let (fault, dead) = {
            let mut state = self.state();
            let number = state.commits.len();
            state.commits.push(commit.clone());
            let fault = state.faults.iter().find(|(at, _)| *at == number).map(|(_, fault)| *fault);
            (fault.or(state.full.then_some(Fault::Full)), state.dead)
        };
        if dead {
            return self.never();
        }
        match fault {
            None => self.store.submit(commit),
            Some(Fault::Full) => Ticket::refused(Error::new(ErrorKind::StorageFull, "the disk is full")),
            Some(Fault::Odd) => Ticket::refused(Error::new(ErrorKind::NotFound, "no such thing").effect(Effect::None)),
            Some(Fault::LostCommit) => Ticket::refused(lost()),
            Some(Fault::LostAnswer) => {
                drop(self.store.submit(commit));
                Ticket::refused(lost())
            }
            Some(Fault::CrashBefore) => self.die(),
            Some(Fault::CrashAfter) => {
                drop(self.store.submit(commit));
                self.die()
            }
        }
    }

    fn commit(&self, commit: Commit) -> Read<'_, Receipt> {
        Box::pin(async move { self.submit(commit).await })
    }

    fn find(&self, find: Find) -> Read<'_, Vec<Record>> {
        Box::pin(self.count(self.store().find(find)))
    }

    fn due(&self, page: DuePage) -> Read<'_, Vec<Record>> {
        Box::pin(self.count(self.store().due(page)))
    }
}
