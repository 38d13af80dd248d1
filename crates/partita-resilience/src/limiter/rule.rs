//! One rule over the state of each algorithm.

use super::decision::{Decision, Left};
use super::gcra::{Found, Rate, Tat, narrow};
use super::log::Log;
use super::quota::{Algorithm, Quota};
use super::share::{LEAST_BURST, Share};
use super::window::Windows;
use crate::stripe::Striped;
use crate::sync::{Mutex, lock};

/// A quota, made ready for arithmetic. Moments are nanoseconds since the clock was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    rate: Rate,
    pub(super) algorithm: Algorithm,
    pub(super) limit: u32,
    pub(super) depth: u32,
    pub(super) per: u64,
}

/// What one key has used.
#[derive(Debug)]
pub(crate) enum Cell {
    Tat(Tat),
    Log(Mutex<Log>),
    Windows(Mutex<Windows>),
}

/// A reservation's charge and its moment, in the rule's units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Charge {
    pub(crate) at: u128,
    pub(crate) cost: u32,
}

impl Rule {
    pub(crate) fn new(quota: &Quota) -> Self {
        let per = u64::try_from(quota.per.as_nanos()).unwrap_or(u64::MAX);
        let depth = quota.depth();
        let rate = Rate::new(quota.limit, per, depth);
        Self { rate, algorithm: quota.algorithm, limit: quota.limit, depth, per }
    }

    pub(crate) fn cell(&self) -> Cell {
        match self.algorithm {
            Algorithm::Gcra | Algorithm::TokenBucket => Cell::Tat(self.rate.tat()),
            Algorithm::SlidingLog => Cell::Log(Mutex::default()),
            Algorithm::FixedWindow => Cell::Windows(Mutex::default()),
        }
    }

    /// [`Rule::cell`] for one that many threads may charge at once.
    pub(crate) fn busy_cell(&self, stripes: impl FnOnce() -> Striped<Share>) -> Cell {
        match self.cell() {
            Cell::Tat(_) if self.depth >= LEAST_BURST => Cell::Tat(self.rate.shared_tat(stripes)),
            cell => cell,
        }
    }

    /// The longest until a cell is as new.
    pub(crate) fn whole_after(&self) -> u64 {
        self.rate.nanos(self.rate.depth).max(self.per)
    }

    /// Charges a call that conforms, if one look is enough to tell; how far the TAT is ahead then, in units of the rate. None
    /// charges nothing.
    #[inline(always)]
    pub(crate) fn charge_quick(&self, cell: &Cell, now: u64, cost: u32) -> Option<u64> {
        match cell {
            Cell::Tat(tat) if cost <= self.depth => tat.charge_quick(&self.rate, now, cost),
            _ => None,
        }
    }

    /// The decision on a call that [`Rule::charge_quick`] charged.
    #[inline(always)]
    pub(crate) const fn allowed(&self, ahead: u64, now: u64, cost: u32) -> Decision {
        Decision { allowed: true, limit: self.limit, now, left: Left::Gcra { ahead: self.rate.ahead(ahead), cost } }
    }

    /// [`Rule::check`], with the one look first that is mostly enough.
    #[inline(always)]
    pub(crate) fn decide(&self, cell: &Cell, now: u64, cost: u32) -> Decision {
        match self.charge_quick(cell, now, cost) {
            Some(ahead) => self.allowed(ahead, now, cost),
            None => self.check(cell, now, cost),
        }
    }

    /// Charges a call if it may pass now.
    pub(crate) fn check(&self, cell: &Cell, now: u64, cost: u32) -> Decision {
        if let Cell::Tat(tat) = cell
            && cost <= self.depth
        {
            let Found { allowed, ahead } = tat.check(&self.rate, now, cost);
            return Decision { allowed, limit: self.limit, now, left: self.left(ahead, now, cost) };
        }
        self.counted(cell, now, cost, true)
    }

    /// What is left, without a charge.
    pub(crate) fn look(&self, cell: &Cell, now: u64) -> Decision {
        let Cell::Tat(tat) = cell else { return self.counted(cell, now, 0, false) };
        let left = self.left(tat.get(&self.rate, now).saturating_sub(self.rate.units(now)), now, 0);
        let decision = Decision { allowed: false, limit: self.limit, now, left };
        Decision { allowed: decision.retry_after().is_none_or(|wait| wait.is_zero()), ..decision }
    }

    /// What is left when the TAT is so far ahead.
    fn left(&self, ahead: u128, now: u64, cost: u32) -> Left {
        if self.rate.is_narrow() {
            return Left::Gcra { ahead: self.rate.ahead(narrow(ahead)), cost };
        }
        let fits_at = now.saturating_add(self.rate.wait(ahead, cost));
        Left::Counted {
            remaining: self.rate.free(ahead),
            reset_at: now.saturating_add(self.rate.nanos(ahead)),
            fits_at,
        }
    }

    fn counted(&self, cell: &Cell, now: u64, cost: u32, charge: bool) -> Decision {
        let (limit, per, fits) = (self.limit, self.per, cost <= self.depth);
        let (fits_at, used, reset_at) = match cell {
            Cell::Tat(tat) => return self.never(tat, now),
            Cell::Log(log) => {
                let mut log = lock(log);
                let at = if fits { log.first_fit(now, per, limit, cost) } else { u64::MAX };
                if charge && at <= now && cost > 0 {
                    log.charge(at, cost);
                }
                (at, log.used(now, per), log.whole_at(now, per))
            }
            Cell::Windows(windows) => {
                let mut windows = lock(windows);
                let at = if fits { windows.first_fit(now, per, limit, cost) } else { u64::MAX };
                if charge && at <= now && cost > 0 {
                    windows.charge(at, per, cost);
                }
                (at, windows.used(now, per, limit), windows.ends_at(per))
            }
        };
        let remaining = u32::try_from(u64::from(limit).saturating_sub(used)).unwrap_or(0);
        let left =
            if fits { Left::Counted { remaining, reset_at, fits_at } } else { Left::Never { remaining, reset_at } };
        Decision { allowed: fits_at <= now, limit, now, left }
    }

    fn never(&self, tat: &Tat, now: u64) -> Decision {
        let ahead = tat.get(&self.rate, now).saturating_sub(self.rate.units(now));
        let remaining = self.rate.free(ahead);
        let left = Left::Never { remaining, reset_at: now.saturating_add(self.rate.nanos(ahead)) };
        Decision { allowed: false, limit: self.limit, now, left }
    }

    /// A moment in the units of charges.
    pub(crate) fn units(&self, now: u64) -> u128 {
        if self.is_smooth() { self.rate.units(now) } else { u128::from(now) }
    }

    /// Units of charges in nanoseconds, rounded up.
    pub(crate) fn nanos(&self, units: u128) -> u64 {
        if self.is_smooth() { self.rate.nanos(units) } else { u64::try_from(units).unwrap_or(u64::MAX) }
    }

    const fn is_smooth(&self) -> bool {
        matches!(self.algorithm, Algorithm::Gcra | Algorithm::TokenBucket)
    }

    /// Charges a call for the first moment at which it fits, unless that is more than `within` nanoseconds away.
    pub(crate) fn reserve(&self, cell: &Cell, now: u64, cost: u32, within: u64) -> Option<Charge> {
        let (limit, per) = (self.limit, self.per);
        let soon = |at: u64| at.saturating_sub(now) <= within;
        let at = match cell {
            Cell::Tat(tat) => tat.reserve(&self.rate, now, cost, |at| soon(self.rate.nanos(at)))?,
            Cell::Log(log) => {
                let mut log = lock(log);
                let at = Some(log.first_fit(now, per, limit, cost)).filter(|at| soon(*at))?;
                log.charge(at, cost);
                u128::from(at)
            }
            Cell::Windows(windows) => {
                let mut windows = lock(windows);
                let at = Some(windows.first_fit(now, per, limit, cost)).filter(|at| soon(*at))?;
                windows.charge(at, per, cost);
                u128::from(at)
            }
        };
        Some(Charge { at, cost })
    }

    /// Takes back a charge whose moment has not come. `behind` are the charges after it, the first one first: they move up.
    /// Where charges are kept one by one, those of the same moment are among them: they are made anew, with no newcomer
    /// between.
    pub(crate) fn take_back<'a>(
        &self,
        cell: &Cell,
        now: u64,
        gone: Charge,
        behind: impl Iterator<Item = &'a mut Charge>,
    ) {
        let (limit, per, from) = (self.limit, self.per, self.nanos(gone.at));
        match cell {
            Cell::Tat(tat) => {
                let behind: Vec<_> = behind.collect();
                let last = behind.last().map_or(gone.at, |charge| charge.at);
                // Where a check passed between two of them, their moments lie further apart than their prices.
                if last > behind.iter().fold(gone.at, |at, charge| at + self.rate.price(charge.cost)) {
                    return;
                }
                let up = tat.take_back(&self.rate, gone.cost, last);
                behind.into_iter().for_each(|charge| charge.at = charge.at.saturating_sub(up));
            }
            Cell::Log(log) => {
                let mut log = lock(log);
                if !log.clear_from(from, now, per) {
                    return;
                }
                for charge in behind {
                    let at = log.first_fit(now, per, limit, charge.cost);
                    log.charge(at, charge.cost);
                    charge.at = u128::from(at);
                }
            }
            Cell::Windows(windows) => {
                let mut windows = lock(windows);
                if !windows.clear_from(from, now, per) {
                    return;
                }
                for charge in behind {
                    let at = windows.first_fit(now, per, limit, charge.cost);
                    windows.charge(at, per, charge.cost);
                    charge.at = u128::from(at);
                }
            }
        }
    }

    /// Whether charges are kept one by one.
    pub(crate) const fn keeps_each(&self) -> bool {
        !self.is_smooth()
    }

    /// Whether a cell is as new.
    pub(crate) fn is_whole(&self, cell: &Cell, now: u64) -> bool {
        match cell {
            Cell::Tat(tat) => tat.get(&self.rate, now) <= self.rate.units(now),
            Cell::Log(log) => lock(log).used(now, self.per) == 0,
            Cell::Windows(windows) => lock(windows).used(now, self.per, self.limit) == 0,
        }
    }
}
