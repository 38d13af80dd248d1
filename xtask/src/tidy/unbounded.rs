//! No channel without a bound: a queue that can grow for ever hides an overload until memory ends.

use super::{Finding, source::Source, tree::Tree};

const INSTEAD: &str = "use a channel with a capacity and say what happens when it is full";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust()
        .filter(|(file, _)| !is_test(&file.path))
        .flat_map(|(file, source)| of_file(&file.path, source))
        .collect()
}

/// Whether the whole file is compiled for tests only.
fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

fn of_file(path: &str, source: &Source) -> Vec<Finding> {
    let named = source.find_all("unbounded_channel");
    let futures = source.find_all("unbounded").filter(|&at| is_call(source, at, "unbounded"));
    let standard = source.find_all("mpsc::channel").filter(|&at| is_empty_call(source, at, "mpsc::channel"));
    named
        .chain(futures)
        .chain(standard)
        .filter(|&at| !source.in_test(at))
        .map(|at| Finding::new(path, source.line_at(at), "an unbounded channel", INSTEAD))
        .collect()
}

fn is_call(source: &Source, at: usize, name: &str) -> bool {
    arguments(&source.code()[at + name.len()..]).is_some()
}

/// A call with no capacity: the bounded channels of tokio have the same name and take one.
fn is_empty_call(source: &Source, at: usize, name: &str) -> bool {
    let arguments = arguments(&source.code()[at + name.len()..]);
    arguments.is_some_and(|rest| rest.trim_start().starts_with(')'))
}

/// What follows the opening parenthesis, behind type arguments if there are any.
fn arguments(rest: &str) -> Option<&str> {
    let rest = match rest.strip_prefix("::<") {
        Some(types) => types.get(closing(types)? + 1..)?,
        None => rest,
    };
    rest.strip_prefix('(')
}

/// Where the type arguments end.
fn closing(types: &str) -> Option<usize> {
    let mut depth = 1_u32;
    types.char_indices().find_map(|(at, letter)| {
        match letter {
            '<' => depth += 1,
            '>' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::{super::tree::sample, *};

    fn found(path: &str, text: &str) -> usize {
        check(&sample(&[(path, text)])).len()
    }

    #[test]
    fn each_unbounded_channel_is_found() {
        for text in [
            "let (a, b) = tokio::sync::mpsc::unbounded_channel();",
            "let (a, b) = std::sync::mpsc::channel();",
            "let (a, b) = mpsc::channel::<Vec<u8>>();",
            "let (a, b) = futures::channel::mpsc::unbounded();",
            "let (a, b) = flume::unbounded::<u8>();",
        ] {
            assert_eq!(found("systems/shop/src/a.rs", text), 1, "{text}");
        }
    }

    #[test]
    fn bounded_channels_comments_and_other_names_pass() {
        for text in [
            "let (a, b) = mpsc::channel(16);",
            "let (a, b) = mpsc::channel::<u8>(16);",
            "let (a, b) = oneshot::channel();",
            "// never unbounded()\nlet text = \"unbounded()\";",
            "let is_unbounded = true;",
        ] {
            assert_eq!(found("systems/shop/src/a.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn tests_may() {
        let call = "let c = std::sync::mpsc::channel();";
        assert_eq!(found("systems/shop/tests/a.rs", call), 0);
        assert_eq!(found("crates/a/src/b/tests.rs", call), 0);
        assert_eq!(found("crates/a/src/b.rs", &format!("#[cfg(test)]\nmod tests {{\n{call}\n}}\n")), 0);
    }
}
