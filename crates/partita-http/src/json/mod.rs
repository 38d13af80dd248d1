//! A strict reader of JSON bodies.

mod parse;
mod text;

use crate::{Problem, Slug};
use partita_core::quote;
use sha2::{Digest, Sha256};
use std::fmt::Write;
pub use text::JsonText;

/// A JSON value in which numbers stand as they were written.
///
/// It exists because two things matter that a lenient reader hides: a member given twice is refused, and two bodies are the
/// same request exactly if they are equal as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as written: `1.0` is not `1`.
    Number(String),
    /// A string, without escapes.
    String(String),
    /// An array.
    Array(Vec<Self>),
    /// An object, its members as they came, each once.
    Object(Vec<(String, Self)>),
}

impl Json {
    /// Reads a body that must be one JSON object in UTF-8, nested at most 32 deep (RFC 8259, strictly).
    ///
    /// # Errors
    /// `bad-request`, saying what is wrong and where; a member given twice at any depth is named by its pointer.
    pub fn parse_object(body: &[u8]) -> Result<Self, Problem> {
        let bad = |detail: String| Problem::new(Slug::BadRequest).detail(detail);
        let text = std::str::from_utf8(body).map_err(|_| bad("the body is not UTF-8".to_owned()))?;
        match parse::parse(text).map_err(bad)? {
            object @ Self::Object(_) => Ok(object),
            _ => Err(bad("the body is not a JSON object".to_owned())),
        }
    }

    /// Its one canonical text: members sorted, no white space. Equal texts mean equal values and the other way round.
    pub fn canonical(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        text
    }

    /// SHA-256 of the canonical text, in hexadecimal.
    pub fn fingerprint(&self) -> String {
        hex_sha256(Sha256::digest(self.canonical()))
    }

    /// A member of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(member, _)| member == name).map(|(_, value)| value)
    }

    fn write(&self, text: &mut String) {
        match self {
            Self::Null => text.push_str("null"),
            Self::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Self::Number(written) => text.push_str(written),
            Self::String(value) => quote(value, text),
            Self::Array(items) => {
                text.push('[');
                separated(items.iter(), text, |item, text| item.write(text));
                text.push(']');
            }
            Self::Object(members) => {
                let mut sorted: Vec<_> = members.iter().collect();
                sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
                text.push('{');
                separated(sorted.into_iter(), text, |(name, value), text| {
                    quote(name, text);
                    text.push(':');
                    value.write(text);
                });
                text.push('}');
            }
        }
    }
}

fn separated<T>(items: impl Iterator<Item = T>, text: &mut String, write: impl Fn(T, &mut String)) {
    for (index, item) in items.enumerate() {
        if index > 0 {
            text.push(',');
        }
        write(item, text);
    }
}

pub(crate) fn hex_sha256(digest: impl AsRef<[u8]>) -> String {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    let mut text = String::with_capacity(64);
    for byte in digest.as_ref() {
        text.push(digit(byte >> 4));
        text.push(digit(*byte));
    }
    text
}

/// A member's name as one step of a pointer in a URI fragment: behind `#/items/0/`, for instance (RFC 6901, section 6).
pub fn pointer_token(name: &str) -> String {
    let mut token = String::new();
    for byte in name.bytes() {
        match byte {
            b'~' => token.push_str("~0"),
            b'/' => token.push_str("~1"),
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'!'
            | b'$'
            | b'&'..=b','
            | b':'
            | b';'
            | b'='
            | b'?'
            | b'@' => token.push(char::from(byte)),
            _ => {
                let _ = write!(token, "%{byte:02X}");
            }
        }
    }
    token
}
