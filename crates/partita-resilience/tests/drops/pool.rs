//! The async entry of a pool. Its threads are real: they wait for the test's word, not for time.

use crate::harness::{at_once, ms, poll, timing};
use partita_resilience::pool::Pool;
use partita_time::ManualClock;
use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::Poll;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(10);

type Call<'a> = Pin<Box<dyn Future<Output = bool> + 'a>>;

/// A pool of one thread and one place in its queue.
struct Busy {
    pool: Pool,
    clock: ManualClock,
}

/// Work that tells when it begins and ends when it is told to.
fn held() -> (impl FnOnce() -> Result<(), &'static str> + Send + 'static, Receiver<()>, Sender<()>) {
    let ((begins, begun), (end, ends)) = (channel(), channel::<()>());
    let work = move || {
        begins.send(()).map_err(|_| "nobody listens")?;
        ends.recv_timeout(LONG).map_err(|_| "never told to end")
    };
    (work, begun, end)
}

impl Busy {
    fn new() -> Self {
        let clock = ManualClock::new();
        let pool = Pool::builder("p").core_threads(1).max_threads(1).queue(1).waiters(5).max_wait(ms(50));
        Self { pool: pool.timing(timing(&clock)).build().unwrap(), clock }
    }

    /// Polls `calls` calls `polls` times, 10 ms between two polls, and drops them, the first or the last one first.
    fn drop_calls(&self, (calls, polls): (usize, usize), forward: bool) {
        let call = |_| -> Call<'_> { Box::pin(async { self.pool.run(|| Ok::<_, ()>(())).await.is_ok() }) };
        let mut calls: Vec<Option<Call<'_>>> = (0..calls).map(call).map(Some).collect();
        for round in 0..polls {
            self.clock.advance(ms(if round > 0 { 10 } else { 0 }));
            for place in &mut calls {
                if place.as_mut().is_some_and(|call| poll(call.as_mut()).is_ready()) {
                    *place = None;
                }
            }
        }
        if forward {
            calls.iter_mut().for_each(|call| *call = None);
        } else {
            calls.iter_mut().rev().for_each(|call| *call = None);
        }
        assert_eq!(self.clock.next_due(), None, "a timer is left");
    }

    /// Active, queued, waiting.
    fn look(&self) -> (u32, usize, usize) {
        let seen = self.pool.snapshot();
        (seen.active, seen.queued, seen.waiting)
    }

    /// Waits until the thread has done all that was handed in before.
    fn drain(&self) {
        for _ in 0..3 {
            self.pool.run_blocking(|| Ok::<_, ()>(())).unwrap();
        }
    }
}

#[test]
fn a_dropped_call_leaves_threads_queue_and_waiters_of_a_pool_as_they_were() {
    for (calls, forward) in [(1, true), (3, true), (3, false)] {
        for polls in 0..8 {
            let busy = Busy::new();
            let (work, begun, end) = held();
            let mut blocker = Box::pin(busy.pool.run(work));
            assert!(poll(blocker.as_mut()).is_pending());
            begun.recv_timeout(LONG).unwrap();
            busy.drop_calls((calls, polls), forward);
            assert_eq!(busy.look(), (1, 0, 0), "{calls} calls, {polls} polls");
            end.send(()).unwrap();
            busy.drain();
            assert_eq!(at_once(blocker), Ok(()));
            assert_eq!(busy.look(), (0, 0, 0), "{calls} calls, {polls} polls");
            assert_eq!(busy.pool.snapshot().available, 1);
            busy.pool.shutdown();
        }
    }
}

#[test]
fn a_call_dropped_while_its_work_runs_keeps_the_thread_until_the_work_ends_and_no_longer() {
    let busy = Busy::new();
    let (work, begun, end) = held();
    let mut call = Box::pin(busy.pool.run(work));
    assert_eq!(poll(call.as_mut()), Poll::Pending);
    begun.recv_timeout(LONG).unwrap();
    drop(call);
    assert_eq!(busy.look(), (1, 0, 0));
    end.send(()).unwrap();
    busy.drain();
    assert_eq!((busy.look(), busy.pool.snapshot().completed), ((0, 0, 0), 4));
    busy.pool.shutdown();
}
