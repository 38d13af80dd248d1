//! How long to wait before the next try.

use crate::Entropy;
use std::time::Duration;

/// Exponential backoff with full jitter: a wait drawn evenly from zero to a ceiling that grows with each try.
///
/// The rule is "full jitter" of Marc Brooker, *Exponential Backoff And Jitter* (2015).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Ceiling of the first wait.
    pub initial: Duration,
    /// Ceiling that no wait exceeds.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { initial: Duration::from_millis(100), max: Duration::from_secs(5) }
    }
}

impl Backoff {
    /// Ceiling of the wait after try number `tries` (1 is the first): doubles each time.
    pub fn ceiling(&self, tries: u32) -> Duration {
        let doubled = 1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX);
        self.initial.saturating_mul(doubled).min(self.max)
    }

    /// A wait after try number `tries`, in whole milliseconds.
    pub fn wait(&self, tries: u32, entropy: &Entropy) -> Duration {
        let ceiling = u64::try_from(self.ceiling(tries).as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(entropy.below(ceiling.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings_double_up_to_the_greatest() {
        let backoff = Backoff::default();
        let ceilings: Vec<u128> = (1..=8).map(|n| backoff.ceiling(n).as_millis()).collect();
        assert_eq!(ceilings, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
        assert_eq!(backoff.ceiling(u32::MAX), backoff.max);
    }

    #[test]
    fn waits_spread_over_the_whole_range() {
        let entropy = Entropy::seeded(3);
        let waits: Vec<u128> = (0..2_000).map(|_| Backoff::default().wait(1, &entropy).as_millis()).collect();
        assert!(waits.iter().all(|w| *w <= 100));
        assert!(waits.iter().any(|w| *w < 5) && waits.iter().any(|w| *w > 95));
    }
}
