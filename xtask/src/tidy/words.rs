//! Words that say "not finished": work is done, or it is not there.

use super::{
    Finding,
    source::is_name,
    tree::{File, Tree},
};

/// Written in two halves, so that this file does not find itself.
const BANNED: [(&str, &str); 6] = [
    (concat!("TO", "DO"), "do it, or leave the thought out"),
    (concat!("FIX", "ME"), "fix it, or leave the thought out"),
    (concat!("todo", "!("), "write the code, or leave the function out"),
    (concat!("unimplemented", "!("), "write the code, or leave the function out"),
    (concat!("dbg", "!("), "remove it, or use `tracing::debug!`"),
    (concat!("#[", "ignore"), "let the test run, or remove it"),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.files().iter().flat_map(of_file).collect()
}

fn of_file(file: &File) -> impl Iterator<Item = Finding> {
    file.text.lines().enumerate().flat_map(move |(index, line)| {
        let here = BANNED.iter().filter(|(word, _)| has_word(line, word));
        here.map(move |(word, instead)| Finding::new(&file.path, index + 1, format!("`{word}`"), *instead))
    })
}

/// Whether the word stands in the line by itself, and not as a part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let inside = |before: &str, after: &str| {
        let left = word.starts_with(is_name) && before.ends_with(is_name);
        let right = word.ends_with(char::is_uppercase) && after.starts_with(is_name);
        left || right
    };
    line.match_indices(word).any(|(at, _)| !inside(&line[..at], &line[at + word.len()..]))
}

#[cfg(test)]
mod tests {
    use super::{super::tree::sample, *};

    #[test]
    fn each_word_is_found_in_each_kind_of_file() {
        for path in ["crates/a/src/b.rs", "README.md", "Cargo.toml", "run.sh", ".github/ci.yml", ".ci/run"] {
            for (word, _) in BANNED {
                let text = format!("fine\n  x {word} y\n");
                let found = check(&sample(&[(path, &text)]));
                assert_eq!(found.len(), 1, "{path} {word}");
                assert_eq!(found[0].line, 2);
            }
        }
    }

    #[test]
    fn longer_words_pass() {
        for text in ["mastodon", concat!("TO", "DOS_HERE"), concat!("my_dbg", "!(x)"), concat!("A_TO", "DO")] {
            assert!(check(&sample(&[("a.rs", text)])).is_empty(), "{text}");
        }
    }
}
