//! Where a breaker stands.

use super::Breaker;
use super::core::{Core, MS};
use super::packed::word::{Mode, State, Word};
use crate::Name;
use std::time::Duration;

/// Where a breaker stands at one moment. Moments are times since the clock was made; counts run from the start or the last
/// reset.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Its name.
    pub name: Name,
    /// Its state; closed where it is disabled or only watches.
    pub state: State,
    /// What an operator made of it.
    pub mode: Mode,
    /// When the state began; to the millisecond.
    pub since: Duration,
    /// Calls that count: successes, failures, and slow calls that were cancelled.
    pub total: u64,
    /// Successes, slow ones among them.
    pub successful: u64,
    /// Failures, slow and overloaded ones among them.
    pub failed: u64,
    /// Calls that took the slow threshold or longer.
    pub slow: u64,
    /// Calls that counted neither way.
    pub ignored: u64,
    /// Calls that were not let through.
    pub rejected: u64,
    /// Calls that ended in another state than they began in.
    pub stale: u64,
    /// The window's rates.
    pub rates: Rates,
    /// Failures since the last success.
    pub consecutive_failures: u64,
    /// How often it opened by itself.
    pub opened_count: u64,
    /// When the last failure was recorded.
    pub last_failure_at: Option<Duration>,
    /// How long it stays open from now.
    pub retry_after: Option<Duration>,
}

/// The rates of a window, 0 to 1; 0 for an empty one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Failures out of all.
    pub failure_rate: f64,
    /// Slow calls out of all.
    pub slow_rate: f64,
}

impl Breaker {
    /// Where it stands now; what has fallen due has happened.
    pub fn snapshot(&self) -> Snapshot {
        let core = &self.0;
        let now = core.now();
        core.settle(now);
        let (word, since) = core.dated();
        let view = core.view(word.generation(), now);
        let totals = core.total();
        let open_until = (core.shown(word) == State::Open && word.deadline() > 0).then(|| word.deadline() * MS);
        Snapshot {
            name: core.name.clone(),
            state: core.shown(word),
            mode: word.mode(),
            since: Duration::from_millis(since).min(Duration::from_nanos(now)),
            total: totals.total,
            successful: totals.successful,
            failed: totals.failed,
            slow: totals.slow,
            ignored: totals.ignored,
            rejected: totals.rejected,
            stale: totals.stale,
            rates: Rates { failure_rate: view.failure_rate(), slow_rate: view.slow_rate() },
            consecutive_failures: totals.consecutive,
            opened_count: totals.opened,
            last_failure_at: totals.last_failure,
            retry_after: open_until.map(|end| Duration::from_nanos(end.saturating_sub(now))),
        }
    }
}

impl Core {
    /// The state as callers meet it.
    pub(super) fn shown(&self, word: Word) -> State {
        if word.mode() == Mode::MetricsOnly { State::Closed } else { word.state() }
    }

    /// The word and when its state began, of one moment unless it changes without end.
    fn dated(&self) -> (Word, u64) {
        let mut word = self.machine.word();
        for _ in 0..64 {
            if let Some(since) = self.machine.since(word) {
                return (word, since);
            }
            word = self.machine.word();
        }
        (word, 0)
    }
}
