//! Numbers, times and ids as an operator reads them.

use std::fmt::Write;
use std::time::Duration;

/// How long ago, roughly: `12 s`, `3 min`, `2 h 5 min`, `3 d 4 h`. The script counts on in the same words.
pub(crate) fn age(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3_600);
    match hours {
        0 if minutes == 0 => format!("{seconds} s"),
        0 => format!("{minutes} min"),
        1..48 => format!("{hours} h {} min", minutes % 60),
        _ => format!("{} d {} h", hours / 24, hours % 24),
    }
}

/// How long it took: `35 ms`, `1.25 s`, `2 min 5 s`, then as [`age`].
pub(crate) fn took(time: Duration) -> String {
    match time.as_millis() {
        millis @ 0..1_000 => format!("{millis} ms"),
        millis @ 1_000..60_000 => format!("{}.{:02} s", millis / 1_000, millis % 1_000 / 10),
        millis @ 60_000..3_600_000 => format!("{} min {} s", millis / 60_000, millis / 1_000 % 60),
        _ => age(time),
    }
}

/// A place on a timeline: `+0.035 s`, `+2 min 05.120 s`, `+1 h 02 min 05.120 s`.
pub(crate) fn offset(time: Duration) -> String {
    let (seconds, millis) = (time.as_secs(), time.subsec_millis());
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match seconds {
        0..60 => format!("+{rest}.{millis:03} s"),
        60..3_600 => format!("+{minutes} min {rest:02}.{millis:03} s"),
        _ => format!("+{hours} h {minutes:02} min {rest:02}.{millis:03} s"),
    }
}

/// A count with thousands set apart.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Percent-encodes all but the unreserved characters of RFC 3986: good for a path segment, a query value and an element id.
pub(crate) fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_rough() {
        let ages = [0, 59, 60, 3_599, 3_600, 172_799, 172_800].map(|s| age(Duration::from_secs(s)));
        assert_eq!(ages, ["0 s", "59 s", "1 min", "59 min", "1 h 0 min", "47 h 59 min", "2 d 0 h"]);
    }

    #[test]
    fn durations_are_exact_while_they_are_short() {
        let took = [35, 1_250, 59_999, 60_000, 125_000, 3_600_000].map(|ms| took(Duration::from_millis(ms)));
        assert_eq!(took, ["35 ms", "1.25 s", "59.99 s", "1 min 0 s", "2 min 5 s", "1 h 0 min"]);
    }

    #[test]
    fn offsets_keep_their_milliseconds() {
        let offsets = [35, 125_120, 3_725_120].map(|ms| offset(Duration::from_millis(ms)));
        assert_eq!(offsets, ["+0.035 s", "+2 min 05.120 s", "+1 h 02 min 05.120 s"]);
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn what_a_url_gives_meaning_to_is_encoded() {
        assert_eq!(encode("a/b?c#d e<\"'&ü"), "a%2Fb%3Fc%23d%20e%3C%22%27%26%C3%BC");
        assert_eq!(encode("018f-9_~.Z"), "018f-9_~.Z");
    }
}
