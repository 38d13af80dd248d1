//! Files stay short enough to read in one go; inline tests do not count.

use super::{Finding, source::Source, tree::Tree};

/// From here on a file is worth a second look.
const SOFT: usize = 400;

/// No file is longer.
const HARD: usize = 600;

const SPLIT: &str = "split it: one thing a file, tests in a file beside it";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    over(tree, HARD)
}

/// Files over the soft limit and within the hard one.
pub(super) fn warnings(tree: &Tree) -> Vec<Finding> {
    let hard = check(tree);
    let soft = over(tree, SOFT);
    soft.into_iter().filter(|finding| hard.iter().all(|other| other.path != finding.path)).collect()
}

fn over(tree: &Tree, limit: usize) -> Vec<Finding> {
    tree.rust()
        .map(|(file, source)| (file, length(source)))
        .filter(|(_, lines)| *lines > limit)
        .map(|(file, lines)| {
            let what = format!("{lines} lines without inline tests, more than {limit}");
            Finding::new(&file.path, limit + 1, what, SPLIT)
        })
        .collect()
}

fn length(source: &Source) -> usize {
    source.lines().iter().filter(|line| !line.test).count()
}

#[cfg(test)]
mod tests {
    use super::{super::tree::sample, *};

    fn file(lines: usize, test_lines: usize) -> Tree {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "f();\n".repeat(test_lines));
        sample(&[("crates/a/src/b.rs", &("f();\n".repeat(lines) + &tests))])
    }

    #[test]
    fn a_file_over_600_lines_is_found() {
        let found = check(&file(601, 0));
        assert_eq!(found.len(), 1);
        assert!(found[0].what.starts_with("601 lines"));
    }

    #[test]
    fn inline_tests_do_not_count() {
        assert!(check(&file(600, 500)).is_empty());
    }

    #[test]
    fn a_file_over_400_lines_is_a_warning_only() {
        assert_eq!(warnings(&file(401, 0)).len(), 1);
        assert!(warnings(&file(400, 0)).is_empty());
        assert!(warnings(&file(601, 0)).is_empty());
    }
}
