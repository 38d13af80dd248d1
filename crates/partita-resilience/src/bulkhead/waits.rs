//! How long calls waited of late.

use std::collections::BTreeMap;
use std::time::Duration;

/// Waits are kept for one to two of these.
const HALF: Duration = Duration::from_secs(30);

/// Waits of queued calls in the last 30 to 60 seconds, to three digits. Calls that did not wait are only counted.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    now: Half,
    before: Half,
}

#[derive(Debug, Default)]
struct Half {
    since: Duration,
    admitted_before: u64,
    queued: u64,
    waits: BTreeMap<u64, u64>,
}

impl Waits {
    /// Counts a wait; `admitted` calls were let through so far.
    pub(crate) fn record(&mut self, at: Duration, admitted: u64, wait: Duration) {
        self.turn(at, admitted);
        self.now.queued += 1;
        *self.now.waits.entry(three_digits(wait)).or_default() += 1;
    }

    fn turn(&mut self, at: Duration, admitted: u64) {
        let age = at.saturating_sub(self.now.since);
        if age < HALF {
            return;
        }
        let fresh = || Half { since: at, admitted_before: admitted, ..Half::default() };
        let last = std::mem::replace(&mut self.now, fresh());
        self.before = if age < HALF * 2 { last } else { fresh() };
    }

    /// The wait that a share `q` of the calls did not exceed.
    pub(crate) fn quantile(&mut self, at: Duration, admitted: u64, q: f64) -> Duration {
        self.turn(at, admitted);
        let calls = admitted.saturating_sub(self.before.admitted_before);
        let at_once = calls.saturating_sub(self.before.queued + self.now.queued);
        let rank = rank(q, calls);
        let mut passed = at_once;
        if rank <= passed {
            return Duration::ZERO;
        }
        let mut waits = self.before.waits.clone();
        self.now.waits.iter().for_each(|(wait, count)| *waits.entry(*wait).or_default() += count);
        let found = waits.iter().find(|(_, count)| {
            passed += **count;
            rank <= passed
        });
        found.or(waits.last_key_value()).map_or(Duration::ZERO, |(micros, _)| Duration::from_micros(*micros))
    }
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts of calls in a minute are far below 2^52"
)]
fn rank(q: f64, calls: u64) -> u64 {
    (q * calls as f64).ceil() as u64
}

/// Microseconds, the digits after the third made zero.
fn three_digits(wait: Duration) -> u64 {
    let micros = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
    let unit = 10_u64.pow(micros.checked_ilog10().unwrap_or(0).saturating_sub(2));
    micros / unit * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn calls_that_did_not_wait_count_as_no_wait() {
        let mut waits = Waits::default();
        (0..10).for_each(|n| waits.record(ms(n), 90 + n, ms(40 + n)));
        assert_eq!(waits.quantile(ms(20), 100, 0.5), Duration::ZERO);
        assert_eq!(waits.quantile(ms(20), 100, 0.91), ms(40));
        assert_eq!(waits.quantile(ms(20), 100, 0.99), ms(48));
    }

    #[test]
    fn waits_of_long_ago_are_forgotten() {
        let mut waits = Waits::default();
        waits.record(ms(0), 1, ms(100));
        assert_eq!(waits.quantile(ms(31_000), 1, 0.99), ms(100));
        assert_eq!(waits.quantile(ms(62_000), 1, 0.99), Duration::ZERO);
    }

    #[test]
    fn three_digits_are_kept() {
        assert_eq!(
            [three_digits(ms(100)), three_digits(Duration::from_micros(12_345)), three_digits(ms(0))],
            [100_000, 12_300, 0]
        );
    }
}
