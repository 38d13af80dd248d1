//! A store behind the seam.

use super::seam::Passage;
use super::{Fault, Kind, Seam};
use crate::{Intercept, Intercepted};
use partita_core::{Commit, Read, Receipt, Reply, Result, Store, Ticket};
use partita_time::BoxFuture;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Commits that wait for a store to move again, while it stands still.
type Waiting = Option<Vec<(Commit, Reply)>>;

/// A store whose commits pass a seam. Reads pass untouched: they change nothing.
pub type SeamStore = Intercepted<AtSeam>;

/// What stands in front of a [`SeamStore`].
#[derive(Debug)]
pub struct AtSeam {
    name: &'static str,
    inner: Arc<dyn Store>,
    seam: Seam,
    late: Duration,
    /// What was handed in while the store stands still.
    waiting: Arc<Mutex<Waiting>>,
}

/// What becomes of a commit's answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// It is given.
    Given,
    /// Its caller gets an error instead.
    Lost,
    /// The process ends.
    Ends,
}

impl SeamStore {
    /// Puts a store behind a seam; `name` names it in schedules. When it is struck by a delay, it stands still for `late`.
    pub fn new(name: &'static str, inner: Arc<dyn Store>, seam: Seam, late: Duration) -> Arc<Self> {
        Arc::new(Self(AtSeam { name, inner, seam, late, waiting: Arc::default() }))
    }
}

impl AtSeam {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self, commit: Commit, waits: bool) -> Ticket {
        let name = format!("{} [{}]", self.name, what(&commit));
        match self.seam.enter(Kind::Commit, &name, Some(&commit)) {
            Passage::Closed | Passage::Struck(Fault::Before) => self.seam.never(),
            Passage::Open => self.answered(self.forward(commit, waits), Then::Given),
            Passage::Struck(Fault::After) => self.answered(self.forward(commit, waits), Then::Ends),
            Passage::Struck(Fault::Applied) => self.answered(self.forward(commit, waits), Then::Lost),
            Passage::Struck(Fault::NotApplied) => {
                let (reply, ticket) = Ticket::pair();
                reply.send(Err(self.seam.lost(Kind::Commit, false)));
                ticket
            }
            Passage::Struck(Fault::Duplicate) => {
                let first = self.answered(self.forward(commit.clone(), waits), Then::Given);
                self.again(name, commit, waits);
                first
            }
            Passage::Struck(Fault::Late) => {
                self.stand_still();
                self.answered(self.forward(commit, waits), Then::Given)
            }
        }
    }

    /// Hands a commit to the store, behind those that wait for it to move again.
    fn forward(&self, commit: Commit, waits: bool) -> BoxFuture<'static, Result<Receipt>> {
        if let Some(waiting) = &mut *self.waiting() {
            let (reply, ticket) = Ticket::pair();
            waiting.push((commit, reply));
            return Box::pin(ticket);
        }
        let inner = self.inner.clone();
        if waits { Box::pin(async move { inner.commit(commit).await }) } else { Box::pin(inner.submit(commit)) }
    }

    /// Waits for the store in a task of the process, so that a caller who goes away changes nothing. The first poll is
    /// made here: it enqueues the commit.
    fn answered(&self, mut answer: BoxFuture<'static, Result<Receipt>>, then: Then) -> Ticket {
        let seam = self.seam.clone();
        if let Poll::Ready(answer) = answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return match answer {
                _ if then == Then::Ends => {
                    seam.stop();
                    seam.never()
                }
                Err(error) => Ticket::refused(error),
                Ok(receipt) => {
                    let (reply, ticket) = Ticket::pair();
                    reply.send(if then == Then::Lost { Err(seam.lost(Kind::Commit, true)) } else { Ok(receipt) });
                    ticket
                }
            };
        }
        let (reply, ticket) = Ticket::pair();
        self.seam.host().spawner.spawn(Box::pin(async move {
            let answer = answer.await;
            if then == Then::Ends {
                seam.stop();
            }
            match then {
                _ if seam.is_stopped() => seam.keep(reply),
                Then::Lost => reply.send(Err(seam.lost(Kind::Commit, true))),
                Then::Given | Then::Ends => reply.send(answer),
            }
        }));
        ticket
    }

    /// Hands the same commit in again. It must run aground on what its first copy wrote; one that only prunes finds nothing.
    fn again(&self, name: String, commit: Commit, waits: bool) {
        let (seam, writes) = (self.seam.clone(), writes(&commit));
        let second = self.answered(self.forward(commit, waits), Then::Given);
        self.seam.host().spawner.spawn(Box::pin(async move {
            if second.await.is_ok() && writes {
                seam.simulation().violated(format!("the same commit took effect twice: {name}"));
            }
        }));
    }

    fn stand_still(&self) {
        let mut waiting = self.waiting();
        if waiting.is_some() {
            return;
        }
        *waiting = Some(vec![]);
        let (seam, inner, name, late) = (self.seam.clone(), self.inner.clone(), self.name, self.seam.delay(self.late));
        let held = self.waiting.clone();
        self.seam.host().spawner.spawn(Box::pin(async move {
            seam.host().clock.sleep(late).await;
            if seam.is_stopped() {
                return;
            }
            seam.simulation().trace(format!("{name} moves again"), None);
            let tickets: Vec<(Ticket, Reply)> = {
                let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
                let waiting = held.take().unwrap_or_default().into_iter();
                waiting.map(|(commit, reply)| (inner.submit(commit), reply)).collect()
            };
            for (ticket, reply) in tickets {
                reply.send(ticket.await);
            }
        }));
    }
}

fn writes(commit: &Commit) -> bool {
    let part = &commit.part;
    !(commit.journals.is_empty() && part.appends.is_empty() && part.puts.is_empty() && part.adds.is_empty())
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
    if !commit.prunes.is_empty() && words.is_empty() {
        words.push("prunes");
    }
    words.join(", ")
}

impl Intercept for AtSeam {
    fn store(&self) -> &dyn Store {
        &*self.inner
    }

    fn submit(&self, commit: Commit) -> Ticket {
        self.pass(commit, false)
    }

    fn commit(&self, commit: Commit) -> Read<'_, Receipt> {
        Box::pin(async move { self.pass(commit, true).await })
    }
}
