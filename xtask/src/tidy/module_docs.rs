//! Every module says in its first line what it is for.

use super::{Finding, tree::Tree};

/// Cases of compile-fail tests: their text is compared line by line with what the compiler says.
const COMPILE_FAIL: &str = "/tests/ui/";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.rust()
        .filter(|(file, _)| !file.path.contains(COMPILE_FAIL))
        .filter(|(file, _)| !documented(&file.text))
        .map(|(file, _)| {
            let instead = "begin it with a `//!` sentence that says what the module is for";
            Finding::new(&file.path, 1, "a module without docs", instead)
        })
        .collect()
}

fn documented(text: &str) -> bool {
    let first = text.lines().next().unwrap_or("");
    first.strip_prefix("//!").is_some_and(|doc| !doc.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::{super::tree::sample, *};

    #[test]
    fn a_module_without_a_doc_line_is_found() {
        let tree = sample(&[
            ("crates/a/src/bare.rs", "use b;\n"),
            ("crates/a/src/empty_doc.rs", "//!\nuse b;\n"),
            ("crates/a/src/late.rs", "use b;\n//! Too late.\n"),
            ("crates/a/src/good.rs", "//! Good.\n"),
        ]);
        let paths: Vec<_> = check(&tree).into_iter().map(|finding| finding.path).collect();
        assert_eq!(paths, ["crates/a/src/bare.rs", "crates/a/src/empty_doc.rs", "crates/a/src/late.rs"]);
    }

    #[test]
    fn compile_fail_cases_are_exempt() {
        assert!(check(&sample(&[("crates/a/tests/ui/undo.rs", "fn main() {}\n")])).is_empty());
    }
}
