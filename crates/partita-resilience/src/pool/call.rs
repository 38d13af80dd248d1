//! The two entries of a pool: one awaits, one blocks.

use super::crew::{Crew, Job};
use super::task::Task;
use super::{Builder, Outside, Pool, PoolSnapshot, Shared};
use crate::bulkhead::{Enter, Held, Slot};
use crate::{Error, Outcome, Reason, Rejected};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

impl Pool {
    /// Begins a pool of this name; its threads are named after it, `name-1` and so on.
    pub fn builder(name: impl Into<crate::Name>) -> Builder {
        Builder::new(name.into())
    }

    /// Runs `work` on a thread of the pool and awaits its end. Waits for room within the longest wait.
    ///
    /// # Errors
    /// [`Error::Rejected`]: the work was not begun. [`Error::Inner`] is the work's own.
    ///
    /// # Panics
    /// With the work's own panic.
    pub async fn run<T, E, F>(&self, work: F) -> Result<T, Error<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        let since = self.0.crew.now();
        if self.0.crew.is_closed() {
            return Err(self.0.gate.reject(Reason::ShutDown).into());
        }
        let slot = Enter::new(Arc::clone(&self.0.gate)).await?;
        let (task, ticket) = self.0.hand_in(slot, since, work)?;
        let mut leave = TakeBack { crew: &self.0.crew, ticket: Some(ticket) };
        let answer = std::future::poll_fn(|cx| task.poll(cx)).await;
        leave.ticket = None;
        answer.unwrap_or_else(|panic| resume_unwind(panic)).map_err(Error::Inner)
    }

    /// Runs `work` on a thread of the pool, or here if threads and queue are full, and blocks until its end. Not for
    /// threads that drive async calls.
    ///
    /// # Errors
    /// [`Error::Rejected`] after the shutdown. [`Error::Inner`] is the work's own.
    ///
    /// # Panics
    /// With the work's own panic.
    pub fn run_blocking<T, E, F>(&self, work: F) -> Result<T, Error<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        if self.0.crew.is_closed() {
            return Err(self.0.gate.reject(Reason::ShutDown).into());
        }
        let Some(slot) = self.0.gate.try_enter() else {
            self.0.gate.count_saturated();
            return self.0.outside.run(work).map_err(Error::Inner);
        };
        let (task, _) = self.0.hand_in(slot, self.0.crew.now(), work)?;
        task.wait().unwrap_or_else(|panic| resume_unwind(panic)).map_err(Error::Inner)
    }

    /// Takes no more work, runs what was handed in, and blocks until every thread has ended.
    pub fn shutdown(&self) {
        self.0.crew.close();
        self.0.crew.join();
    }

    /// Where it stands.
    pub fn snapshot(&self) -> PoolSnapshot {
        let (gate, crew) = (self.0.gate.snapshot(), self.0.crew.look());
        let outside = &self.0.outside;
        let (ran, failed) = (outside.ran.load(Ordering::Relaxed), outside.failed.load(Ordering::Relaxed));
        PoolSnapshot {
            name: gate.name,
            active: crew.running,
            available: self.0.crew.max_threads().saturating_sub(crew.running),
            queued: crew.queued,
            waiting: gate.queued,
            pool_size: crew.threads,
            submitted: gate.submitted + ran,
            completed: gate.completed + ran.saturating_sub(failed),
            failed: gate.failed + failed,
            cancelled: gate.cancelled,
            rejected: gate.rejected,
            caller_ran: ran,
            saturated_count: gate.saturated_count,
            wait_p50: crew.wait_p50,
            wait_p99: crew.wait_p99,
        }
    }
}

impl Shared {
    /// Hands work to the threads, with its place; its answer's place and its ticket.
    fn hand_in<T, E, F>(&self, slot: Slot, since: Duration, work: F) -> Result<(Handed<T, E>, u64), Rejected>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        let task = Arc::new(Task::new());
        let theirs = Arc::clone(&task);
        let held = Held::new(Arc::clone(&self.gate), slot, Outcome::Cancelled);
        let job: Job = Box::new(move |crew: &Crew| {
            let result = catch_unwind(AssertUnwindSafe(work));
            crew.ended();
            held.end(if matches!(result, Ok(Ok(_))) { Outcome::Success } else { Outcome::Failure });
            theirs.complete(result);
        });
        match self.crew.hand_in(job, since) {
            Some(ticket) => Ok((task, ticket)),
            None if self.crew.is_closed() => Err(self.gate.reject(Reason::ShutDown)),
            None => Err(self.gate.reject(Reason::Saturated)),
        }
    }
}

type Handed<T, E> = Arc<Task<Result<T, E>>>;

/// Takes work back whose caller goes away before it was begun.
struct TakeBack<'a> {
    crew: &'a Crew,
    ticket: Option<u64>,
}

impl Drop for TakeBack<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.crew.take_back(ticket);
        }
    }
}

impl Outside {
    /// Runs work here; a panic counts as a failure.
    fn run<T, E>(&self, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        self.ran.fetch_add(1, Ordering::Relaxed);
        self.failed.fetch_add(1, Ordering::Relaxed);
        let result = work();
        if result.is_ok() {
            self.failed.fetch_sub(1, Ordering::Relaxed);
        }
        result
    }
}
