//! The theoretical arrival time (TAT) of the generic cell rate algorithm, in one word.
//!
//! The unit of time is `1 / scale` nanoseconds, where `scale` is the limit without the factors that it shares with the
//! period: then both a nanosecond and the time that one call earns are whole numbers. Ten years fit into 64 bits for every
//! scale up to 58, as for all limits a second, a minute or an hour that are made of the factors 2, 3 and 5; any other
//! quota keeps 128 bits under a lock.

use super::share::{Kept, Share, Shares};
use crate::stripe::{self, Striped};
use crate::sync::{AtomicU64, Mutex, Ordering, lock};

/// Nanoseconds that a word must hold.
const TEN_YEARS: u128 = 10 * 366 * 86_400 * 1_000_000_000;

/// A rate, in whole units of `1 / scale` nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// Units in a nanosecond.
    pub(crate) scale: u64,
    /// What one call takes.
    pub(crate) each: u64,
    /// What may be taken at once.
    pub(crate) depth: u128,
    /// The same in 64 bits; zero when they do not hold it.
    narrow_depth: u64,
}

/// The TAT.
#[derive(Debug)]
pub(crate) enum Tat {
    Word(AtomicU64),
    Shared(Box<Shares>),
    Wide(Mutex<u128>),
}

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Whether the call conforms; it was charged then.
    pub(crate) allowed: bool,
    /// How far the TAT is ahead of now, after the check.
    pub(crate) ahead: u128,
}

/// How far the TAT of a narrow rate is ahead of now, and the rate, to work out what follows when somebody asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead {
    scale: u64,
    each: u64,
    depth: u64,
    units: u64,
}

impl Ahead {
    const fn rate(&self) -> Rate {
        let Self { scale, each, depth, .. } = *self;
        Rate { scale, each, depth: depth as u128, narrow_depth: depth }
    }

    pub(super) fn free(&self) -> u32 {
        self.rate().free(self.units.into())
    }

    pub(super) fn nanos(&self) -> u64 {
        self.rate().nanos(self.units.into())
    }

    pub(super) fn wait(&self, cost: u32) -> u64 {
        self.rate().wait(self.units.into(), cost)
    }
}

impl Rate {
    /// `limit` in each `per` nanoseconds, `burst` of them at once.
    pub(crate) fn new(limit: u32, per: u64, burst: u32) -> Self {
        let shared = gcd(u64::from(limit), per);
        let (scale, each) = (u64::from(limit) / shared, per / shared);
        let depth = u128::from(each) * u128::from(burst);
        let is_narrow = TEN_YEARS * u128::from(scale) + depth * 2 <= u128::from(u64::MAX);
        Self { scale, each, depth, narrow_depth: if is_narrow { narrow(depth) } else { 0 } }
    }

    pub(crate) fn tat(&self) -> Tat {
        if self.narrow_depth > 0 { Tat::Word(AtomicU64::new(0)) } else { Tat::Wide(Mutex::new(0)) }
    }

    /// [`Rate::tat`], shared out among threads.
    pub(crate) fn shared_tat(&self, stripes: impl FnOnce() -> Striped<Share>) -> Tat {
        if self.narrow_depth > 0 { Tat::Shared(Box::new(Shares::new(stripes()))) } else { self.tat() }
    }

    pub(super) const fn narrow_depth(&self) -> u64 {
        self.narrow_depth
    }

    /// What a thread takes at once where the TAT is shared out.
    pub(super) const fn depth_of_share(&self) -> u64 {
        self.narrow_depth >> 10
    }

    /// A moment in units.
    #[inline]
    pub(crate) fn units(&self, nanos: u64) -> u128 {
        u128::from(nanos) * u128::from(self.scale)
    }

    /// Units in nanoseconds, rounded up.
    pub(crate) fn nanos(&self, units: u128) -> u64 {
        u64::try_from(units.div_ceil(u128::from(self.scale))).unwrap_or(u64::MAX)
    }

    /// Calls that the TAT leaves room for when it is so far ahead.
    pub(super) fn free(&self, ahead: u128) -> u32 {
        u32::try_from(self.depth.saturating_sub(ahead) / u128::from(self.each)).unwrap_or(u32::MAX)
    }

    /// Nanoseconds until a call of this cost conforms when the TAT is so far ahead.
    pub(super) fn wait(&self, ahead: u128, cost: u32) -> u64 {
        self.nanos((ahead + self.price(cost)).saturating_sub(self.depth))
    }

    /// Whether 64 bits hold its moments.
    pub(super) const fn is_narrow(&self) -> bool {
        self.narrow_depth > 0
    }

    /// See [`Ahead`]; of a narrow rate.
    #[inline(always)]
    pub(super) const fn ahead(&self, units: u64) -> Ahead {
        let Self { scale, each, narrow_depth, .. } = *self;
        Ahead { scale, each, depth: narrow_depth, units }
    }

    /// A moment and a price in 64 bits, which hold all of it: that is what makes a rate narrow.
    #[inline(always)]
    const fn narrow(&self, nanos: u64, cost: u32) -> (u64, u64) {
        (nanos.saturating_mul(self.scale), self.each.saturating_mul(cost as u64))
    }

    #[inline]
    pub(super) fn price(&self, cost: u32) -> u128 {
        u128::from(self.each) * u128::from(cost)
    }
}

impl Tat {
    /// Charges a call that conforms at `nanos`, if one look is enough to tell; how far the TAT is ahead then. None charges
    /// nothing. The cost is at most the burst.
    #[inline(always)]
    pub(crate) fn charge_quick(&self, rate: &Rate, nanos: u64, cost: u32) -> Option<u64> {
        let (now, price) = rate.narrow(nanos, cost);
        match self {
            Self::Word(word) => {
                let seen = word.load(Ordering::Acquire);
                let next = next(rate, seen, now, price)?;
                word.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed).is_ok().then_some(next - now)
            }
            Self::Shared(shares) => shares.charge_own(rate, now, price, &shares.of(stripe::mine())),
            Self::Wide(_) => None,
        }
    }

    /// Charges a call that conforms at `nanos`. The cost is at most the burst.
    pub(crate) fn check(&self, rate: &Rate, nanos: u64, cost: u32) -> Found {
        match self {
            Self::Word(word) => {
                let (now, price) = rate.narrow(nanos, cost);
                check_word(word, rate, now, price)
            }
            Self::Shared(shares) => {
                let (now, price) = rate.narrow(nanos, cost);
                shares.check(rate, now, price, stripe::mine())
            }
            Self::Wide(tat) => {
                let (mut tat, now) = (lock(tat), rate.units(nanos));
                let next = (*tat).max(now) + rate.price(cost);
                if next - now > rate.depth {
                    return Found { allowed: false, ahead: (*tat).saturating_sub(now) };
                }
                *tat = next;
                Found { allowed: true, ahead: next - now }
            }
        }
    }

    /// Charges a call for the first moment at which it conforms, if that is `soon` enough; that moment. What the calling
    /// thread keeps of a shared TAT is used first.
    pub(crate) fn reserve(&self, rate: &Rate, nanos: u64, cost: u32, soon: impl Fn(u128) -> bool) -> Option<u128> {
        let (now, price) = (rate.units(nanos), rate.price(cost));
        let kept = match self {
            Self::Shared(shares) => Some(shares.kept(rate.narrow(nanos, cost), stripe::mine())),
            Self::Word(_) | Self::Wide(_) => None,
        };
        let price = price - kept.as_ref().map_or(0, |kept| u128::from(kept.units));
        let next = self.change(|tat| {
            let next = tat.max(now) + price;
            soon(next.saturating_sub(rate.depth)).then_some(next)
        })?;
        kept.into_iter().for_each(Kept::charge);
        Some(next.saturating_sub(rate.depth))
    }

    /// Takes back the charge of a call whose moment has not come, where `last` is the last moment that was reserved; by how
    /// much those behind it move up. Nothing where a call was let through beyond that moment: to its clock they had all come.
    pub(crate) fn take_back(&self, rate: &Rate, cost: u32, last: u128) -> u128 {
        let price = rate.price(cost);
        let taken = self.change(|tat| (tat <= last + rate.depth).then(|| tat.saturating_sub(price)));
        if taken.is_some() { price } else { 0 }
    }

    fn change(&self, to: impl Fn(u128) -> Option<u128>) -> Option<u128> {
        match self {
            Self::Word(word) => change_word(word, to),
            Self::Shared(shares) => change_word(shares.tat(), to),
            Self::Wide(tat) => {
                let mut tat = lock(tat);
                let next = to(*tat)?;
                *tat = next;
                Some(next)
            }
        }
    }

    /// The TAT, as it is at `nanos`.
    pub(crate) fn get(&self, rate: &Rate, nanos: u64) -> u128 {
        match self {
            Self::Word(word) => u128::from(word.load(Ordering::Acquire)),
            Self::Shared(shares) => u128::from(shares.used(rate, rate.narrow(nanos, 0).0)),
            Self::Wide(tat) => *lock(tat),
        }
    }
}

fn change_word(word: &AtomicU64, to: impl Fn(u128) -> Option<u128>) -> Option<u128> {
    let mut seen = word.load(Ordering::Acquire);
    loop {
        let next = to(u128::from(seen))?;
        match word.compare_exchange_weak(seen, narrow(next), Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Some(next),
            Err(now_seen) => seen = now_seen,
        }
    }
}

/// The TAT after a call at `now`, if that conforms.
#[inline(always)]
fn next(rate: &Rate, tat: u64, now: u64, price: u64) -> Option<u64> {
    let next = tat.max(now).saturating_add(price);
    (next - now <= rate.narrow_depth).then_some(next)
}

fn check_word(word: &AtomicU64, rate: &Rate, now: u64, price: u64) -> Found {
    let mut seen = word.load(Ordering::Acquire);
    loop {
        let Some(next) = next(rate, seen, now, price) else {
            return Found { allowed: false, ahead: u128::from(seen.saturating_sub(now)) };
        };
        match word.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Found { allowed: true, ahead: u128::from(next - now) },
            Err(other) => seen = other,
        }
    }
}

/// Saturates: far reservations on a narrow word end at its last moment.
#[inline]
#[allow(clippy::cast_possible_truncation, reason = "compared before")]
pub(super) const fn narrow(units: u128) -> u64 {
    if units > u64::MAX as u128 { u64::MAX } else { units as u64 }
}

const fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
