//! Rust text told apart: code, plain comments, docs, literals, and the part that is tests.
//!
//! Not a parser: just enough of the lexer of the Rust reference (comments, strings, characters, lifetimes) that a word
//! in a comment or a string is never taken for code.

/// What a byte of the text belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Literal,
    Plain,
    Doc,
}

/// What a line holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// Code or a part of a literal.
    pub(super) code: bool,
    /// A comment that is no doc, alone or after code.
    pub(super) plain_comment: bool,
    /// Inside an inline test module.
    pub(super) test: bool,
}

/// A Rust file, told apart.
#[derive(Debug)]
pub(super) struct Source {
    code: String,
    lines: Vec<Line>,
}

impl Source {
    pub(super) fn read(text: &str) -> Self {
        let kinds = classify(text.as_bytes());
        let code = only_code(text.as_bytes(), &kinds);
        let mut lines = lines_of(text.as_bytes(), &kinds);
        for (first, last) in test_modules(&code) {
            lines.iter_mut().take(last + 1).skip(first).for_each(|line| line.test = true);
        }
        Self { code, lines }
    }

    /// The text with comments, docs and literals blanked; every line and column is where it was.
    pub(super) fn code(&self) -> &str {
        &self.code
    }

    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The number, from 1, of the line that holds this byte.
    pub(super) fn line_at(&self, byte: usize) -> usize {
        line_index(&self.code, byte) + 1
    }

    pub(super) fn in_test(&self, byte: usize) -> bool {
        let line = self.lines.get(line_index(&self.code, byte));
        line.is_some_and(|line| line.test)
    }

    /// Where `pattern` stands in code with no identifier running into it from the left.
    pub(super) fn find_all<'a>(&'a self, pattern: &'a str) -> impl Iterator<Item = usize> + 'a {
        let starts_a_name = |at: usize| !self.code[..at].ends_with(is_name);
        self.code.match_indices(pattern).map(|(at, _)| at).filter(move |&at| starts_a_name(at))
    }
}

pub(super) fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn line_index(text: &str, byte: usize) -> usize {
    text.as_bytes().iter().take(byte).filter(|&&byte| byte == b'\n').count()
}

fn classify(text: &[u8]) -> Vec<Kind> {
    let mut kinds = Vec::with_capacity(text.len());
    while kinds.len() < text.len() {
        let (before, rest) = text.split_at(kinds.len());
        let after_name = before.last().is_some_and(|byte| is_name(char::from(*byte)));
        let (kind, length) = token(rest, after_name);
        kinds.resize((kinds.len() + length.max(1)).min(text.len()), kind);
    }
    kinds
}

fn token(rest: &[u8], after_name: bool) -> (Kind, usize) {
    if rest.starts_with(b"//") {
        return line_comment(rest);
    }
    if rest.starts_with(b"/*") {
        return block_comment(rest);
    }
    if let Some(length) = raw_string(rest).filter(|_| !after_name) {
        return (Kind::Literal, length);
    }
    match rest.first() {
        Some(b'"') => (Kind::Literal, string(rest)),
        Some(b'\'') => character(rest).map_or((Kind::Code, 1), |length| (Kind::Literal, length)),
        _ => (Kind::Code, 1),
    }
}

fn line_comment(rest: &[u8]) -> (Kind, usize) {
    let outer = rest.starts_with(b"///") && !rest.starts_with(b"////");
    let doc = outer || rest.starts_with(b"//!");
    let length = rest.iter().position(|&byte| byte == b'\n');
    let kind = if doc { Kind::Doc } else { Kind::Plain };
    (kind, length.unwrap_or(rest.len()))
}

fn block_comment(rest: &[u8]) -> (Kind, usize) {
    let outer = rest.starts_with(b"/**") && !rest.starts_with(b"/***") && !rest.starts_with(b"/**/");
    let doc = outer || rest.starts_with(b"/*!");
    let kind = if doc { Kind::Doc } else { Kind::Plain };
    let (mut at, mut depth) = (2, 1_u32);
    while depth > 0 && at < rest.len() {
        let (step, next) = match rest.get(at..at + 2) {
            Some(b"/*") => (2, depth + 1),
            Some(b"*/") => (2, depth - 1),
            _ => (1, depth),
        };
        at += step;
        depth = next;
    }
    (kind, at)
}

/// The length of a raw string (`r"..."`, `br#"..."#`, `cr"..."`), if one starts here.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let prefix = [&b"r"[..], b"br", b"cr"].into_iter().find(|prefix| rest.starts_with(prefix))?;
    let hashes = rest[prefix.len()..].iter().take_while(|&&byte| byte == b'#').count();
    let open = prefix.len() + hashes;
    if rest.get(open) != Some(&b'"') {
        return None;
    }
    let close = [&b"\""[..], &b"#".repeat(hashes)].concat();
    let body = &rest[open + 1..];
    let end = body.windows(close.len()).position(|window| window == close);
    Some(end.map_or(rest.len(), |end| open + 1 + end + close.len()))
}

fn string(rest: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of a character literal; nothing when the quote begins a lifetime.
fn character(rest: &[u8]) -> Option<usize> {
    let quote = |from: usize| {
        let found = rest.get(from..)?.iter().position(|&byte| byte == b'\'')?;
        Some(from + found + 1)
    };
    if rest.get(1) == Some(&b'\\') {
        return quote(3);
    }
    let width = match rest.get(1)? {
        0..0x80 => 1,
        0x80..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    };
    (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
}

fn only_code(text: &[u8], kinds: &[Kind]) -> String {
    let bytes: Vec<u8> = text
        .iter()
        .zip(kinds)
        .map(|(&byte, &kind)| match kind {
            Kind::Code => byte,
            _ if byte == b'\n' => byte,
            _ => b' ',
        })
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn lines_of(text: &[u8], kinds: &[Kind]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut line = Line::default();
    for (byte, kind) in text.iter().zip(kinds) {
        if *byte == b'\n' {
            lines.push(std::mem::take(&mut line));
        } else if !byte.is_ascii_whitespace() {
            line.code |= matches!(kind, Kind::Code | Kind::Literal);
            line.plain_comment |= *kind == Kind::Plain;
        }
    }
    if text.last().is_some_and(|&last| last != b'\n') {
        lines.push(line);
    }
    lines
}

/// First and last line, from 0, of each inline module that only tests compile.
fn test_modules(code: &str) -> Vec<(usize, usize)> {
    ["#[cfg(test)]", "#[cfg(all(test"]
        .into_iter()
        .flat_map(|attribute| code.match_indices(attribute))
        .filter_map(|(at, _)| {
            let open = at + module_body(&code[at..])?;
            let close = open + matching_brace(&code[open..]);
            Some((line_index(code, at), line_index(code, close)))
        })
        .collect()
}

/// Where the body of the module opens that these attributes stand before; nothing for any other item.
fn module_body(code: &str) -> Option<usize> {
    let open = code.find(['{', ';'])?;
    let head = code.get(..open)?;
    let item = head.rsplit(']').next()?;
    let is_module = item.split_whitespace().any(|word| word == "mod");
    (is_module && code[open..].starts_with('{')).then_some(open)
}

fn matching_brace(code: &str) -> usize {
    let mut depth = 0_u32;
    for (at, letter) in code.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 1 => return at,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        let source = Source::read(text);
        source.code().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_docs_and_literals_are_blanked() {
        assert_eq!(code("a // b\n/// c\n//! d\ne"), "a e");
        assert_eq!(code("a /* b /* c */ d */ e"), "a e");
        assert_eq!(code(r##"a "b // \" c" d r#"e " f"# g br"h" i"##), "a d g i");
    }

    #[test]
    fn a_lifetime_is_code_and_a_character_is_not() {
        assert_eq!(code("f::<'a>('\"', 'é', '\\'', b'x', '\\u{41}')"), "f::<'a>( , , , b , )");
    }

    #[test]
    fn a_raw_identifier_and_a_name_ending_in_r_are_code() {
        assert_eq!(code("r#type bar\"x\" y"), "r#type bar y");
    }

    #[test]
    fn lines_know_their_comments() {
        let source = Source::read("a // b\n\n// c\n/// d\n\"// e\"");
        let flags: Vec<_> = source.lines().iter().map(|line| (line.code, line.plain_comment)).collect();
        assert_eq!(flags, [(true, true), (false, false), (false, true), (false, false), (true, false)]);
    }

    #[test]
    fn an_inline_test_module_is_found_with_its_braces() {
        let text = "a\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n  fn f() { \"}\" }\n}\nb";
        let tests: Vec<_> = Source::read(text).lines().iter().map(|line| line.test).collect();
        assert_eq!(tests, [false, true, true, true, true, true, false]);
    }

    #[test]
    fn a_test_only_item_that_is_no_module_stays_code() {
        let text = "#[cfg(test)]\nuse a::b;\nmod real {\n}\n#[cfg(test)]\nmod tests;\n";
        assert!(Source::read(text).lines().iter().all(|line| !line.test));
    }

    #[test]
    fn a_pattern_is_not_found_inside_a_longer_name() {
        let source = Source::read("operand::x rand::y\nstd::rand::z");
        let lines: Vec<_> = source.find_all("rand::").map(|at| source.line_at(at)).collect();
        assert_eq!(lines, [1, 2]);
    }
}
