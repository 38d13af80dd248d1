//! Attempts whose ends the recorded lines tell.

use crate::executor::Executor;
use crate::line::Fault;
use partita_resilience::Outcome;
use partita_resilience::deadline::Attempt;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// How an attempt ended, where it was no success.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended(pub(crate) Outcome);

/// The attempts under way, and what was done to them since somebody looked. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work(Arc<Mutex<Board>>);

#[derive(Debug, Default)]
struct Board {
    attempts: BTreeMap<(String, u32), Slot>,
    deeds: Vec<(String, u32, Deed)>,
}

#[derive(Debug, Default)]
struct Slot {
    end: Option<Outcome>,
    waker: Option<Waker>,
}

/// What a policy did with an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Started,
    Dropped,
}

impl Work {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The work of one attempt.
    pub(crate) fn attempt(&self, id: &str, attempt: &Attempt) -> impl Future<Output = Result<(), Ended>> + use<> {
        let key = (id.to_owned(), attempt.number());
        let mut board = self.board();
        board.attempts.insert(key.clone(), Slot::default());
        board.deeds.push((key.0.clone(), key.1, Deed::Started));
        drop(board);
        Pending { work: self.clone(), key, ended: false }
    }

    /// Drops the call whose caller goes away: `name` is its own, or that of an attempt under way. The call's id.
    pub(crate) fn leave<T>(&self, calls: &mut Executor<T>, name: &str) -> Result<String, Fault> {
        let id = if calls.has(name) { name.to_owned() } else { self.board().of(name)?.0 };
        calls.remove(&id);
        Ok(id)
    }

    /// Ends an attempt: `id` names the first one under way, `id#2` attempt 2. The call's id and the attempt's number.
    pub(crate) fn end(&self, name: &str, outcome: Outcome) -> Result<(String, u32), Fault> {
        let mut board = self.board();
        let key = board.of(name)?;
        if let Some(slot) = board.attempts.get_mut(&key) {
            slot.end = Some(outcome);
            let waker = slot.waker.take();
            drop(board);
            waker.iter().for_each(Waker::wake_by_ref);
        }
        Ok(key)
    }

    /// What was done since the last look, in order.
    pub(crate) fn deeds(&self) -> Vec<(String, u32, Deed)> {
        std::mem::take(&mut self.board().deeds)
    }
}

impl Board {
    fn of(&self, name: &str) -> Result<(String, u32), Fault> {
        self.find(name).ok_or_else(|| Fault::new(format!("no attempt of `{name}` is under way")))
    }

    fn find(&self, name: &str) -> Option<(String, u32)> {
        let first = self.attempts.range((name.to_owned(), 0)..).next().map(|(key, _)| key.clone());
        first.filter(|(id, _)| id == name).or_else(|| {
            let (id, number) = name.rsplit_once('#')?;
            let key = (id.to_owned(), number.parse().ok()?);
            self.attempts.contains_key(&key).then_some(key)
        })
    }
}

struct Pending {
    work: Work,
    key: (String, u32),
    ended: bool,
}

impl Future for Pending {
    type Output = Result<(), Ended>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let end = {
            let mut board = self.work.board();
            let slot = board.attempts.entry(self.key.clone()).or_default();
            slot.waker = Some(cx.waker().clone());
            slot.end
        };
        let Some(outcome) = end else { return Poll::Pending };
        self.ended = true;
        Poll::Ready(if outcome == Outcome::Success { Ok(()) } else { Err(Ended(outcome)) })
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let mut board = self.work.board();
        board.attempts.remove(&self.key);
        if !self.ended {
            board.deeds.push((self.key.0.clone(), self.key.1, Deed::Dropped));
        }
    }
}
