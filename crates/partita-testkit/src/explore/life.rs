//! One run: processes are started and driven, crash as the schedule says, and are looked at when all has ended.

use super::chance::Course;
use super::machine::{Counted, Simulation};
use super::{Fault, Kind, Machine, Operation, Trace, World};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// What one run came to.
#[derive(Debug, Default)]
pub struct Run {
    /// What passed the seam of each process, in order; nothing where faults are drawn.
    pub processes: Vec<Vec<Operation>>,
    /// How many processes were struck.
    pub struck: usize,
    /// How often each fault struck.
    pub faults: BTreeMap<(Kind, Fault), u64>,
    /// How long it took, in virtual time.
    pub elapsed: Duration,
    /// What does not hold.
    pub violations: Vec<String>,
    /// How often each thing happened that the world counts.
    pub counters: BTreeMap<&'static str, u64>,
    /// What happened.
    pub trace: Trace,
}

/// Why the driving of a process came to an end.
enum Ended<T> {
    Itself(T),
    Crashed,
    OutOfTime,
}

/// What holds for every process of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) seed: u64,
    pub(super) bound: Duration,
    pub(super) downtime: Duration,
    pub(super) latency: Duration,
    pub(super) most: usize,
}

struct Life<'a> {
    terms: Terms,
    course: Course<'a>,
    simulation: Arc<Simulation>,
    run: Run,
}

/// Lives one run through.
pub(super) async fn live<W: World>(terms: Terms, course: Course<'_>, mut world: W) -> Run {
    let simulation = Simulation::begin();
    let mut life = Life { terms, course, simulation, run: Run::default() };
    while life.process(&mut world).await {
        life.simulation.count("crashes");
        life.simulation.clock().sleep(life.course.downtime(terms.downtime)).await;
    }
    let Life { simulation, mut run, .. } = life;
    let Counted { counters, faults, mut violations } = simulation.all_counted();
    (run.counters, run.faults) = (counters, faults);
    run.violations.append(&mut violations);
    (run.elapsed, run.trace) = (simulation.clock().elapsed(), simulation.whole_trace());
    run
}

impl Life<'_> {
    /// One process from its start to its end; true when it crashed and another one must follow.
    async fn process<W: World>(&mut self, world: &mut W) -> bool {
        let number = self.run.processes.len();
        let machine = Machine::boot(&self.simulation, number as u64 + 1, self.course.plan(number), &self.terms);
        let crashed = self.work(world, &machine).await;
        machine.end().await;
        let seam = machine.seam();
        self.run.processes.push(seam.operations());
        self.run.struck += usize::from(seam.has_struck());
        crashed
    }

    async fn work<W: World>(&mut self, world: &mut W, machine: &Machine) -> bool {
        let process = match self.watched(machine, world.start(machine)).await {
            Ended::Crashed => return self.crashed(machine),
            Ended::OutOfTime => return self.fails("the process does not come up".to_owned()),
            // It says so and ends; whoever watches over it starts it again.
            Ended::Itself(Err(error)) if machine.seam().has_struck() && !self.is_over() => {
                machine.note(format!("the process does not start: {error}"));
                return true;
            }
            Ended::Itself(Err(error)) => return self.fails(format!("the process does not start: {error}")),
            Ended::Itself(Ok(process)) => process,
        };
        let ended = self.watched(machine, world.drive(machine, &process)).await;
        match ended {
            Ended::Crashed => return self.crashed(machine),
            Ended::OutOfTime => {
                self.fails(format!("no end within {:?} of virtual time", self.terms.bound));
            }
            Ended::Itself(()) => {}
        }
        machine.seam().rest();
        let found = world.check(machine, &process).await;
        self.run.violations.extend(found);
        false
    }

    fn is_over(&self) -> bool {
        self.simulation.clock().elapsed() >= self.terms.bound
    }

    fn crashed(&mut self, machine: &Machine) -> bool {
        if machine.seam().overran() {
            return self.fails("the process goes in circles: its operations have no end".to_owned());
        }
        machine.note("crash");
        true
    }

    fn fails(&mut self, why: String) -> bool {
        self.run.violations.push(why);
        false
    }

    /// Runs something of the process until it ends, the process crashes, or the time is up. What ended at the moment of a
    /// crash was not seen.
    async fn watched<T>(&self, machine: &Machine, work: impl Future<Output = T>) -> Ended<T> {
        let clock = self.simulation.clock();
        let left = self.terms.bound.checked_sub(clock.elapsed()).unwrap_or(Duration::ZERO);
        let (mut work, mut time, seam) = (pin!(work), clock.sleep(left), machine.seam());
        let mut stopped = pin!(seam.stopped());
        poll_fn(move |cx| {
            let progress = work.as_mut().poll(cx);
            if stopped.as_mut().poll(cx).is_ready() || seam.is_stopped() {
                return Poll::Ready(Ended::Crashed);
            }
            match progress {
                Poll::Ready(ended) => Poll::Ready(Ended::Itself(ended)),
                Poll::Pending => time.as_mut().poll(cx).map(|()| Ended::OutOfTime),
            }
        })
        .await
    }
}
