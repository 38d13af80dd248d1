//! Runs every schedule of a story.

use super::life::live;
use super::{Exploration, Failure, Fault, Kind, Operation, Run, Schedule, World};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Builder;

/// Runs worlds through schedules, each on a single-threaded runtime of its own, in virtual time.
#[derive(Clone, Debug)]
pub struct Explorer {
    /// What ids and jitter are drawn from.
    pub seed: u64,
    /// A run must have ended after so much virtual time.
    pub bound: Duration,
    /// From a crash to the next start.
    pub downtime: Duration,
    /// How long a call is under way, and its answer again.
    pub latency: Duration,
    /// Also deliver each call late, once. Such runs are counted apart from the crashes.
    pub late: bool,
    /// Threads that run schedules side by side; worlds share nothing.
    pub threads: usize,
}

impl Default for Explorer {
    fn default() -> Self {
        Self {
            seed: 1,
            bound: Duration::from_secs(600),
            downtime: Duration::from_millis(100),
            latency: Duration::from_millis(5),
            late: true,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// A schedule, and the operation that it must strike.
struct Point {
    schedule: Schedule,
    fault: Fault,
    operation: Operation,
}

impl Point {
    fn new(at: usize, fault: Fault, operation: &Operation) -> Self {
        Self { schedule: Schedule::one(at, fault), fault, operation: operation.clone() }
    }

    /// Whether a run got there, and found there what the run without faults had found.
    fn is_explored(&self, run: &Run) -> bool {
        let at = self.schedule.0.first().map_or(0, |strike| strike.at);
        let met = run.processes.first().and_then(|operations| operations.get(at.checked_sub(1)?));
        run.struck == 1 && met == Some(&self.operation)
    }

    fn in_words(&self) -> String {
        format!("{} {}", self.fault, self.operation)
    }
}

impl Explorer {
    /// Runs one schedule.
    pub fn run<W: World>(&self, world: W, schedule: &Schedule) -> Run {
        match Builder::new_current_thread().enable_time().start_paused(true).build() {
            Ok(runtime) => runtime.block_on(live(self, world, schedule)),
            Err(error) => Run { violations: vec![format!("there is no runtime: {error}")], ..Run::default() },
        }
    }

    /// Explores a story: a run without faults fixes what passes the seam, then each of these operations is struck in a
    /// run of its own. `counters` names what must happen at least once.
    pub fn explore<W: World>(&self, counters: &[&'static str], world: impl Fn() -> W + Sync) -> Exploration {
        let calm = self.run(world(), &Schedule::calm());
        let again = self.run(world(), &Schedule::calm());
        let mut exploration = Exploration::of(&calm, counters);
        if calm.trace.hash() != again.trace.hash() {
            exploration.fails("twice the same run", vec!["two traces: something draws on chance".to_owned()], &again);
        }
        exploration.judge("a run without faults", &calm);
        let points = self.points(&calm);
        for (point, run) in points.iter().zip(self.side_by_side(&points, &world)) {
            let explored = point.is_explored(&run);
            exploration.add(point.fault, explored);
            if explored || !run.violations.is_empty() {
                exploration.judge(&point.in_words(), &run);
            } else {
                exploration.fails(&point.in_words(), vec!["the run did not come there".to_owned()], &run);
            }
        }
        exploration
    }

    /// The first schedule, by its point, under which something does not hold; runs no more than it must.
    pub fn shortest<W: World>(&self, world: impl Fn() -> W) -> Option<Failure> {
        let calm = self.run(world(), &Schedule::calm());
        if !calm.violations.is_empty() {
            return Some(Failure::new("a run without faults", calm.violations.clone(), &calm));
        }
        self.points(&calm).into_iter().find_map(|point| {
            let run = self.run(world(), &point.schedule);
            let failed = !run.violations.is_empty();
            failed.then(|| Failure::new(&point.in_words(), run.violations.clone(), &run))
        })
    }

    fn points(&self, calm: &Run) -> Vec<Point> {
        let mut points = vec![];
        for (operation, at) in calm.processes.iter().flatten().zip(1..) {
            points.push(Point::new(at, Fault::Before, operation));
            points.push(Point::new(at, Fault::After, operation));
            if self.late && operation.kind == Kind::Call {
                points.push(Point::new(at, Fault::Late, operation));
            }
        }
        points
    }

    /// Runs all points on the threads, and hands the runs back in order.
    fn side_by_side<W: World>(&self, points: &[Point], world: &(impl Fn() -> W + Sync)) -> Vec<Run> {
        let (next, runs) = (AtomicUsize::new(0), Mutex::new(vec![]));
        std::thread::scope(|scope| {
            for _ in 0..self.threads.clamp(1, points.len().max(1)) {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(point) = points.get(index) else { return };
                        let run = self.run(world(), &point.schedule);
                        runs.lock().unwrap_or_else(PoisonError::into_inner).push((index, run));
                    }
                });
            }
        });
        let mut runs = runs.into_inner().unwrap_or_else(PoisonError::into_inner);
        runs.sort_by_key(|(index, _)| *index);
        runs.into_iter().map(|(_, run)| run).collect()
    }
}
