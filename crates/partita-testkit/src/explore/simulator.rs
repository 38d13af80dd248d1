//! One long run of a world, its faults drawn from a seed.

use super::chance::{Chance, Course};
use super::explorer::on_a_runtime;
use super::life::{Terms, live};
use super::{Odds, Run, World};
use std::time::Duration;

/// Runs a world through faults of every kind, on a single-threaded runtime of its own, in virtual time.
///
/// The same simulator with the same world twice gives the same trace, so a seed is all that a failure needs to be shown
/// again.
#[derive(Clone, Copy, Debug)]
pub struct Simulator {
    /// What everything is drawn from: ids, jitter, faults.
    pub seed: u64,
    /// How often what goes wrong.
    pub odds: Odds,
    /// A run must have ended after so much virtual time.
    pub bound: Duration,
    /// From a crash to the next start: 1, 10, 100 or 1,000 thousandths of it.
    pub downtime: Duration,
    /// How long a call is under way, and its answer again.
    pub latency: Duration,
}

/// Commits and calls of one process at most.
const MOST: usize = 5_000_000;

impl Simulator {
    /// A simulator with the usual odds, for an hour after the last fault.
    pub fn seeded(seed: u64) -> Self {
        let odds = Odds::default();
        Self {
            seed,
            odds,
            bound: odds.until + Duration::from_secs(3_600),
            downtime: Duration::from_secs(30),
            latency: Duration::from_millis(5),
        }
    }

    /// Runs the world to its end.
    pub fn run<W: World>(&self, world: W) -> Run {
        let Self { seed, odds, bound, downtime, latency } = *self;
        let terms = Terms { seed, bound, downtime, latency, most: MOST };
        on_a_runtime(live(terms, Course::Chance(Chance::new(odds, seed)), world))
    }
}
