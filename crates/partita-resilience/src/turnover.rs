//! How long calls hold their places, for policies that read no clock for a call.

use crate::sync::{AtomicU64, Mutex, Ordering};
use crate::timing::nanos;
use std::time::Duration;

/// What is said while nothing is known: it bridges a burst, and a caller hardly notices.
const UNKNOWN: Duration = Duration::from_millis(100);

/// Refusals further apart are not of one burst.
const APART: Duration = Duration::from_secs(1);

const LEAST: Duration = Duration::from_millis(1);

/// How long calls held their places of late, by Little's law: the places, over the calls that left them a second. Looked at
/// by refusals only, between which every place is taken to be held: it is too long, by a second at most, for bursts that leave
/// places free between them.
#[derive(Debug)]
pub(crate) struct Turnover {
    span: Mutex<Option<Span>>,
    /// What is said while another thread looks, in nanoseconds.
    said: AtomicU64,
}

/// Refusals since every place had another call.
#[derive(Debug)]
struct Span {
    from: Duration,
    last: Duration,
    left_before: u64,
    /// The most places that were taken.
    places: u32,
    held: Option<Duration>,
}

impl Default for Turnover {
    fn default() -> Self {
        Self { span: Mutex::default(), said: AtomicU64::new(nanos(UNKNOWN)) }
    }
}

impl Turnover {
    /// A call is refused at `now`, as `places` are taken and `left` calls have left theirs so far. In how long all places
    /// will have had another call, as far as that is known.
    pub(crate) fn refuse(&self, now: Duration, places: u32, left: u64) -> Duration {
        match self.span.try_lock() {
            Ok(mut known) => {
                let said = Span::of(&mut known, now, places, left).refuse(now, places, left);
                self.said.store(nanos(said), Ordering::Relaxed);
                said
            }
            Err(_) => Duration::from_nanos(self.said.load(Ordering::Relaxed)),
        }
    }
}

impl Span {
    /// The one under way, or a new one.
    fn of(known: &mut Option<Self>, now: Duration, places: u32, left: u64) -> &mut Self {
        known.take_if(|span| now.saturating_sub(span.last) > APART);
        known.get_or_insert(Self { from: now, last: now, left_before: left, places, held: None })
    }

    fn refuse(&mut self, now: Duration, places: u32, left: u64) -> Duration {
        self.last = self.last.max(now);
        self.places = self.places.max(places);
        let (age, calls) = (now.saturating_sub(self.from), left.saturating_sub(self.left_before));
        let (most, ended) = (f64::from(self.places), number(calls));
        if most == 0.0 {
            return UNKNOWN;
        }
        // So long at least: where no call ended, each place has been held throughout.
        let least = age.mul_f64(most / (most + ended)).max(LEAST);
        if ended >= most && !age.is_zero() {
            let held = age.mul_f64(most / ended).max(LEAST);
            *self = Self { from: now, last: self.last, left_before: left, places, held: Some(held) };
            return held;
        }
        self.held.unwrap_or(UNKNOWN).max(least)
    }
}

#[allow(clippy::cast_precision_loss, reason = "calls of one burst are far below 2^52")]
const fn number(calls: u64) -> f64 {
    calls as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// What was said last, of `seconds` in which 20 places are held for `held` each and a call is refused every `every`.
    fn said(turnover: &Turnover, from: Duration, [seconds, held, every]: [u64; 3]) -> Duration {
        let at = (0..=seconds * 1_000 / every).map(|n| n * every);
        at.map(|at| turnover.refuse(from + ms(at), 20, at * 20 / held)).last().unwrap()
    }

    #[test]
    fn it_is_how_long_calls_hold_their_places() {
        for (held, every) in [(50, 10), (50, 500), (400, 30), (8_000, 900)] {
            let said = said(&Turnover::default(), ms(3_000), [30, held, every]);
            assert!(said.abs_diff(ms(held)) <= ms(held / 20), "{said:?} where calls take {held} ms");
        }
    }

    #[test]
    fn it_follows_calls_that_get_slower() {
        let turnover = Turnover::default();
        for at in (0..10_000).step_by(10) {
            turnover.refuse(ms(at), 20, at);
        }
        let left = 10_000..10_060;
        let told: Vec<_> = left.map(|left| turnover.refuse(ms(10_000 + (left - 10_000) * 100), 20, left)).collect();
        assert_eq!((told[0], told[59].abs_diff(ms(2_000)) <= ms(100)), (ms(20), true), "{told:?}");
    }

    #[test]
    fn calls_that_hang_have_held_their_places_for_as_long_as_that() {
        let turnover = Turnover::default();
        let told: Vec<_> = (0..300).map(|n| turnover.refuse(ms(n * 100), 20, 0)).collect();
        assert_eq!((told[0], told[1], told[299]), (UNKNOWN, UNKNOWN, ms(29_900)));
        assert_eq!(said(&turnover, ms(30_000), [1, 50, 10]), ms(50), "after the first span that they end");
    }

    #[test]
    fn what_drains_says_how_long_it_took_and_then_nothing_is_known() {
        let turnover = Turnover::default();
        let told: Vec<_> =
            (0..=50_u32).map(|left| turnover.refuse(ms(u64::from(left) * 4), 50 - left, left.into())).collect();
        assert_eq!(told[50], ms(200), "50 calls in 200 ms");
        assert_eq!([ms(210), ms(400)].map(|at| turnover.refuse(at, 0, 50)), [UNKNOWN; 2]);
    }

    #[test]
    fn nothing_is_known_before_every_place_had_another_call_nor_after_a_pause() {
        let turnover = Turnover::default();
        let told = [(0, 0), (100, 5), (400, 10), (800, 19)].map(|(at, left)| turnover.refuse(ms(at), 20, left));
        assert_eq!(
            (told[0], told[1], told[2] > ms(266), told[3] > ms(410)),
            (UNKNOWN, UNKNOWN, true, true),
            "{told:?}"
        );
        assert_eq!(turnover.refuse(ms(1_600), 20, 40), ms(800));
        assert_eq!(turnover.refuse(ms(2_601), 20, 4_000), UNKNOWN, "an idle second is none of a burst");
        assert_eq!(turnover.refuse(ms(2_641), 20, 4_040), ms(20));
    }

    #[test]
    fn nobody_is_told_to_come_at_once() {
        let turnover = Turnover::default();
        assert_eq!([turnover.refuse(ms(5), 0, 0), turnover.refuse(ms(5), 20, 100)], [UNKNOWN; 2]);
        assert_eq!(turnover.refuse(ms(6), 20, 100_000), ms(1));
        assert_eq!(turnover.refuse(ms(6), 20, 0), ms(1), "an older count of another thread");
    }
}
