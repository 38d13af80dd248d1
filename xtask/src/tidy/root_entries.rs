//! The root is a newcomer's first page, so it holds few entries.

use std::collections::BTreeSet;

use super::{Finding, tree::Tree};

const MOST: usize = 15;

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let entries: BTreeSet<&str> = tree.paths().iter().map(|path| entry(path)).collect();
    if entries.len() <= MOST {
        return Vec::new();
    }
    let names: Vec<_> = entries.iter().copied().collect();
    let what = format!("{} entries in the root, more than {MOST} ({})", entries.len(), names.join(", "));
    vec![Finding::new(".", 1, what, "move one into a folder")]
}

fn entry(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::{super::tree::sample, *};

    fn tree(entries: usize) -> Tree {
        let names: Vec<_> = (0..entries).map(|number| format!("entry{number}/file.md")).collect();
        let mut files: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
        files.push(("entry0/second.md", ""));
        sample(&files)
    }

    #[test]
    fn a_sixteenth_entry_is_found() {
        assert!(check(&tree(15)).is_empty());
        assert_eq!(check(&tree(16)).len(), 1);
    }
}
