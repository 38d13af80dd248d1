//! Runs every schedule of a story.

use super::chance::Course;
use super::life::{Terms, live};
use super::point::{Judged, Point};
use super::{Exploration, Failure, Fault, Run, Schedule, World};
use partita_time::Entropy;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Builder;

/// A process that passes so many operations goes in circles.
const MOST: usize = 10_000;

/// Runs worlds through schedules, each on a single-threaded runtime of its own, in virtual time.
#[derive(Clone, Debug)]
pub struct Explorer {
    /// What ids and jitter are drawn from, and which points a sample takes.
    pub seed: u64,
    /// A run must have ended after so much virtual time.
    pub bound: Duration,
    /// From a crash to the next start.
    pub downtime: Duration,
    /// How long a call is under way, and its answer again.
    pub latency: Duration,
    /// What each operation is struck with, each in a run of its own.
    pub faults: Vec<Fault>,
    /// Whether recoveries are crashed again.
    pub double: Double,
    /// Threads that run schedules side by side; worlds share nothing.
    pub threads: usize,
    /// Is told now and then how many runs are done, out of how many.
    pub progress: Option<fn(usize, usize)>,
}

/// Whether a second crash follows, at the points of the recovery from the first one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Double {
    /// No.
    #[default]
    No,
    /// At so many points of a story, drawn from the seed.
    Sample(usize),
    /// At every point of every recovery.
    All,
}

impl Default for Explorer {
    fn default() -> Self {
        Self {
            seed: 1,
            bound: Duration::from_secs(600),
            downtime: Duration::from_millis(100),
            latency: Duration::from_millis(5),
            faults: Fault::ALL.to_vec(),
            double: Double::No,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            progress: None,
        }
    }
}

/// Runs a life on a runtime of its own, where time is virtual.
pub(super) fn on_a_runtime(life: impl Future<Output = Run>) -> Run {
    match Builder::new_current_thread().enable_time().start_paused(true).build() {
        Ok(runtime) => runtime.block_on(life),
        Err(error) => Run { violations: vec![format!("there is no runtime: {error}")], ..Run::default() },
    }
}

impl Explorer {
    /// Runs one schedule.
    pub fn run<W: World>(&self, world: W, schedule: &Schedule) -> Run {
        let Self { seed, bound, downtime, latency, .. } = *self;
        let terms = Terms { seed, bound, downtime, latency, most: MOST };
        on_a_runtime(live(terms, Course::Schedule(schedule), world))
    }

    /// Explores a story: a run without faults fixes what passes the seam, then each of these operations is struck with each
    /// fault, in a run of its own; then each recovery from a crash is crashed, as far as [`Explorer::double`] says.
    /// `counters` names what must happen at least once.
    pub fn explore<W: World>(&self, counters: &[&'static str], world: impl Fn() -> W + Sync) -> Exploration {
        let calm = self.run(world(), &Schedule::calm());
        let again = self.run(world(), &Schedule::calm());
        let mut exploration = Exploration::of(&calm, counters);
        if calm.trace.hash() != again.trace.hash() {
            exploration.fails("twice the same run", vec!["two traces: something draws on chance".to_owned()], &again);
        }
        exploration.judge("a run without faults", &calm);
        let points = self.points(&calm);
        exploration.points = points.len();
        let judged = self.side_by_side(&points, &world);
        let seconds = self.seconds(&points, &judged);
        for (point, judged) in points.iter().zip(judged) {
            exploration.add(point, judged);
        }
        let (possible, seconds) = seconds;
        exploration.twice.possible = possible;
        exploration.twice.points = seconds.len();
        for judged in self.side_by_side(&seconds, &world) {
            exploration.add_second(judged);
        }
        exploration
    }

    /// The first schedule, by its point, under which something does not hold; runs no more than it must.
    pub fn shortest<W: World>(&self, world: impl Fn() -> W) -> Option<Failure> {
        let calm = self.run(world(), &Schedule::calm());
        if !calm.violations.is_empty() {
            return Some(Failure::new("a run without faults", calm.violations.clone(), &calm));
        }
        let (points, mut all) = (self.points(&calm), vec![]);
        for point in &points {
            let judged = point.judge(self.run(world(), &point.schedule));
            if judged.failure.is_some() {
                return judged.failure;
            }
            all.push(judged);
        }
        let (_, seconds) = self.seconds(&points, &all);
        seconds.into_iter().find_map(|point| point.judge(self.run(world(), &point.schedule)).failure)
    }

    fn points(&self, calm: &Run) -> Vec<Point> {
        let operations = calm.processes.iter().flatten().zip(1..);
        let all = operations.flat_map(|(operation, at)| self.faults.iter().map(move |fault| (at, *fault, operation)));
        all.map(|(at, fault, operation)| Point::new(at, fault, operation)).collect()
    }

    /// How many points the recoveries from all crashes have, and those of them to be crashed.
    fn seconds(&self, points: &[Point], judged: &[Judged]) -> (usize, Vec<Point>) {
        let crashes = points.iter().zip(judged).filter(|(point, _)| point.fault().is_some_and(Fault::is_crash));
        let mut all: Vec<Point> =
            crashes.flat_map(|(point, judged)| point.recoveries(&judged.recovery).collect::<Vec<_>>()).collect();
        let possible = all.len();
        let wanted = match self.double {
            Double::No => 0,
            Double::Sample(most) => most.min(possible),
            Double::All => possible,
        };
        if wanted < possible {
            let entropy = Entropy::seeded(self.seed);
            for place in 0..wanted {
                let drawn = usize::try_from(entropy.below((possible - place) as u64)).unwrap_or(0);
                all.swap(place, place + drawn);
            }
            all.truncate(wanted);
        }
        (possible, all)
    }

    /// Runs all points on the threads, and hands back in order what became of them.
    fn side_by_side<W: World>(&self, points: &[Point], world: &(impl Fn() -> W + Sync)) -> Vec<Judged> {
        let (next, done) = (AtomicUsize::new(0), Mutex::new(vec![]));
        std::thread::scope(|scope| {
            for _ in 0..self.threads.clamp(1, points.len().max(1)) {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(point) = points.get(index) else { return };
                        let judged = point.judge(self.run(world(), &point.schedule));
                        let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                        done.push((index, judged));
                        if let Some(progress) = self.progress {
                            progress(done.len(), points.len());
                        }
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, judged)| judged).collect()
    }
}
