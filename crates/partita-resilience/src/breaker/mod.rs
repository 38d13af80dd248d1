//! The circuit breaker: stops calling a dependency that fails or crawls, and finds out with little risk when it is back.
//!
//! ```
//! # async fn charge() -> Result<u32, std::io::Error> { Ok(7) }
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use partita_resilience::breaker::Breaker;
//! let payments = Breaker::builder("payments").build()?;
//! let receipt = payments.call(|| charge()).await?;
//! # Ok(()) }
//! ```
//!
//! | state | lets through | leaves it |
//! |---|---|---|
//! | closed | all | when the window's failure rate or slow-call rate, or failures in a row, reach their limit |
//! | open | none | when the open time is over: doubled at each further opening, jittered, never before a Retry-After |
//! | half-open | a few probes at once | when enough probes succeeded; back to open at the first that fails, is slow or does not end, or when its longest time is over |
//! | ramp | a share that rises from 10 % to all | when its time is over; trips as if closed |
//!
//! **What a window is.** A window of time holds the buckets `k - n + 1` to `k` at a moment in bucket `k`, where bucket `k`
//! covers `k * w / n` to before `(k + 1) * w / n` of the clock: no call older than the window, and every call younger than it
//! by a bucket. A window of calls holds exactly the last that count. Each belongs to one state: it starts empty with it. A
//! limit is reached at `failed / total >= rate`, looked at with each call that ends, once `total >= min_calls`.
//!
//! **What counts.** Successes and failures (overloaded ones are failures) count. Ignored and cancelled calls count neither
//! way; a call that was cancelled when it was slow already counts as a slow one, as does an attempt that the deadline of
//! its [stack](crate::Policy) cut short. A probe that does not end in its time has failed at that moment. A call that ends
//! in another state than it began in only raises `stale`, but its Retry-After holds: an open time, this one or the next,
//! goes on until then. While half-open it holds no probe back, for a probe's own word is the newer one. An operator's word
//! lifts every Retry-After before it. A rejection is no outcome.
//!
//! **Time makes states.** What falls due (the end of the open time, a probe's deadline, the ramp's end) has happened at its
//! moment, whenever somebody looks: events and `since` carry that moment. A probe's deadline is the call timeout if there is
//! one, and `half_open_max_ms` otherwise, from its permit on: one that waits for a place in a bulkhead for so long has failed
//! too. Half-open's own time runs from its first probe: where nobody calls, nobody is held up, and a breaker that opened
//! again, for longer each time, would turn away the first who comes.
//!
//! **What a call costs.** A healthy call reads one word and adds to counters of its thread alone: no lock, no allocation.
//! Additions of other threads may be seen a few nanoseconds late, and one that races the turn of a bucket or a change of
//! state may be lost or land a bucket late; a single thread is exact. Time is the coarse clock's, late by about a
//! millisecond.
//!
//! A breaker that guards several parts which fail on their own makes their partial failure a total one: make one
//! [for each key](Builder::build_keyed): shard, tenant or endpoint.

mod call;
mod config;
mod core;
mod keyed;
mod keyed_layer;
mod lasts;
mod layer;
mod packed;
mod permit;
mod registry;
mod response;
mod snapshot;
#[cfg(test)]
mod tests;

use crate::stack::time;
use crate::{Name, Timing};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use config::Builder;
pub use keyed::Overview;
pub use keyed_layer::ByKey;
pub use lasts::{Lasts, Running, UntilHead};
pub use layer::{BreakerLayer, BreakerService};
pub use packed::machine::Cause;
pub use packed::word::{Mode, State};
pub(crate) use permit::Headed;
pub use permit::{OwnedPermit, Permit};
pub use response::ResponseFuture;
pub use snapshot::{Rates, Snapshot};

/// A circuit breaker. Clones are the same breaker.
#[derive(Clone)]
pub struct Breaker(Arc<core::Core>);

impl Breaker {
    /// Settings of a breaker of this name.
    pub fn builder(name: impl Into<Name>) -> Builder {
        Builder::new(name.into())
    }

    fn of(core: Arc<core::Core>) -> Self {
        Self(core)
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.0.name
    }

    /// Its time and chance.
    pub fn timing(&self) -> &Timing {
        &self.0.common.timing
    }

    /// Where it stands now; what has fallen due has happened. Closed where an operator disabled it or lets it only watch.
    pub fn state(&self) -> State {
        self.0.settle(self.0.now());
        self.0.shown(self.0.machine.word())
    }

    /// What an operator made of it.
    pub fn mode(&self) -> Mode {
        self.0.machine.word().mode()
    }

    /// When its state changes by itself if nothing else happens, as time since the clock was made.
    pub fn next_due(&self) -> Option<Duration> {
        self.0.machine.due(self.0.machine.word()).map(|(at, _)| Duration::from_millis(at))
    }

    /// How far back calls count; None for a window of calls.
    pub fn window(&self) -> Option<Duration> {
        let settings = &self.0.common.settings;
        settings.window_calls.is_none().then(|| Duration::from_nanos(settings.window))
    }

    /// Whether a failed call may be made again: every call is let through, or the breaker only watches.
    pub fn lets_retry(&self) -> bool {
        matches!(self.state(), State::Closed | State::Ramp)
    }

    /// Whether it has a limit of its own for each call.
    pub(crate) fn limits_calls(&self) -> bool {
        self.0.common.settings.call_timeout.is_some()
    }

    /// Its settings in words.
    pub(crate) fn explain(&self) -> String {
        let settings = &self.0.common.settings;
        let reach = match (settings.window_calls, self.window()) {
            (Some(calls), _) => format!("the last {calls} calls"),
            (None, window) => format!("{} of calls", time(window.unwrap_or_default())),
        };
        format!(
            "opens at {:.0} % failures or {:.0} % slow calls in {reach}, from {} calls on; for {} and up",
            settings.failure_rate * 100.0,
            settings.slow_rate * 100.0,
            settings.min_calls,
            time(Duration::from_millis(settings.open_ms))
        )
    }

    /// Open until told otherwise.
    pub fn force_open(&self) {
        self.0.set(Mode::ForcedOpen);
    }

    /// Lets every call through and counts nothing, until told otherwise.
    pub fn disable(&self) {
        self.0.set(Mode::Disabled);
    }

    /// Lets every call through, counts, and tells what it would have done, until told otherwise.
    pub fn watch_only(&self) {
        self.0.set(Mode::MetricsOnly);
    }

    /// Closed and automatic again, with an empty window; what was counted for good stays.
    pub fn close(&self) {
        self.0.set(Mode::Automatic);
    }

    /// Closed and automatic again, with every counter at zero.
    pub fn reset(&self) {
        self.0.reset();
    }

    /// Whether both are clones of one.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.0.machine.word();
        let mut text = f.debug_struct("Breaker");
        text.field("name", self.name()).field("state", &word.state()).field("mode", &word.mode()).finish()
    }
}
