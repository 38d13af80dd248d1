//! The seam: everything that a process does to the world outside its memory passes it, and is counted.

use super::machine::Simulation;
use super::{Fault, Kind, Operation, Strike};
use partita_core::{Reply, Ticket};
use partita_time::Host;
use std::fmt;
use std::future::{Future, pending};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// A process that passes so many operations goes in circles.
const MOST: usize = 10_000;

/// The seam of one process. Clones share it.
#[derive(Clone)]
pub struct Seam(Arc<Shared>);

struct Shared {
    host: Host,
    simulation: Arc<Simulation>,
    strike: Option<Strike>,
    latency: Duration,
    state: Mutex<State>,
    stopped: Notify,
}

#[derive(Default)]
struct State {
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

impl Seam {
    pub(super) fn new(host: Host, simulation: Arc<Simulation>, strike: Option<Strike>, latency: Duration) -> Self {
        let (state, stopped) = (Mutex::default(), Notify::new());
        Self(Arc::new(Shared { host, simulation, strike, latency, state, stopped }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn host(&self) -> &Host {
        &self.0.host
    }

    /// Counts an operation, and says what becomes of it. `content` goes into the trace's hash.
    pub(super) fn enter(&self, kind: Kind, name: &str, content: Option<&dyn fmt::Debug>) -> Passage {
        let mut state = self.state();
        if state.resting || state.stopped {
            return if state.stopped { Passage::Closed } else { Passage::Open };
        }
        let nth = state.operations.iter().filter(|operation| operation.kind == kind).count() + 1;
        let operation = Operation { kind, nth, name: name.to_owned() };
        let strike = self.0.strike.filter(|strike| strike.at == state.operations.len() + 1);
        let line = strike.map_or_else(|| operation.to_string(), |strike| format!("{} {operation}", strike.fault));
        self.0.simulation.trace(line, content);
        state.operations.push(operation);
        state.struck |= strike.is_some();
        let overrun = state.operations.len() >= MOST;
        drop(state);
        if overrun || strike.is_some_and(|strike| strike.fault == Fault::Before) {
            self.stop();
        }
        strike.map_or(Passage::Open, |strike| Passage::Struck(strike.fault))
    }

    /// Lets a call pass: `callee` carries it to who answers. Nothing happens before the future is first polled.
    ///
    /// `late` is how long a request delivered too late is under way: longer than any caller waits for this call, and not
    /// longer than its participant is declared to need until all is settled.
    pub fn call<F>(&self, name: String, late: Duration, callee: F) -> impl Future<Output = F::Output> + Send + use<F>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let seam = self.clone();
        async move {
            match seam.enter(Kind::Call, &name, None) {
                Passage::Open => {}
                Passage::Closed | Passage::Struck(Fault::Before) => return pending().await,
                Passage::Struck(Fault::Late) => return seam.deliver_late(name, late, callee).await,
                Passage::Struck(Fault::After) => {
                    let end = Ends(seam.clone());
                    seam.travel().await;
                    callee.await;
                    drop(end);
                    return pending().await;
                }
            }
            seam.travel().await;
            let answer = callee.await;
            seam.travel().await;
            if seam.is_stopped() { pending().await } else { answer }
        }
    }

    async fn deliver_late<F>(&self, name: String, late: Duration, callee: F) -> F::Output
    where
        F: Future + Send + 'static,
    {
        let seam = self.clone();
        self.host().spawner.spawn(Box::pin(async move {
            seam.host().clock.sleep(late).await;
            seam.0.simulation.trace(format!("arrives now: {name}"), None);
            callee.await;
        }));
        pending().await
    }

    async fn travel(&self) {
        if !self.0.latency.is_zero() {
            self.host().clock.sleep(self.0.latency).await;
        }
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
        self.state().operations.len() >= MOST
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
        self.state().operations.clone()
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
