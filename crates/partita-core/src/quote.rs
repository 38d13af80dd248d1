//! Strings as JSON.

use std::fmt::Write;

/// Writes a string as JSON. Nothing is escaped but what must be (RFC 8259, section 7): quotes, backslashes and, by their
/// numbers, control characters. So equal strings have equal texts, also in later versions.
///
/// ```
/// let mut text = String::from("[");
/// partita_core::quote("a \"b\"\n", &mut text);
/// assert_eq!(text, r#"["a \"b\"\u000a""#);
/// ```
pub fn quote(value: &str, text: &mut String) {
    // Without a branch for each byte, many of them are looked at together.
    let is_plain = |byte: u8| (byte >= b' ') & (byte != b'"') & (byte != b'\\');
    text.push('"');
    if value.bytes().fold(true, |all, byte| all & is_plain(byte)) {
        text.push_str(value);
    } else {
        escape(value, text);
    }
    text.push('"');
}

#[cold]
fn escape(value: &str, text: &mut String) {
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\0'..='\x1f' => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            _ => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_quoted_reads_as_it_was_and_only_what_must_be_is_escaped() {
        let all: String = (0..=0x3000).filter_map(char::from_u32).chain(['\u{ffff}', '\u{10ffff}']).collect();
        for part in ["", "plain", "a \"quote\"", "\\", "line\nline", "\u{7f} \u{e9} \u{2028}", &all] {
            let mut text = String::new();
            quote(part, &mut text);
            assert_eq!(serde_json::from_str::<String>(&text).unwrap(), part, "{text}");
        }
        let mut text = "before ".to_owned();
        quote("\0\t\n\u{1f} \u{7f}/\u{2028}\\\"", &mut text);
        assert_eq!(text, "before \"\\u0000\\u0009\\u000a\\u001f \u{7f}/\u{2028}\\\\\\\"\"");
    }
}
