//! Lengths of time on the command line.

use std::time::Duration;

/// Reads `60s`, `500ms`, `2m` or a plain number of seconds.
///
/// # Errors
/// What it should look like.
pub fn parse_span(text: &str) -> Result<Duration, String> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let expected = || format!("`{text}` is no length of time; write 60s, 500ms or 2m");
    let number: u64 = number.parse().map_err(|_| expected())?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "" | "s" => Ok(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs).ok_or_else(expected),
        _ => Err(expected()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_in_the_usual_units_and_nothing_else() {
        let read: Vec<u128> = ["60s", "500ms", "2m", "7"].iter().map(|t| parse_span(t).unwrap().as_millis()).collect();
        assert_eq!(read, [60_000, 500, 120_000, 7_000]);
        for text in ["", "s", "1h", "-1s", "1.5s", "99999999999999999999s"] {
            assert!(parse_span(text).unwrap_err().contains("write 60s"), "{text}");
        }
    }
}
