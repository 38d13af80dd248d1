//! Faults drawn from a seed, instead of one that is placed.

use super::{Fault, Schedule, Strike};
use partita_time::Entropy;
use std::sync::Arc;
use std::time::Duration;

const OPERATIONS: u64 = 10_000;

/// How many of 10,000 operations meet each fault, as long as it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Odds {
    /// The process ends, before the operation or behind it.
    pub crash: u64,
    /// An error, and no effect.
    pub not_applied: u64,
    /// An error, and the effect.
    pub applied: u64,
    /// Handed in twice.
    pub duplicate: u64,
    /// Too late, or late: by any part of what the operation's caller would wait.
    pub late: u64,
    /// From then on nothing goes wrong any more.
    pub until: Duration,
}

impl Default for Odds {
    fn default() -> Self {
        Self { crash: 20, not_applied: 100, applied: 100, duplicate: 100, late: 40, until: Duration::from_secs(600) }
    }
}

impl Odds {
    /// Nothing goes wrong.
    pub const fn calm() -> Self {
        Self { crash: 0, not_applied: 0, applied: 0, duplicate: 0, late: 0, until: Duration::ZERO }
    }
}

/// Draws faults, over all processes of one run.
#[derive(Debug)]
pub(super) struct Chance {
    odds: Odds,
    entropy: Entropy,
}

/// What decides over the operations of one process.
#[derive(Clone, Debug)]
pub(super) enum Plan {
    Strike(Option<Strike>),
    Chance(Arc<Chance>),
}

/// What decides over a whole run.
#[derive(Clone, Debug)]
pub(super) enum Course<'a> {
    Schedule(&'a Schedule),
    Chance(Arc<Chance>),
}

impl Chance {
    pub(super) fn new(odds: Odds, seed: u64) -> Arc<Self> {
        Arc::new(Self { odds, entropy: Entropy::seeded(seed ^ 0x05ee_d0ff_a017_5000) })
    }

    fn draw(&self, elapsed: Duration) -> Option<Fault> {
        let Odds { crash, not_applied, applied, duplicate, late, until } = self.odds;
        if elapsed >= until {
            return None;
        }
        let mut drawn = self.entropy.below(OPERATIONS);
        let crashes = if drawn.is_multiple_of(2) { Fault::Before } else { Fault::After };
        let faults = [
            (crash, crashes),
            (not_applied, Fault::NotApplied),
            (applied, Fault::Applied),
            (duplicate, Fault::Duplicate),
            (late, Fault::Late),
        ];
        for (odds, fault) in faults {
            if drawn < odds {
                return Some(fault);
            }
            drawn -= odds;
        }
        None
    }
}

impl Plan {
    /// What becomes of the operation with this number.
    pub(super) fn fault(&self, at: usize, elapsed: Duration) -> Option<Fault> {
        match self {
            Self::Strike(strike) => strike.filter(|strike| strike.at == at).map(|strike| strike.fault),
            Self::Chance(chance) => chance.draw(elapsed),
        }
    }

    /// How late something comes that may be late by so much.
    pub(super) fn delay(&self, late: Duration) -> Duration {
        match self {
            Self::Strike(_) => late,
            Self::Chance(chance) => {
                let micros = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
                Duration::from_micros(chance.entropy.below(micros))
            }
        }
    }

    /// Whether an error says that there was no effect; only one that is true may say so.
    pub(super) fn says_that_nothing_happened(&self) -> bool {
        match self {
            Self::Strike(_) => false,
            Self::Chance(chance) => chance.entropy.below(2) == 0,
        }
    }

    pub(super) const fn keeps_operations(&self) -> bool {
        matches!(self, Self::Strike(_))
    }
}

impl Course<'_> {
    pub(super) fn plan(&self, process: usize) -> Plan {
        match self {
            Self::Schedule(schedule) => Plan::Strike(schedule.0.get(process).copied()),
            Self::Chance(chance) => Plan::Chance(chance.clone()),
        }
    }

    /// From a crash to the next start: as it is, or anything from a thousandth of it on, short ones as often as long ones.
    pub(super) fn downtime(&self, most: Duration) -> Duration {
        match self {
            Self::Schedule(_) => most,
            Self::Chance(chance) => most / 1_000 * 10_u32.pow(u32::try_from(chance.entropy.below(4)).unwrap_or(0)),
        }
    }
}
