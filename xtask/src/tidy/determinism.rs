//! Engines give the same trace for the same seed, so nothing in them may read the world by itself.

use super::{Finding, source::Source, tree::Tree};

/// The crates that must be deterministic, tests and all.
const ENGINES: [&str; 4] =
    ["crates/partita-events/", "crates/partita-jobs/", "crates/partita-messaging/", "crates/partita-saga/"];

/// What is banned, and what to use.
const BANNED: [(&str, &str); 7] = [
    ("HashMap", "use `BTreeMap`: its order does not depend on a random seed"),
    ("HashSet", "use `BTreeSet`: its order does not depend on a random seed"),
    ("Instant::", "read the injected `Clock`"),
    ("SystemTime", "read the injected `Clock`"),
    ("std::thread", "spawn through the injected `Spawner`"),
    ("thread::", "spawn through the injected `Spawner`"),
    ("rand::", "draw from the injected `Entropy`"),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust()
        .filter(|(file, _)| ENGINES.iter().any(|engine| file.path.starts_with(engine)))
        .flat_map(|(file, source)| of_file(&file.path, source))
        .collect()
}

fn of_file(path: &str, source: &Source) -> Vec<Finding> {
    let mut found: Vec<Finding> = BANNED
        .iter()
        .flat_map(|&(word, instead)| {
            let places = source.find_all(word).filter(move |&at| !counted_already(source, word, at));
            places.map(move |at| {
                let what = format!("`{word}` in an engine");
                Finding::new(path, source.line_at(at), what, instead)
            })
        })
        .collect();
    found.extend(source.find_all("select!").filter_map(|at| {
        let unbiased = !opens_biased(&source.code()[at + "select!".len()..]);
        unbiased.then(|| {
            let instead = "write `biased;` first and order the branches on purpose";
            Finding::new(path, source.line_at(at), "an unbiased `select!` in an engine", instead)
        })
    }));
    found
}

/// `std::thread::spawn` is one finding, not two.
fn counted_already(source: &Source, word: &str, at: usize) -> bool {
    word == "thread::" && source.code()[..at].ends_with("std::")
}

fn opens_biased(rest: &str) -> bool {
    let body = rest.trim_start().strip_prefix(['{', '(', '[']);
    body.is_some_and(|body| body.trim_start().starts_with("biased;"))
}

#[cfg(test)]
mod tests {
    use super::{super::tree::sample, *};

    fn found(text: &str) -> usize {
        check(&sample(&[("crates/partita-saga/src/a.rs", text)])).len()
    }

    #[test]
    fn each_source_of_chance_is_found() {
        for text in [
            "use std::collections::HashMap;",
            "let seen: HashSet<u8> = x;",
            "let now = Instant::now();",
            "let now = tokio::time::Instant::now();",
            "use std::time::SystemTime;",
            "std::thread::spawn(f);",
            "use std::thread;",
            "thread::park();",
            "let n = rand::random();",
            "tokio::select! { a = b => {} }",
            "tokio::select! {\n  // biased;\n  a = b => {}\n}",
        ] {
            assert_eq!(found(text), 1, "{text}");
        }
    }

    #[test]
    fn comments_docs_strings_and_longer_names_pass() {
        for text in [
            "//! No HashMap here.\n/// Nor Instant::now.\n// Nor rand::random.",
            "let text = \"HashMap thread::spawn\";",
            "let half = operand::left();",
            "tokio::select! {\n    biased;\n    a = b => {}\n}",
            "futures_util::select_biased! { a = b => {} }",
        ] {
            assert_eq!(found(text), 0, "{text}");
        }
    }

    #[test]
    fn crates_that_are_no_engines_may() {
        let tree = sample(&[("crates/partita-http/src/a.rs", "use std::collections::HashMap;")]);
        assert!(check(&tree).is_empty());
    }
}
