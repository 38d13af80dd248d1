//! How long to wait before the next attempt.

use partita_time::Entropy;
use std::time::Duration;

/// How chance spreads the waits of callers who failed together.
///
/// Names and rules of full, equal and decorrelated jitter: Marc Brooker, *Exponential Backoff And Jitter* (2015).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Jitter {
    /// Evenly from zero to the ceiling: spreads the most, and the default.
    #[default]
    Full,
    /// Evenly from half the ceiling to the ceiling: never comes back at once.
    Equal,
    /// The ceiling, less or more by up to this part of it, 0 to 1.
    Factor(f64),
    /// Evenly from the initial wait to three times the wait before.
    Decorrelated,
    /// The ceiling itself; for tests, or where something else spreads the callers.
    None,
}

/// The ceiling of each wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    pub(super) initial: Duration,
    pub(super) max: Duration,
    pub(super) multiplier: f64,
    pub(super) jitter: Jitter,
}

impl Waits {
    /// The ceiling of the wait before attempt `attempt`; the first retry is attempt 2.
    fn ceiling(&self, attempt: u32) -> Duration {
        let steps = i32::try_from(attempt.saturating_sub(2)).unwrap_or(i32::MAX);
        let seconds = self.initial.as_secs_f64() * self.multiplier.powi(steps);
        Duration::try_from_secs_f64(seconds).unwrap_or(self.max).min(self.max)
    }

    /// The wait before attempt `attempt`, after a wait of `before`: whole milliseconds where the ceiling is at least one.
    pub(super) fn draw(&self, attempt: u32, before: Duration, entropy: &Entropy) -> Duration {
        let ceiling = self.ceiling(attempt);
        match self.jitter {
            Jitter::Full => even(Duration::ZERO, ceiling, entropy),
            Jitter::Equal => even(ceiling / 2, ceiling, entropy),
            Jitter::Factor(part) => {
                let times = |factor| Duration::try_from_secs_f64(ceiling.as_secs_f64() * factor).unwrap_or(self.max);
                let most = times(1.0 + part).min(self.max);
                even(times(1.0 - part).min(most), most, entropy)
            }
            Jitter::Decorrelated => {
                let least = self.initial.min(self.max);
                even(least, before.max(least).saturating_mul(3).min(self.max), entropy)
            }
            Jitter::None => ceiling,
        }
    }
}

/// Evenly from `least` to `most`, both included as far as they are whole.
fn even(least: Duration, most: Duration, entropy: &Entropy) -> Duration {
    let unit = if most >= Duration::from_millis(1) { 1_000_000 } else { 1 };
    let (first, last) = (least.as_nanos().div_ceil(unit), most.as_nanos() / unit);
    let steps = last.saturating_sub(first);
    let drawn = u128::from(entropy.below(u64::try_from(steps).unwrap_or(u64::MAX).saturating_add(1)));
    let nanos = if first > last { most.as_nanos() } else { (first + drawn) * unit };
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(jitter: Jitter) -> Waits {
        Waits { initial: Duration::from_millis(100), max: Duration::from_secs(10), multiplier: 2.0, jitter }
    }

    fn drawn(jitter: Jitter, attempt: u32) -> Vec<u128> {
        let entropy = Entropy::seeded(5);
        (0..4_000).map(|_| waits(jitter).draw(attempt, Duration::ZERO, &entropy).as_millis()).collect()
    }

    fn reach(jitter: Jitter, attempt: u32) -> (u128, u128) {
        let drawn = drawn(jitter, attempt);
        (*drawn.iter().min().unwrap(), *drawn.iter().max().unwrap())
    }

    #[test]
    fn ceilings_double_from_the_initial_wait_to_the_longest() {
        let entropy = Entropy::seeded(1);
        let ceilings: Vec<u128> =
            (2..=11).map(|n| waits(Jitter::None).draw(n, Duration::ZERO, &entropy).as_millis()).collect();
        assert_eq!(ceilings, [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000]);
        assert_eq!(waits(Jitter::None).ceiling(u32::MAX), Duration::from_secs(10));
    }

    #[test]
    fn each_jitter_fills_its_range_and_no_more() {
        assert_eq!(reach(Jitter::Full, 4), (0, 400));
        assert_eq!(reach(Jitter::Equal, 4), (200, 400));
        assert_eq!(reach(Jitter::Factor(0.25), 4), (300, 500));
        let (least, most) = reach(Jitter::Factor(0.25), 40);
        assert!((7_500..7_520).contains(&least) && (9_980..=10_000).contains(&most), "{least} to {most}");
        assert_eq!(reach(Jitter::Decorrelated, 9), (100, 300));
    }

    #[test]
    fn waits_of_a_millisecond_and_more_are_whole() {
        let entropy = Entropy::seeded(5);
        for jitter in [Jitter::Equal, Jitter::Factor(0.25), Jitter::Factor(0.3)] {
            for initial in [1, 3, 5, 25] {
                let waits = Waits { initial: Duration::from_millis(initial), ..waits(jitter) };
                let whole =
                    |wait: Duration| wait.as_nanos().is_multiple_of(1_000_000) && wait >= Duration::from_millis(1);
                let drawn: Vec<_> = (0..100).map(|_| waits.draw(2, Duration::ZERO, &entropy)).collect();
                assert!(drawn.iter().copied().all(whole), "{jitter:?} {initial}: {drawn:?}");
            }
        }
    }

    #[test]
    fn decorrelated_waits_grow_from_the_wait_before() {
        let entropy = Entropy::seeded(5);
        let before = Duration::from_secs(1);
        let draw = || waits(Jitter::Decorrelated).draw(2, before, &entropy).as_millis();
        let most = (0..4_000).map(|_| draw()).max().unwrap();
        assert!((2_990..=3_000).contains(&most), "{most}");
    }

    #[test]
    fn waits_without_end_are_drawn_too() {
        let entropy = Entropy::seeded(5);
        for jitter in [Jitter::Full, Jitter::Equal, Jitter::Factor(0.25), Jitter::Decorrelated, Jitter::None] {
            let waits = Waits { initial: Duration::MAX, max: Duration::MAX, ..waits(jitter) };
            assert!(waits.draw(2, Duration::MAX, &entropy) > Duration::from_secs(86_400), "{jitter:?}");
        }
    }
}
