//! Plain comments are rare: code and docs say what, a comment says why it surprises.

use std::fmt;

use super::{Finding, tree::Tree};
use crate::workspace::{Metadata, Package};

/// At most so many lines with a plain comment in a hundred lines of code.
const MOST_PERCENT: usize = 5;

/// How much a library crate comments.
#[derive(Debug)]
pub(super) struct Figure {
    name: String,
    folder: String,
    comments: usize,
    code: usize,
}

impl fmt::Display for Figure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, comments, code, .. } = self;
        let tenths = comments * 1_000 / (*code).max(1);
        let (whole, tenth) = (tenths / 10, tenths % 10);
        write!(out, "comments: {name} {whole}.{tenth} % ({comments} of {code} lines of code)")
    }
}

/// Counts the sources of every library crate under `crates/` and `backends/`.
pub(super) fn figures(metadata: &Metadata, tree: &Tree) -> Vec<Figure> {
    metadata
        .packages
        .iter()
        .map(|package| (package, metadata.folder(package)))
        .filter(|(package, folder)| is_library(package, folder))
        .map(|(package, folder)| count(package, folder, tree))
        .collect()
}

pub(super) fn check(figures: &[Figure]) -> Vec<Finding> {
    figures
        .iter()
        .filter(|figure| figure.comments * 100 > figure.code * MOST_PERCENT)
        .map(|figure| {
            let what = format!("{figure}, more than {MOST_PERCENT} %");
            let instead = "let names and docs say what; keep only comments that say why";
            Finding::new(&format!("{}/src", figure.folder), 1, what, instead)
        })
        .collect()
}

fn is_library(package: &Package, folder: &str) -> bool {
    let ours = folder.starts_with("crates/") || folder.starts_with("backends/");
    let kinds = package.targets.iter().flat_map(|target| &target.kind);
    ours && kinds.into_iter().any(|kind| kind == "lib")
}

fn count(package: &Package, folder: String, tree: &Tree) -> Figure {
    let sources = format!("{folder}/src/");
    let lines = || {
        let own = tree.rust().filter(|(file, _)| file.path.starts_with(&sources));
        own.flat_map(|(_, source)| source.lines())
    };
    Figure {
        name: package.name.clone(),
        comments: lines().filter(|line| line.plain_comment).count(),
        code: lines().filter(|line| line.code).count(),
        folder,
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{direction::tests::metadata, tree::sample},
        *,
    };

    fn of(comments: usize, code: usize) -> Vec<Figure> {
        let text = "// why\n".repeat(comments) + &"f();\n".repeat(code) + "/// doc\n";
        let metadata = metadata(&[("crates/a", "a", &[]), ("systems/shop", "shop", &[])]);
        figures(&metadata, &sample(&[("crates/a/src/lib.rs", &text)]))
    }

    #[test]
    fn a_crate_over_five_percent_is_found() {
        let figures = of(6, 100);
        assert_eq!(figures[0].to_string(), "comments: a 6.0 % (6 of 100 lines of code)");
        assert_eq!(check(&figures).len(), 1);
    }

    #[test]
    fn five_percent_and_an_empty_crate_pass() {
        assert!(check(&of(5, 100)).is_empty());
        assert!(check(&of(0, 0)).is_empty());
    }

    #[test]
    fn only_libraries_are_counted() {
        assert_eq!(of(1, 100).len(), 1);
    }
}
