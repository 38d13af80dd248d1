//! JSON laid out for reading: members stay in their order and numbers as they were written.

use serde::de::IgnoredAny;

/// Bytes of a laid-out document that are shown; a larger one would freeze the page.
pub(crate) const MAX_BYTES: usize = 64 * 1_024;

/// The text on many lines, indented by two; text that is no JSON comes back as it is.
pub(crate) fn pretty(text: &str) -> String {
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return text.to_owned();
    }
    let mut out = Layout::default();
    let mut rest = text.chars().peekable();
    let (mut quoted, mut escaped) = (false, false);
    while let Some(letter) = rest.next() {
        if quoted {
            out.text.push(letter);
            quoted = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
        } else if !letter.is_ascii_whitespace() {
            quoted = letter == '"';
            while !quoted && rest.next_if(char::is_ascii_whitespace).is_some() {}
            out.push(letter, rest.peek().copied());
        }
    }
    out.text
}

#[derive(Default)]
struct Layout {
    text: String,
    depth: usize,
}

impl Layout {
    /// Writes one letter outside of strings; an empty list or object stays on its line.
    fn push(&mut self, letter: char, next: Option<char>) {
        let closes_next = matches!(next, Some('}' | ']'));
        if matches!(letter, '}' | ']') && !self.text.ends_with(['{', '[']) {
            self.depth = self.depth.saturating_sub(1);
            self.line();
        }
        self.text.push(letter);
        match letter {
            '{' | '[' if !closes_next => {
                self.depth += 1;
                self.line();
            }
            ',' => self.line(),
            ':' => self.text.push(' '),
            _ => {}
        }
    }

    fn line(&mut self) {
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n("  ", self.depth));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_indented_in_their_order() {
        let text = r#"{"b":[1, 2.50],"a":{},"c":[ ],"d":{"e":null}}"#;
        let lines = [
            "{",
            "  \"b\": [",
            "    1,",
            "    2.50",
            "  ],",
            "  \"a\": {},",
            "  \"c\": [],",
            "  \"d\": {",
            "    \"e\": null",
            "  }",
            "}",
        ];
        assert_eq!(pretty(text), lines.join("\n"));
    }

    #[test]
    fn strings_are_left_alone() {
        let text = r#"["a, {b: \"c\\", " ]"]"#;
        assert_eq!(pretty(text), "[\n  \"a, {b: \\\"c\\\\\",\n  \" ]\"\n]");
    }

    #[test]
    fn what_is_no_json_is_shown_as_it_is() {
        assert_eq!(pretty("{\"a\":"), "{\"a\":");
    }
}
