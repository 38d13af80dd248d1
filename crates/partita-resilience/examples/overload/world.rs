//! A dependency that slows down for a while, and the clients that go on asking.

use partita_resilience::{BuildError, Timing};
use partita_time::{Clock, Entropy, Host, TaskGroup, TokioClock, timeout};
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// Length of a run, in seconds of virtual time.
pub(crate) const SECONDS: usize = 60;
/// When the dependency is slow, in seconds.
pub(crate) const SLOW: std::ops::Range<u64> = 10..20;
/// Requests a second, on average.
pub(crate) const RATE: u64 = 250;
/// What a client is willing to wait for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

const WORKERS: usize = 8;
const QUICK: Duration = Duration::from_millis(20);
const TARDY: Duration = Duration::from_millis(120);

/// Why a call brought no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoAnswer;

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no answer")
    }
}

impl std::error::Error for NoAnswer {}

/// Eight workers and a queue without bound. Work that was asked for is done, whether anybody still waits or not.
#[derive(Clone)]
pub(crate) struct Dependency {
    host: Host,
    workers: Arc<Semaphore>,
    /// By second; the last callers are waited for, so there are some more than the run has.
    calls: Arc<[AtomicU32]>,
}

impl Dependency {
    /// Asks and waits until the work is done.
    pub(crate) async fn call(self) -> Result<(), NoAnswer> {
        let second = usize::try_from(self.host.clock.elapsed().as_secs()).unwrap_or(0);
        self.calls[second.min(self.calls.len() - 1)].fetch_add(1, Ordering::Relaxed);
        let (tell, told) = oneshot::channel();
        let server = self.clone();
        self.host.spawner.spawn(Box::pin(async move {
            let Ok(_worker) = server.workers.acquire().await else { return };
            let slow = SLOW.contains(&server.host.clock.elapsed().as_secs());
            let spread = server.host.entropy.below(1_000);
            let work = if slow { TARDY } else { QUICK };
            server.host.clock.sleep(work / 2 + work.mul_f64(f64::from(u32::try_from(spread).unwrap_or(0)) / 1e3)).await;
            let _ = tell.send(());
        }));
        told.await.map_err(|_| NoAnswer)
    }
}

/// A client's way to the dependency.
pub(crate) type Caller = Rc<dyn Fn(Dependency) -> Pin<Box<dyn Future<Output = bool>>>>;

/// What one run showed.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// Answers within patience, by the second in which they were asked for.
    pub(crate) answered: Vec<u32>,
    /// Requests, by second.
    pub(crate) asked: Vec<u32>,
    /// How long answers took, in milliseconds, sorted, by the second in which they were asked for.
    pub(crate) waits: Vec<Vec<u32>>,
    /// Calls that reached the dependency, by second; some more seconds than the run has.
    pub(crate) calls: Vec<u32>,
}

/// Runs one way of calling through the whole minute. The same seed gives the same outcome.
///
/// # Errors
/// The policy cannot be built, or the runtime.
pub(crate) fn run(
    seed: u64,
    caller: impl Fn(&Timing) -> Result<Caller, BuildError>,
) -> Result<Outcome, Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async move {
        let group = TaskGroup::new();
        let clock: Arc<dyn Clock> = Arc::new(TokioClock::anchored(partita_time::Timestamp::default()));
        let entropy = Arc::new(Entropy::seeded(seed));
        let host = Host { clock, spawner: Arc::new(group.clone()), entropy };
        let dependency = Dependency {
            host: host.clone(),
            workers: Arc::new(Semaphore::new(WORKERS)),
            calls: (0..SECONDS + 3).map(|_| AtomicU32::new(0)).collect(),
        };
        let outcome = minute(&host, &dependency, &caller(&Timing::of(&host))?).await;
        group.end().await;
        Ok(outcome)
    })
}

async fn minute(host: &Host, dependency: &Dependency, caller: &Caller) -> Outcome {
    let waits = vec![Vec::new(); SECONDS];
    let calls = Vec::new();
    let seen = Outcome { answered: vec![0; SECONDS], asked: vec![0; SECONDS], waits, calls };
    let seen = Rc::new(RefCell::new(seen));
    let arrivals = Entropy::seeded(7);
    let end = Duration::from_secs(SECONDS as u64);
    let mut next = Duration::ZERO;
    loop {
        next += gap(&arrivals);
        if next >= end {
            break;
        }
        host.clock.sleep(next.saturating_sub(host.clock.elapsed())).await;
        let (seen, host) = (Rc::clone(&seen), host.clone());
        let call = caller(dependency.clone());
        tokio::task::spawn_local(async move {
            let asked = host.clock.elapsed();
            let second = usize::try_from(asked.as_secs()).unwrap_or(0).min(SECONDS - 1);
            seen.borrow_mut().asked[second] += 1;
            let answer = timeout(host.clock.as_ref(), PATIENCE, call).await;
            if answer == Ok(true) {
                let mut seen = seen.borrow_mut();
                seen.answered[second] += 1;
                let wait = host.clock.elapsed().saturating_sub(asked);
                seen.waits[second].push(u32::try_from(wait.as_millis()).unwrap_or(u32::MAX));
            }
        });
    }
    host.clock.sleep(PATIENCE * 2).await;
    let mut outcome = seen.borrow().clone();
    outcome.waits.iter_mut().for_each(|waits| waits.sort_unstable());
    outcome.calls = dependency.calls.iter().map(|calls| calls.load(Ordering::Relaxed)).collect();
    outcome
}

/// Time to the next arrival: exponentially distributed, as arrivals of many clients are.
fn gap(entropy: &Entropy) -> Duration {
    let even = f64::from(u32::try_from(entropy.below(1 << 24)).unwrap_or(0) + 1) / f64::from(1_u32 << 24);
    let mean = 1.0 / f64::from(u32::try_from(RATE).unwrap_or(1));
    Duration::from_secs_f64(-even.ln() * mean)
}
