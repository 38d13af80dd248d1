//! The states and what leads from one to the next. Every change is one compare-and-swap on the [`Word`]; who wins it tells
//! it. What belongs to a state (leases of probes, verdicts, the ramp's share) carries its generation, so that whoever comes
//! late changes nothing: a writer reads the tagged value first and the word after it, and goes on only if the word still has
//! its generation; what it read is then not newer than that.

use super::word::{Mode, State, Tagged, Word};
use crate::sync::{AtomicU64, Ordering};
use std::sync::Arc;

/// Why a breaker changed its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Too many of the window's calls failed.
    FailureRate,
    /// Too many of the window's calls were slow.
    SlowRate,
    /// Too many calls failed one after the other.
    Consecutive,
    /// Too many calls are in flight for longer than the slow threshold.
    Stuck,
    /// The open time is over.
    WaitOver,
    /// A probe failed.
    ProbeFailed,
    /// A probe was slow.
    ProbeSlow,
    /// A probe did not end in its time.
    ProbeExpired,
    /// Half-open lasted too long.
    HalfOpenMax,
    /// Enough probes succeeded.
    ProbesSucceeded,
    /// The ramp is over.
    RampOver,
    /// An operator's word.
    Operator,
}

impl Cause {
    /// The word in events and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FailureRate => "failure_rate",
            Self::SlowRate => "slow_rate",
            Self::Consecutive => "consecutive",
            Self::Stuck => "stuck",
            Self::WaitOver => "wait_over",
            Self::ProbeFailed => "probe_failed",
            Self::ProbeSlow => "probe_slow",
            Self::ProbeExpired => "probe_expired",
            Self::HalfOpenMax => "half_open_max",
            Self::ProbesSucceeded => "probes_succeeded",
            Self::RampOver => "ramp_over",
            Self::Operator => "operator",
        }
    }
}

/// The times and counts that the machine goes by; milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) successes: u64,
    pub(crate) lease: u64,
    pub(crate) half_open_max: u64,
    pub(crate) ramp: u64,
}

/// One change of state, at a moment in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) from: Word,
    pub(crate) to: Word,
    pub(crate) at: u64,
    pub(crate) cause: Cause,
}

/// What became of the wish for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lease {
    /// Slot and deadline of the lease, in milliseconds.
    Granted(usize, u64),
    /// All are taken; the first deadline among them, in milliseconds.
    Taken(u64),
    /// The state changed meanwhile.
    Moved,
}

/// The full share of a ramp.
const WHOLE: u64 = 1 << 20;

/// See the module.
#[derive(Debug)]
pub(crate) struct Machine {
    word: AtomicU64,
    since: AtomicU64,
    verdicts: AtomicU64,
    share: AtomicU64,
    floor: AtomicU64,
    leases: Box<[AtomicU64]>,
    rules: Arc<Rules>,
}

impl Machine {
    pub(crate) fn new(leases: usize, rules: Arc<Rules>, now: u64) -> Self {
        Self {
            word: AtomicU64::new(0),
            since: AtomicU64::new(Tagged::new(0, now).0),
            verdicts: AtomicU64::new(0),
            share: AtomicU64::new(0),
            floor: AtomicU64::new(0),
            leases: (0..leases).map(|_| AtomicU64::new(0)).collect(),
            rules,
        }
    }

    #[inline]
    pub(crate) fn word(&self) -> Word {
        Word(self.word.load(Ordering::Acquire))
    }

    /// When the state began, in milliseconds, if nobody is changing it just now.
    pub(crate) fn since(&self, word: Word) -> Option<u64> {
        let since = Tagged(self.since.load(Ordering::Acquire));
        (since.generation() == word.generation()).then(|| since.value())
    }

    /// The open time, this one or the next, does not end before this moment, in milliseconds, unless an operator speaks.
    pub(crate) fn not_before(&self, moment: u64) {
        self.floor.fetch_max(moment, Ordering::AcqRel);
        self.heed();
    }

    /// Moves the end of an open time to the floor. Whoever opens and whoever raises the floor both write it before they look
    /// at the other's word, so that one of them sees both.
    fn heed(&self) {
        let floor = self.floor.fetch_max(0, Ordering::AcqRel);
        loop {
            let word = self.word();
            if word.state() != State::Open || word.mode() == Mode::ForcedOpen || word.deadline() >= floor {
                return;
            }
            let to = word.until(floor);
            if self.word.compare_exchange(word.0, to.0, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return;
            }
        }
    }

    fn change(&self, from: Word, to: Word, at: u64, cause: Cause) -> Option<Change> {
        self.word.compare_exchange(from.0, to.0, Ordering::AcqRel, Ordering::Acquire).ok()?;
        self.date(Tagged::new(to.generation(), at));
        Some(Change { from, to, at, cause })
    }

    /// Winners of changes that follow each other may date them in any order; the newest stays.
    fn date(&self, mine: Tagged) {
        let mut seen = Tagged(self.since.load(Ordering::Acquire));
        while self.word().generation() == mine.generation() {
            match self.since.compare_exchange(seen.0, mine.0, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return,
                Err(other) => seen = Tagged(other),
            }
        }
    }

    /// Makes the next change that was due at `now`, if there is one. Call it until it makes none.
    pub(crate) fn settle(&self, now: u64, wait: impl Fn(u64) -> u64) -> Option<Change> {
        loop {
            let word = self.word();
            let (at, cause) = self.due(word).filter(|(at, _)| *at <= now)?;
            let change = match word.state() {
                State::Open => {
                    self.change(word, word.next(word.mode(), State::HalfOpen, word.exponent(), 0), at, cause)
                }
                State::HalfOpen => self.open(word, at, cause, &wait),
                State::Ramp | State::Closed => {
                    self.change(word, word.next(word.mode(), State::Closed, 0, 0), at, cause)
                }
            };
            if change.is_some() {
                return change;
            }
        }
    }

    /// When the state ends by itself, and why.
    pub(crate) fn due(&self, word: Word) -> Option<(u64, Cause)> {
        if matches!(word.mode(), Mode::ForcedOpen | Mode::Disabled) {
            return None;
        }
        match word.state() {
            State::Closed => None,
            State::Open => Some((word.deadline(), Cause::WaitOver)),
            State::Ramp => Some((word.deadline(), Cause::RampOver)),
            State::HalfOpen => {
                let whole = Some((word.deadline(), Cause::HalfOpenMax)).filter(|(at, _)| *at > 0);
                let first = self.first_lease(word).map(|at| (at, Cause::ProbeExpired));
                first.into_iter().chain(whole).min_by_key(|(at, _)| *at)
            }
        }
    }

    fn first_lease(&self, word: Word) -> Option<u64> {
        let taken = self.leases.iter().map(|lease| Tagged(lease.load(Ordering::Acquire)));
        taken.filter(|lease| lease.0 != 0 && lease.generation() == word.generation()).map(Tagged::value).min()
    }

    /// How many probes ran out of their time at this change.
    pub(crate) fn expired(&self, change: Change) -> usize {
        let leases = self.leases.iter().map(|lease| Tagged(lease.load(Ordering::Acquire)));
        leases
            .filter(|lease| lease.generation() == change.from.generation() && (1..=change.at).contains(&lease.value()))
            .count()
    }

    /// Opens from `word`, if that still stands.
    pub(crate) fn open(&self, word: Word, at: u64, cause: Cause, wait: impl Fn(u64) -> u64) -> Option<Change> {
        let exponent = if word.state() == State::Closed { 0 } else { word.exponent() + 1 };
        let end = (at + wait(exponent)).max(self.floor.load(Ordering::Acquire));
        let change = self.change(word, word.next(word.mode(), State::Open, exponent, end), at, cause)?;
        self.heed();
        Some(change)
    }

    /// Opens a half-open breaker of this generation, whatever its deadline is meanwhile.
    pub(crate) fn reopen(&self, generation: u64, at: u64, cause: Cause, wait: impl Fn(u64) -> u64) -> Option<Change> {
        loop {
            let word = self.word();
            if word.generation() != generation || word.state() != State::HalfOpen {
                return None;
            }
            let change = self.open(word, at, cause, &wait);
            if change.is_some() {
                return change;
            }
        }
    }

    /// An operator's word. It lifts what a dependency asked for before.
    pub(crate) fn set(&self, mode: Mode, at: u64) -> Change {
        let state = if mode == Mode::ForcedOpen { State::Open } else { State::Closed };
        loop {
            self.floor.swap(0, Ordering::AcqRel);
            let word = self.word();
            if let Some(change) = self.change(word, word.next(mode, state, 0, 0), at, Cause::Operator) {
                return change;
            }
        }
    }

    /// Takes a place among the probes.
    pub(crate) fn lease(&self, word: Word, now: u64) -> Lease {
        let mine = Tagged::new(word.generation(), now + self.rules.lease);
        let mut first = u64::MAX;
        for (slot, lease) in self.leases.iter().enumerate() {
            let mut seen = Tagged(lease.load(Ordering::Acquire));
            loop {
                if seen.0 != 0 && seen.generation() == word.generation() {
                    first = first.min(seen.value());
                    break;
                }
                if self.word().generation() != word.generation() {
                    return Lease::Moved;
                }
                match lease.compare_exchange(seen.0, mine.0, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => return self.confirm(word, slot, mine, now),
                    Err(other) => seen = Tagged(other),
                }
            }
        }
        Lease::Taken(first)
    }

    /// The first probe starts half-open's own time; a lease that was taken while the state changed is given back.
    fn confirm(&self, word: Word, slot: usize, mine: Tagged, now: u64) -> Lease {
        let mut seen = word;
        loop {
            if seen.deadline() != 0 {
                seen = self.word();
            } else {
                let to = seen.until(now + self.rules.half_open_max);
                match self.word.compare_exchange(seen.0, to.0, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => return Lease::Granted(slot, mine.value()),
                    Err(other) => seen = Word(other),
                }
            }
            if seen.generation() != word.generation() {
                self.release(slot, mine.generation(), mine.value());
                return Lease::Moved;
            }
            if seen.deadline() != 0 {
                return Lease::Granted(slot, mine.value());
            }
        }
    }

    /// Gives a probe's place back. Whether it was still held.
    pub(crate) fn release(&self, slot: usize, generation: u64, deadline: u64) -> bool {
        let lease = Tagged::new(generation, deadline).0;
        self.leases[slot].compare_exchange(lease, 0, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Counts a probe's success; the last one that was needed closes.
    pub(crate) fn succeed(&self, generation: u64, at: u64) -> Option<Change> {
        let mut seen = Tagged(self.verdicts.load(Ordering::Acquire));
        let count = loop {
            if self.word().generation() != generation {
                return None;
            }
            let count = if seen.generation() == generation { seen.value() + 1 } else { 1 };
            let mine = Tagged::new(generation, count);
            match self.verdicts.compare_exchange(seen.0, mine.0, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => break count,
                Err(other) => seen = Tagged(other),
            }
        };
        if count < self.rules.successes {
            return None;
        }
        loop {
            let word = self.word();
            if word.generation() != generation || word.state() != State::HalfOpen {
                return None;
            }
            let to = match self.rules.ramp {
                0 => word.next(word.mode(), State::Closed, 0, 0),
                ramp => word.next(word.mode(), State::Ramp, word.exponent(), at + ramp),
            };
            let change = self.change(word, to, at, Cause::ProbesSucceeded);
            if change.is_some() {
                return change;
            }
        }
    }

    /// Whether a ramp lets this call through: the first one, and from then on each one whose share makes up a whole with
    /// those before it.
    pub(crate) fn ramps_in(&self, word: Word, now: u64) -> bool {
        let left = word.deadline().saturating_sub(now).min(self.rules.ramp);
        let gone = self.rules.ramp - left;
        let part = (WHOLE / 10 + (WHOLE - WHOLE / 10) * gone / self.rules.ramp.max(1)).min(WHOLE);
        let mut seen = Tagged(self.share.load(Ordering::Acquire));
        loop {
            if self.word().generation() != word.generation() {
                return true;
            }
            let first = seen.generation() != word.generation();
            let sum = if first { WHOLE } else { seen.value() + part };
            let mine = Tagged::new(word.generation(), sum % WHOLE);
            match self.share.compare_exchange(seen.0, mine.0, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return sum >= WHOLE,
                Err(other) => seen = Tagged(other),
            }
        }
    }
}
