//! How long calls hold their places, for policies that read no clock for a call.

use crate::sync::{Mutex, lock};
use std::time::Duration;

/// What is said while nothing is known: it bridges a burst, and a caller hardly notices.
const UNKNOWN: Duration = Duration::from_millis(100);

/// Places are taken throughout between two refusals that are no further apart.
const APART: Duration = Duration::from_secs(1);

const LEAST: Duration = Duration::from_millis(1);

/// How long calls held their places of late, by Little's law: the places, over the calls that left them a second. Looked at
/// by refusals only, between which every place is taken.
#[derive(Debug, Default)]
pub(crate) struct Turnover(Mutex<Option<Seen>>);

#[derive(Debug)]
struct Seen {
    from: Duration,
    left_before: u64,
    last: Duration,
    held: Option<Duration>,
}

impl Turnover {
    /// A call is refused at `now`, as `places` are taken and `left` calls have left theirs so far. In how long all places
    /// will have had another call, as far as that is known.
    pub(crate) fn refuse(&self, now: Duration, places: u32, left: u64) -> Duration {
        let mut known = lock(&self.0);
        let seen = match &mut *known {
            Some(seen) if now.saturating_sub(seen.last) <= APART => seen,
            other => other.insert(Seen { from: now, left_before: left, last: now, held: None }),
        };
        seen.last = seen.last.max(now);
        let (age, calls) = (now.saturating_sub(seen.from), left.saturating_sub(seen.left_before));
        if calls >= u64::from(places.max(1)) && !age.is_zero() {
            seen.held = Some(age.mul_f64(f64::from(places) / number(calls)).max(LEAST));
            (seen.from, seen.left_before) = (now, left);
        }
        seen.held.unwrap_or(UNKNOWN)
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
    fn nothing_is_known_before_every_place_had_another_call_nor_after_a_pause() {
        let turnover = Turnover::default();
        assert_eq!([(0, 0), (400, 10), (800, 19)].map(|(at, left)| turnover.refuse(ms(at), 20, left)), [UNKNOWN; 3]);
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
