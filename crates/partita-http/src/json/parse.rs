//! The parser: recursive descent over text.

use super::{Json, pointer_token};

/// Arrays and objects within each other at most.
const DEEPEST: usize = 32;

/// Reads one value that is the whole text. The error is a sentence for the sender.
pub(super) fn parse(text: &str) -> Result<Json, String> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let value = parser.value().map_err(Fault::into_sentence)?;
    parser.skip_space();
    if parser.at < text.len() { Err(parser.expected("the end").into_sentence()) } else { Ok(value) }
}

/// What is wrong.
enum Fault {
    /// In a sentence.
    Said(String),
    /// A member is given twice: its pointer's tokens, the last one first.
    Twice(Vec<String>),
}

impl Fault {
    /// As it is seen from the array or object around.
    fn within(mut self, token: impl FnOnce() -> String) -> Self {
        if let Self::Twice(path) = &mut self {
            path.push(token());
        }
        self
    }

    fn into_sentence(self) -> String {
        match self {
            Self::Said(sentence) => sentence,
            Self::Twice(path) => {
                let path: Vec<String> = path.into_iter().rev().collect();
                format!("the member #/{} is given twice", path.join("/"))
            }
        }
    }
}

type Parsed<T> = Result<T, Fault>;

struct Parser<'a> {
    text: &'a str,
    /// Bytes read; always between two characters when a value begins or ends.
    at: usize,
    /// Arrays and objects around.
    depth: usize,
}

impl Parser<'_> {
    fn expected(&self, what: &str) -> Fault {
        Fault::Said(format!("the body is not JSON: {what} was expected at byte {}", self.at))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let taken = self.peek() == Some(byte);
        self.at += usize::from(taken);
        taken
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Parsed<Json> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Parsed<Json> {
        let words = [("null", Json::Null), ("true", Json::Bool(true)), ("false", Json::Bool(false))];
        let rest = &self.text[self.at..];
        let (word, value) =
            words.into_iter().find(|(word, _)| rest.starts_with(word)).ok_or_else(|| self.expected("a value"))?;
        self.at += word.len();
        Ok(value)
    }

    fn enter(&mut self) -> Parsed<()> {
        if self.depth == DEEPEST {
            return Err(Fault::Said(format!("the body is nested more than {DEEPEST} deep")));
        }
        self.depth += 1;
        Ok(())
    }

    fn array(&mut self) -> Parsed<Json> {
        self.at += 1;
        self.enter()?;
        let mut items = vec![];
        self.skip_space();
        if !self.take(b']') {
            loop {
                let item = self.value().map_err(|fault| fault.within(|| items.len().to_string()))?;
                items.push(item);
                if self.ends(b']', "a comma or ]")? {
                    break;
                }
            }
        }
        self.depth -= 1;
        Ok(Json::Array(items))
    }

    fn object(&mut self) -> Parsed<Json> {
        self.at += 1;
        self.enter()?;
        let mut members = vec![];
        self.skip_space();
        if !self.take(b'}') {
            loop {
                members.push(self.member()?);
                if self.ends(b'}', "a comma or }")? {
                    break;
                }
            }
        }
        Self::refuse_repetition(&members)?;
        self.depth -= 1;
        Ok(Json::Object(members))
    }

    fn member(&mut self) -> Parsed<(String, Json)> {
        self.skip_space();
        if self.peek() != Some(b'"') {
            return Err(self.expected("a member's name"));
        }
        let name = self.string()?;
        self.skip_space();
        if !self.take(b':') {
            return Err(self.expected("a colon"));
        }
        let value = self.value().map_err(|fault| fault.within(|| pointer_token(&name)))?;
        Ok((name, value))
    }

    /// Whether the array or object ends here, or else goes on behind a comma.
    fn ends(&mut self, end: u8, what: &str) -> Parsed<bool> {
        self.skip_space();
        if self.take(b',') {
            return Ok(false);
        }
        if self.take(end) { Ok(true) } else { Err(self.expected(what)) }
    }

    fn refuse_repetition(members: &[(String, Json)]) -> Parsed<()> {
        let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) else { return Ok(()) };
        Err(Fault::Twice(vec![pointer_token(twice[0])]))
    }

    fn number(&mut self) -> Parsed<Json> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _signed = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(Json::Number(self.text[start..self.at].to_owned()))
    }

    fn digits(&mut self) -> Parsed<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.expected("a digit")) } else { Ok(()) }
    }

    fn string(&mut self) -> Parsed<String> {
        self.at += 1;
        let mut value = String::new();
        loop {
            let start = self.at;
            while self.peek().is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
                self.at += 1;
            }
            value.push_str(&self.text[start..self.at]);
            if self.take(b'"') {
                return Ok(value);
            }
            if !self.take(b'\\') {
                return Err(self.expected("the end of a string"));
            }
            value.push(self.escaped()?);
        }
    }

    fn escaped(&mut self) -> Parsed<char> {
        let c = match self.peek() {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.expected("an escape")),
        };
        self.at += 1;
        Ok(c)
    }

    /// A `\u` escape, or two of them that are one character.
    fn unicode(&mut self) -> Parsed<char> {
        let alone = |parser: &Self| parser.expected("a surrogate with its other half");
        let high = self.code_unit()?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high).ok_or_else(|| alone(self));
        }
        if !self.take(b'\\') || self.peek() != Some(b'u') {
            return Err(alone(self));
        }
        let low = self.code_unit()?;
        if !(0xdc00..0xe000).contains(&low) {
            return Err(alone(self));
        }
        char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)).ok_or_else(|| alone(self))
    }

    /// The four digits behind a `u`.
    fn code_unit(&mut self) -> Parsed<u32> {
        self.at += 1;
        let digits =
            self.text.get(self.at..self.at + 4).filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let unit = digits
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.expected("4 hex digits"))?;
        self.at += 4;
        Ok(unit)
    }
}
