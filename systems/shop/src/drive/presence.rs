//! How long the server has been away, and how long it was there.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A clock that stands still while no server answers.
///
/// The server counts as away from the first connection that was lost until the next answer, whoever gets it.
#[derive(Debug, Default)]
pub(super) struct Presence(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    away_since: Option<Duration>,
    away: Duration,
}

impl Presence {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody got an answer.
    pub(super) fn answered(&self, now: Duration) {
        let mut state = self.state();
        if let Some(since) = state.away_since.take() {
            state.away += now.saturating_sub(since);
        }
    }

    /// A connection was lost, or there was none. Returns how long nobody got an answer.
    pub(super) fn lost(&self, now: Duration) -> Duration {
        let since = *self.state().away_since.get_or_insert(now);
        now.saturating_sub(since)
    }

    /// Whether nobody got an answer since a connection was lost.
    pub(super) fn is_away(&self) -> bool {
        self.state().away_since.is_some()
    }

    /// The part of the time until now in which the server was there.
    pub(super) fn present(&self, now: Duration) -> Duration {
        let state = self.state();
        let absent = state.away_since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
        now.saturating_sub(state.away + absent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn patience_runs_from_the_first_loss_and_any_answer_ends_it() {
        let presence = Presence::default();
        assert_eq!(presence.lost(at(10)), at(0));
        assert_eq!(presence.lost(at(25)), at(15));
        presence.answered(at(30));
        assert_eq!(presence.lost(at(40)), at(0));
    }

    #[test]
    fn time_without_a_server_does_not_count() {
        let presence = Presence::default();
        presence.lost(at(10));
        assert_eq!(presence.present(at(25)), at(10), "it stands still while it is away");
        presence.answered(at(30));
        assert_eq!(presence.present(at(50)), at(30));
        presence.answered(at(60));
        assert_eq!(presence.present(at(60)), at(40), "an answer without a loss changes nothing");
    }
}
