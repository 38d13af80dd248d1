//! The threads and their queue.

use crate::Timing;
use crate::bulkhead::Waits;
use crate::sync::{Mutex, MutexGuard, PoisonError, lock};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Duration;

/// Work; it tells the crew when it has ended.
pub(super) type Job = Box<dyn FnOnce(&Crew) + Send>;

/// How many threads, how much work behind them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) core: u32,
    pub(super) max: u32,
    pub(super) queue: u32,
    pub(super) keep_alive: Duration,
}

/// The threads of one pool.
pub(super) struct Crew {
    name: crate::Name,
    size: Size,
    timing: Timing,
    desk: Mutex<Desk>,
    work: Condvar,
    /// A thread has ended.
    gone: Condvar,
}

#[derive(Default)]
struct Desk {
    drawn: u64,
    jobs: BTreeMap<u64, (Job, Duration)>,
    idle: usize,
    /// Threads that take no more work and have not ended yet.
    leaving: usize,
    running: u32,
    begun: u64,
    numbered: u64,
    /// Their handles, until somebody joins them.
    threads: BTreeMap<u64, (ThreadId, Option<JoinHandle<()>>)>,
    closed: bool,
    waits: Waits,
}

impl Desk {
    /// Threads that take work.
    fn serving(&self) -> usize {
        self.threads.len() - self.leaving
    }
}

/// What the desk shows.
pub(super) struct Seen {
    pub(super) running: u32,
    pub(super) queued: usize,
    pub(super) threads: usize,
    pub(super) wait_p50: Duration,
    pub(super) wait_p99: Duration,
}

impl Crew {
    pub(super) fn new(name: &crate::Name, size: Size, timing: Timing) -> Self {
        Self { name: name.clone(), size, timing, desk: Mutex::default(), work: Condvar::new(), gone: Condvar::new() }
    }

    pub(super) const fn max_threads(&self) -> u32 {
        self.size.max
    }

    /// Hands in work that came at `since`; its ticket. None when the crew is closed, or no thread can be had.
    pub(super) fn hand_in(self: &Arc<Self>, job: Job, since: Duration) -> Option<u64> {
        let mut desk = lock(&self.desk);
        if desk.closed {
            return None;
        }
        desk.drawn += 1;
        let ticket = desk.drawn;
        desk.jobs.insert(ticket, (job, since));
        let threads = desk.serving();
        let unclaimed = desk.jobs.len().saturating_sub(desk.idle);
        let kept = threads < self.size.core as usize;
        let burst = unclaimed > self.size.queue as usize && threads < self.size.max as usize;
        let wanted = unclaimed > 0 && (kept || burst || threads == 0);
        if wanted && self.hire(&mut desk).is_err() && threads == 0 {
            desk.jobs.remove(&ticket);
            return None;
        }
        drop(desk);
        self.work.notify_one();
        Some(ticket)
    }

    fn hire(self: &Arc<Self>, desk: &mut Desk) -> std::io::Result<()> {
        desk.numbered += 1;
        let number = desk.numbered;
        let crew = Arc::clone(self);
        let thread =
            thread::Builder::new().name(format!("{}-{number}", self.name)).spawn(move || crew.serve(number))?;
        desk.threads.insert(number, (thread.thread().id(), Some(thread)));
        desk.idle += 1;
        Ok(())
    }

    /// Takes back work that was not begun.
    pub(super) fn take_back(&self, ticket: u64) {
        let job = lock(&self.desk).jobs.remove(&ticket);
        drop(job);
    }

    fn serve(&self, number: u64) {
        let mut first = true;
        while let Some(job) = self.next(std::mem::take(&mut first)) {
            drop(catch_unwind(AssertUnwindSafe(|| job(self))));
        }
        let mut desk = lock(&self.desk);
        desk.threads.remove(&number);
        desk.leaving -= 1;
        drop(desk);
        self.gone.notify_all();
    }

    /// Work has ended.
    pub(super) fn ended(&self) {
        lock(&self.desk).running -= 1;
    }

    /// The next work; None when the thread is to end. A thread that starts counts as idle until it asks `first`.
    fn next(&self, first: bool) -> Option<Job> {
        let mut desk = lock(&self.desk);
        desk.idle -= usize::from(first);
        loop {
            if let Some((_, (job, since))) = desk.jobs.pop_first() {
                let now = self.timing.now();
                desk.running += 1;
                desk.begun += 1;
                let begun = desk.begun;
                desk.waits.record(now, begun, now.saturating_sub(since));
                return Some(job);
            }
            if desk.closed {
                break;
            }
            let (back, over) = self.rest(desk);
            desk = back;
            if over && desk.jobs.is_empty() && desk.serving() > self.size.core as usize {
                break;
            }
        }
        desk.leaving += 1;
        None
    }

    fn rest<'a>(&self, mut desk: MutexGuard<'a, Desk>) -> (MutexGuard<'a, Desk>, bool) {
        desk.idle += 1;
        let (mut desk, over) =
            self.work.wait_timeout(desk, self.size.keep_alive).unwrap_or_else(PoisonError::into_inner);
        desk.idle -= 1;
        (desk, over.timed_out())
    }

    /// Takes no more work; threads end after what was handed in.
    pub(super) fn close(&self) {
        lock(&self.desk).closed = true;
        self.work.notify_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        lock(&self.desk).closed
    }

    /// Waits until every thread has ended, those that another caller waits for too. One of these threads waits for those only
    /// that nobody else waits for: two would wait for each other.
    pub(super) fn join(&self) {
        let me = thread::current().id();
        let mut desk = lock(&self.desk);
        let inside = desk.threads.values().any(|(id, _)| *id == me);
        let threads: Vec<_> = desk.threads.values_mut().filter_map(|(_, thread)| thread.take()).collect();
        drop(desk);
        for thread in threads.into_iter().filter(|thread| thread.thread().id() != me) {
            drop(thread.join());
        }
        desk = lock(&self.desk);
        while !inside && !desk.threads.is_empty() {
            desk = self.gone.wait(desk).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn look(&self) -> Seen {
        let mut desk = lock(&self.desk);
        let (now, begun) = (self.timing.now(), desk.begun);
        Seen {
            running: desk.running,
            queued: desk.jobs.len(),
            threads: desk.threads.len(),
            wait_p50: desk.waits.quantile(now, begun, 0.5),
            wait_p99: desk.waits.quantile(now, begun, 0.99),
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.timing.now()
    }
}

impl fmt::Debug for Crew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crew({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_thread_that_is_about_to_end_is_not_counted_on() {
        let size = Size { core: 0, max: 1, queue: 5, keep_alive: Duration::ZERO };
        let crew = Arc::new(Crew::new(&"p".into(), size, Timing::default()));
        {
            let mut desk = lock(&crew.desk);
            desk.threads.insert(0, (thread::current().id(), None));
            desk.leaving = 1;
        }
        let (run, ran) = channel();
        let job = Box::new(move |crew: &Crew| {
            crew.ended();
            run.send(()).unwrap();
        });
        assert!(crew.hand_in(job, Duration::ZERO).is_some());
        assert_eq!(ran.recv_timeout(Duration::from_secs(20)), Ok(()), "nobody does the work");
    }
}
