//! Polls calls by hand on virtual time, drops them, and compares with a policy that they never reached.

use crate::tasks::Tasks;
use partita_resilience::deadline::Context;
use partita_resilience::{Error, Timing};
use partita_time::{Clock, ManualClock};
use std::fmt::Debug;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

/// More polls than any call here needs.
const MOST: usize = 200;

/// One call through a policy.
pub(crate) type Call<'a> = Pin<Box<dyn Future<Output = End> + 'a>>;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Good,
    Refused,
    Failed,
}

impl End {
    pub(crate) fn of<T, E>(result: &Result<T, Error<E>>) -> Self {
        match result {
            Ok(_) => Self::Good,
            Err(Error::Rejected(_)) => Self::Refused,
            Err(_) => Self::Failed,
        }
    }
}

/// What became of one call, as its work saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Attempts whose work was begun.
    pub(crate) begun: u32,
    /// Attempts whose work failed.
    pub(crate) failed: u32,
    /// Attempts whose work did well.
    pub(crate) good: u32,
    /// Attempts under way.
    pub(crate) live: u32,
    /// Answers that had begun, whose bodies were to follow.
    pub(crate) heads: u32,
    /// How the call ended.
    pub(crate) end: Option<End>,
    /// Whether it was dropped before.
    pub(crate) dropped: bool,
}

/// The work of one call, which tells what becomes of it. Clones are the same work.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work(Arc<Mutex<Seen>>);

struct UnderWay<'a>(&'a Work);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.note(|seen| seen.live -= 1);
    }
}

impl Work {
    pub(crate) fn seen(&self) -> Seen {
        *self.0.lock().unwrap()
    }

    pub(crate) fn note(&self, what: impl FnOnce(&mut Seen)) {
        what(&mut self.0.lock().unwrap());
    }

    /// Waits `steps` times 10 ms, then ends.
    pub(crate) async fn run(&self, clock: &ManualClock, steps: u32, good: bool) -> Result<u32, &'static str> {
        self.note(|seen| (seen.begun, seen.live) = (seen.begun + 1, seen.live + 1));
        let _under_way = UnderWay(self);
        for _ in 0..steps {
            clock.sleep(ms(10)).await;
        }
        self.note(|seen| if good { seen.good += 1 } else { seen.failed += 1 });
        if good { Ok(steps) } else { Err("down") }
    }
}

/// One policy, how it is called, and what a call holds of it.
pub(crate) trait Case {
    type World;

    /// The policy as the calls find it.
    fn world(&self, clock: &ManualClock) -> Self::World;

    /// Call number `which`, from 0.
    fn call<'a>(&'a self, world: &'a Self::World, clock: &'a ManualClock, work: &'a Work, which: u32) -> Call<'a>;

    /// Does to the untouched policy, at once, what became of one call for good between two polls.
    fn settle(&self, _untouched: &Self::World, _before: Seen, _now: Seen) {}

    /// What goes on behind the calls, if anything can.
    fn tasks<'a>(&self, _world: &'a Self::World) -> Option<&'a Tasks> {
        None
    }

    /// What is in use and what is left. Asked once, at the end: it may take what is left.
    fn look(&self, world: &Self::World, clock: &ManualClock) -> String;
}

/// Which calls are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drops {
    /// All of them, the first one first.
    Forward,
    /// All of them, the last one first.
    Backward,
    /// One of them; the others go on to their end, and so does what they left behind them.
    Only(usize),
    /// What goes on behind them, as when a runtime ends; the calls go on to their end.
    Behind,
}

struct Run<'a, C: Case> {
    case: &'a C,
    clock: &'a ManualClock,
    still: &'a ManualClock,
    untouched: &'a C::World,
    tasks: Option<&'a Tasks>,
    work: &'a [Work],
    settled: Vec<Seen>,
    calls: Vec<Option<Call<'a>>>,
    polled: usize,
}

impl<C: Case> Run<'_, C> {
    /// Moves to the next due moment, but for the first time, and polls each call.
    fn round(&mut self) {
        if self.polled > 0 {
            let due = self.clock.next_due().expect("a call waits for something that never comes");
            self.clock.advance_to(due);
            self.still.advance_to(due);
        }
        self.polled += 1;
        self.poll_calls();
    }

    /// Polls each call, and again while one ends: what it held may be what another waits for.
    fn poll_calls(&mut self) {
        let mut under_way = usize::MAX;
        while self.under_way() < under_way {
            under_way = self.under_way();
            for (place, work) in self.calls.iter_mut().zip(self.work) {
                let Some(call) = place else { continue };
                if let Poll::Ready(end) = poll(call.as_mut()) {
                    *place = None;
                    work.note(|seen| seen.end = Some(end));
                }
            }
            self.tasks.into_iter().for_each(Tasks::poll);
        }
        self.settle();
    }

    fn settle(&mut self) {
        for at in 0..self.calls.len() {
            let now = self.work[at].seen();
            self.case.settle(self.untouched, std::mem::replace(&mut self.settled[at], now), now);
        }
    }

    /// Calls and tasks that have not ended.
    fn under_way(&self) -> usize {
        self.calls.iter().flatten().count() + self.tasks.map_or(0, Tasks::count)
    }

    fn drop_call(&mut self, which: usize) {
        if self.calls[which].take().is_some() {
            self.work[which].note(|seen| seen.dropped = true);
        }
    }

    fn drop_tasks(&self) {
        self.tasks.into_iter().for_each(Tasks::end);
    }

    fn go_on(&mut self) {
        if self.polled > 0 {
            self.poll_calls();
        }
        while self.under_way() > 0 {
            assert!(self.polled < MOST, "a call that stays does not end");
            self.round();
        }
    }

    fn drop_calls(&mut self, drops: Drops) {
        match drops {
            Drops::Forward => {
                (0..self.calls.len()).for_each(|which| self.drop_call(which));
                self.drop_tasks();
            }
            Drops::Backward => {
                self.drop_tasks();
                (0..self.calls.len()).rev().for_each(|which| self.drop_call(which));
            }
            Drops::Only(which) => {
                self.drop_call(which);
                self.go_on();
            }
            Drops::Behind => {
                self.drop_tasks();
                self.go_on();
            }
        }
        self.settle();
    }
}

/// Polls `calls` calls `polls` times and drops them; whether all had ended by then.
fn run<C: Case + Debug>(case: &C, calls: usize, polls: usize, drops: Drops) -> bool {
    let (clock, still) = (ManualClock::new(), ManualClock::new());
    let (world, untouched) = (case.world(&clock), case.world(&still));
    let work: Vec<Work> = (0..calls).map(|_| Work::default()).collect();
    let begun = (0..).zip(&work).map(|(which, work)| Some(case.call(&world, &clock, work, which))).collect();
    let mut run = Run {
        case,
        clock: &clock,
        still: &still,
        untouched: &untouched,
        tasks: case.tasks(&world),
        work: &work,
        settled: vec![Seen::default(); calls],
        calls: begun,
        polled: 0,
    };
    while run.polled < polls && run.under_way() > 0 {
        run.round();
    }
    let over = run.under_way() == 0;
    run.drop_calls(drops);
    drop(run);
    let what = format!("{case:?}: {calls} calls, dropped after {polls} polls, {drops:?}");
    assert_eq!(clock.next_due(), None, "{what}: a timer is left");
    assert!(work.iter().all(|work| work.seen().live == 0), "{what}: work goes on");
    assert_eq!(Context::current().deadline(), None, "{what}: a context is left");
    assert_eq!(case.look(&world, &clock), case.look(&untouched, &still), "{what}");
    over
}

/// Drops one call, and three, after each number of polls until they end; how many polls that were.
pub(crate) fn drop_after_every_poll<C: Case + Debug>(case: &C) -> usize {
    let mut most = 0;
    for calls in [1, 3] {
        let all = [Drops::Forward, Drops::Backward, Drops::Behind];
        for drops in all.into_iter().chain((0..calls).map(Drops::Only)) {
            let polls = (0..MOST).find(|polls| run(case, calls, *polls, drops)).expect("the calls do not end");
            most = most.max(polls);
        }
    }
    most
}

pub(crate) fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut std::task::Context::from_waker(Waker::noop()))
}

/// The end of work that is ready at once.
pub(crate) fn at_once<F: Future>(future: F) -> F::Output {
    match poll(pin!(future)) {
        Poll::Ready(end) => end,
        Poll::Pending => panic!("it is not ready at once"),
    }
}

/// How many can be had at once, ten at most.
pub(crate) fn count<T, E>(mut take: impl FnMut() -> Result<T, E>) -> usize {
    let held: Vec<T> = std::iter::from_fn(|| take().ok()).take(10).collect();
    held.len()
}

/// Whether a new call's work is begun at its first poll.
pub(crate) fn begins<'a, F: Future + 'a>(call: impl FnOnce(&'a Work) -> F, work: &'a Work) -> bool {
    let mut call = pin!(call(work));
    let _ = poll(call.as_mut());
    work.seen().begun == 1
}

pub(crate) fn timing(clock: &ManualClock) -> Timing {
    Timing::manual(clock, 1)
}

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
