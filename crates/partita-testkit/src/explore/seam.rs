//! The seam: everything that a process does to the world outside its memory passes it, and is counted.

use super::chance::Plan;
use super::machine::Simulation;
use super::{Fault, Kind, Operation};
use partita_core::{Effect, Error, ErrorKind, Reply, Result, Ticket};
use partita_time::Host;
use std::fmt;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// The seam of one process. Clones share it.
#[derive(Clone)]
pub struct Seam(Arc<Shared>);

struct Shared {
    host: Host,
    simulation: Arc<Simulation>,
    plan: Plan,
    latency: Duration,
    /// A process that passes so many operations goes in circles.
    most: usize,
    state: Mutex<State>,
    stopped: Notify,
}

#[derive(Default)]
struct State {
    commits: usize,
    calls: usize,
    operations: Vec<Operation>,
    stopped: bool,
    resting: bool,
    struck: bool,
    /// Answers that never come: dropping one would tell who waits.
    unanswered: Vec<Reply>,
}

/// What the seam does with an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    Open,
    Struck(Fault),
    /// The process has ended: no effect, no answer.
    Closed,
}

impl State {
    fn count(&mut self, kind: Kind) -> usize {
        let count = match kind {
            Kind::Commit => &mut self.commits,
            Kind::Call => &mut self.calls,
        };
        *count += 1;
        *count
    }

    const fn passed(&self) -> usize {
        self.commits + self.calls
    }
}

impl Seam {
    pub(super) fn new(host: Host, simulation: Arc<Simulation>, plan: Plan, (latency, most): (Duration, usize)) -> Self {
        let (state, stopped) = (Mutex::default(), Notify::new());
        Self(Arc::new(Shared { host, simulation, plan, latency, most, state, stopped }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn host(&self) -> &Host {
        &self.0.host
    }

    pub(super) fn simulation(&self) -> &Simulation {
        &self.0.simulation
    }

    /// How late something comes that may be late by so much.
    pub(super) fn delay(&self, late: Duration) -> Duration {
        self.0.plan.delay(late)
    }

    /// Counts an operation, and says what becomes of it. `content` goes into the trace's hash.
    pub(super) fn enter(&self, kind: Kind, name: &str, content: Option<&dyn fmt::Debug>) -> Passage {
        let mut state = self.state();
        if state.resting || state.stopped {
            return if state.stopped { Passage::Closed } else { Passage::Open };
        }
        let operation = Operation { kind, nth: state.count(kind), name: name.to_owned() };
        let fault = self.0.plan.fault(state.passed(), self.0.simulation.clock().elapsed());
        let line = fault.map_or_else(|| operation.to_string(), |fault| format!("{fault} {operation}"));
        self.0.simulation.trace(line, content);
        if self.0.plan.keeps_operations() {
            state.operations.push(operation);
        }
        state.struck |= fault.is_some();
        let overrun = state.passed() >= self.0.most;
        drop(state);
        if let Some(fault) = fault {
            self.0.simulation.strikes(kind, fault);
        }
        if overrun || fault == Some(Fault::Before) {
            self.stop();
        }
        fault.map_or(Passage::Open, Passage::Struck)
    }

    /// Lets a call pass: `callee` carries it to who answers, each time that it arrives. Nothing happens before the future is
    /// first polled.
    ///
    /// `late` is how long a request delivered too late is under way: longer than any caller waits for this call, and not
    /// longer than its participant is declared to need until all is settled.
    pub fn call<T, F, C>(
        &self,
        name: String,
        late: Duration,
        callee: C,
    ) -> impl Future<Output = Result<T>> + Send + use<T, F, C>
    where
        C: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
        T: Send + 'static,
    {
        let seam = self.clone();
        async move {
            match seam.enter(Kind::Call, &name, None) {
                Passage::Open => {}
                Passage::Closed | Passage::Struck(Fault::Before) => return pending().await,
                Passage::Struck(Fault::Late) => {
                    seam.deliver_later(name, seam.delay(late), callee());
                    return pending().await;
                }
                Passage::Struck(Fault::After) => {
                    let end = Ends(seam.clone());
                    seam.travel().await;
                    let _ = callee().await;
                    drop(end);
                    return pending().await;
                }
                Passage::Struck(Fault::NotApplied) => {
                    seam.travel().await;
                    return Err(seam.lost(Kind::Call, false));
                }
                Passage::Struck(Fault::Applied) => {
                    seam.travel().await;
                    let _ = callee().await;
                    seam.travel().await;
                    return if seam.is_stopped() { pending().await } else { Err(seam.lost(Kind::Call, true)) };
                }
                Passage::Struck(Fault::Duplicate) => {
                    seam.deliver_later(name.clone(), seam.0.latency, callee());
                    seam.deliver_later(name, seam.delay(late), callee());
                }
            }
            seam.travel().await;
            let answer = callee().await;
            seam.travel().await;
            if seam.is_stopped() { pending().await } else { answer }
        }
    }

    fn deliver_later<T>(&self, name: String, late: Duration, callee: impl Future<Output = T> + Send + 'static) {
        let seam = self.clone();
        self.host().spawner.spawn(Box::pin(async move {
            seam.host().clock.sleep(late).await;
            if !seam.is_stopped() {
                seam.0.simulation.trace(format!("arrives now: {name}"), None);
                callee.await;
            }
        }));
    }

    async fn travel(&self) {
        if !self.0.latency.is_zero() {
            self.host().clock.sleep(self.0.latency).await;
        }
    }

    /// What a caller gets to see of a lost answer.
    pub(super) fn lost(&self, kind: Kind, applied: bool) -> Error {
        let nothing = !applied && self.0.plan.says_that_nothing_happened();
        let effect = if nothing { Effect::None } else { Effect::Possible };
        let error = match kind {
            Kind::Commit if nothing => Error::new(ErrorKind::StorageFull, "the disk is full"),
            Kind::Commit => Error::new(ErrorKind::Io, "nobody knows what became of the commit"),
            Kind::Call if nothing => Error::new(ErrorKind::Unavailable, "no connection"),
            Kind::Call => Error::new(ErrorKind::Unavailable, "the connection ended without a reply"),
        };
        error.effect(effect)
    }

    /// A ticket that never resolves.
    pub(super) fn never(&self) -> Ticket {
        let (reply, ticket) = Ticket::pair();
        self.keep(reply);
        ticket
    }

    /// Keeps an answer from whoever waits for it.
    pub(super) fn keep(&self, reply: Reply) {
        self.state().unanswered.push(reply);
    }

    /// Ends the process: from now on nothing has an effect or an answer.
    pub(super) fn stop(&self) {
        let mut state = self.state();
        if !state.resting && !state.stopped {
            state.stopped = true;
            self.0.stopped.notify_one();
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.state().stopped
    }

    /// Whether it ended because it went in circles.
    pub(super) fn overran(&self) -> bool {
        self.state().passed() >= self.0.most
    }

    pub(super) async fn stopped(&self) {
        self.0.stopped.notified().await;
    }

    /// The story is over: what comes now is neither counted nor struck.
    pub(super) fn rest(&self) {
        self.state().resting = true;
    }

    pub(super) fn has_struck(&self) -> bool {
        self.state().struck
    }

    pub(super) fn operations(&self) -> Vec<Operation> {
        std::mem::take(&mut self.state().operations)
    }
}

/// Ends the process when it goes: with the answer, or when the caller gives the call up.
struct Ends(Seam);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl fmt::Debug for Seam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seam")
    }
}
