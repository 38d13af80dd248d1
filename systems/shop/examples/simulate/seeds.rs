//! Seeds, one run each.

use super::Report;
use super::mix::wishes;
use super::world::{Bug, ShopWorld};
use partita::saga::Sabotage;
use partita_testkit::explore::{Odds, Run, Simulator};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Delays that may meet within one request to the provider: of the request to payments, of the one to the provider, and
/// of the provider's store; and one in hand. Four times a store may stand still before an undo has made its last attempt.
const SHARES: u32 = 4;

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// The first seed.
    pub(crate) first: u64,
    /// How many.
    pub(crate) seeds: u64,
    /// Orders of each.
    pub(crate) orders: usize,
    /// Lines of its trace that a single failing seed shows.
    pub(crate) trace: usize,
}

/// Planted defects, each of which must make some seed fail.
const BUGS: [(&str, Bug); 6] = [
    ("undo skipped for a step in doubt", Bug::Engine(Sabotage::SkipUndoInDoubt)),
    ("a new key for each attempt", Bug::Engine(Sabotage::NewKeyPerAttempt)),
    ("a commit with an unknown outcome taken for done", Bug::Engine(Sabotage::UnknownIsDone)),
    ("an attempt that ended in an error taken for not done", Bug::Engine(Sabotage::ErrorIsNotDone)),
    ("an undo that finds nothing leaves no tombstone", Bug::NoTombstone),
    ("two requests with one key at once both act", Bug::Race),
];

impl Plan {
    fn run(&self, seed: u64, bug: Option<Bug>) -> Run {
        let spread = Duration::from_secs(2) * u32::try_from(self.orders).unwrap_or(u32::MAX);
        let odds = Odds { until: spread + Duration::from_secs(120), ..Odds::default() };
        let bound = odds.until + Duration::from_secs(3_600);
        let simulator = Simulator { odds, bound, ..Simulator::seeded(seed) };
        simulator.run(ShopWorld::new(wishes(seed, self.orders), SHARES, bug))
    }

    /// Runs one seed.
    pub(crate) fn one(&self, seed: u64) -> Run {
        self.run(seed, None)
    }

    /// Runs all seeds, side by side; `progress` is told how many are done, and how many of them failed.
    pub(crate) fn all(&self, progress: impl Fn(u64, usize) + Sync) -> Report {
        let (next, report) = (AtomicU64::new(0), Mutex::new(Report::of(*self)));
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= self.seeds {
                            return;
                        }
                        let seed = self.first.wrapping_add(number);
                        let run = self.one(seed);
                        let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                        report.add(seed, &run);
                        progress(report.seeds(), report.failed());
                    }
                });
            }
        });
        report.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first seed that each planted defect makes fail, and what does not hold then.
pub(crate) fn hunt(plan: &Plan) -> Vec<(&'static str, Option<(u64, String)>)> {
    let seeds = || (0..plan.seeds).map(|number| plan.first.wrapping_add(number));
    let caught = |bug| seeds().find_map(|seed| Some((seed, plan.run(seed, Some(bug)).violations.into_iter().next()?)));
    BUGS.into_iter().map(|(name, bug)| (name, caught(bug))).collect()
}
