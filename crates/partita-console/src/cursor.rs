//! The place behind which a page begins, as an opaque text for a link.

use partita_time::Timestamp;
use std::fmt;

/// Start and id of the last saga of the page before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) at: Timestamp,
    pub(crate) id: String,
}

impl Cursor {
    /// Reads what [`fmt::Display`] wrote; anything else is `None`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits: Vec<u8> =
            text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect::<Option<_>>()?;
        if digits.len() % 2 == 1 {
            return None;
        }
        let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        let (millis, id) = bytes.split_first_chunk::<8>()?;
        let id = String::from_utf8(id.to_vec()).ok()?;
        Some(Self { at: Timestamp::from_millis(i64::from_be_bytes(*millis)), id })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.at.as_millis().to_be_bytes();
        millis.iter().chain(self.id.as_bytes()).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        for id in ["018f-a", "", "<&\"'> ü"] {
            let cursor = Cursor { at: Timestamp::from_millis(1_795_248_000_007), id: id.into() };
            assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in ["", "zz", "00000000000000", "000000000000000", "0000000000000000ff", "000000000000000é"] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
