//! Wall time in whole milliseconds.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
///
/// Shown as RFC 3339 in UTC with three decimals, kept as an integer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The latest moment that can be written.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// From milliseconds since 1970.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Time from `earlier` to here; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This moment and `wait` later, at most [`Timestamp::MAX`].
    #[must_use]
    pub fn plus(self, wait: Duration) -> Self {
        let millis = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis)).min(Self::MAX)
    }

    /// Reads an RFC 3339 text.
    ///
    /// # Errors
    /// What was wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let moment: jiff::Timestamp = text.parse().map_err(|e: jiff::Error| e.to_string())?;
        Ok(Self(moment.as_millisecond()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match u64::try_from(self.0) {
            Ok(millis) if *self <= Self::MAX => f.write_str(std::str::from_utf8(&written(millis)).unwrap_or_default()),
            // What no clock of ours tells need not be quick.
            _ => write!(f, "{:.3}", jiff::Timestamp::from_millisecond(self.0).map_err(|_| fmt::Error)?),
        }
    }
}

/// RFC 3339, of a moment from 1970 to 9999.
fn written(millis: u64) -> [u8; 24] {
    let (seconds, millis) = (millis / 1_000, millis % 1_000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let pairs = [
        (0, year / 100),
        (2, year % 100),
        (5, month),
        (8, day),
        (11, second / 3_600),
        (14, second / 60 % 60),
        (17, second % 60),
        (20, millis / 10),
    ];
    for (place, number) in pairs {
        text[place] = digit(number / 10);
        text[place + 1] = digit(number);
    }
    text[22] = digit(millis);
    text
}

/// The last digit of a number.
fn digit(number: u64) -> u8 {
    b'0' + u8::try_from(number % 10).unwrap_or(0)
}

/// Year, month and day so many days after 1970-01-01: Howard Hinnant's `civil_from_days`, whose years begin in March.
const fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_based = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_based + 2) / 5 + 1;
    let month = if march_based < 10 { march_based + 3 } else { march_based - 9 };
    (era * 400 + year + if month <= 2 { 1 } else { 0 }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_in_utc_with_milliseconds() {
        assert_eq!(Timestamp::from_millis(1_795_248_000_007).to_string(), "2026-11-21T08:00:00.007Z");
        assert_eq!(Timestamp::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn every_day_is_shown_as_the_calendar_has_it() {
        for day in (-1_000..Timestamp::MAX.0 / 86_400_000).step_by(17) {
            let moment = day * 86_400_000 + day.rem_euclid(86_399) * 1_000 + day.rem_euclid(1_000);
            let expected = format!("{:.3}", jiff::Timestamp::from_millisecond(moment).unwrap());
            assert_eq!(Timestamp(moment).to_string(), expected);
        }
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        let moment = Timestamp::from_millis(1_795_248_000_120);
        assert_eq!(Timestamp::parse(&moment.to_string()), Ok(moment));
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Timestamp::MAX.plus(Duration::from_secs(1)), Timestamp::MAX);
        assert_eq!(Timestamp::from_millis(1).since(Timestamp::from_millis(5)), Duration::ZERO);
    }
}
