//! Manifests: the same lints everywhere, a lock file, and no toolchain file that would download one.

use super::{Finding, tree::Tree};
use crate::workspace::Metadata;

pub(super) fn check(metadata: &Metadata, tree: &Tree) -> Vec<Finding> {
    let mut found: Vec<Finding> = metadata
        .packages
        .iter()
        .map(|package| format!("{}/Cargo.toml", metadata.folder(package)))
        .filter(|manifest| !tree.text(manifest).is_some_and(inherits_lints))
        .map(|manifest| {
            let instead = "add `[lints]` with `workspace = true`";
            Finding::new(&manifest, 1, "does not inherit the workspace's lints", instead)
        })
        .collect();
    if !tree.paths().contains("Cargo.lock") {
        let instead = "commit the lock file: builds are the same everywhere";
        found.push(Finding::new("Cargo.lock", 1, "is not there", instead));
    }
    found.extend(tree.paths().iter().filter(|path| is_toolchain(path)).map(|path| {
        let instead = "name the version as `rust-version` in Cargo.toml: nothing may download a toolchain";
        Finding::new(path, 1, "a toolchain file", instead)
    }));
    found
}

fn inherits_lints(manifest: &str) -> bool {
    let mut section = "";
    manifest.lines().map(str::trim).any(|line| {
        if line.starts_with('[') {
            section = line;
        }
        let words: String = line.split_whitespace().collect();
        let dotted = section.is_empty() && words == "lints.workspace=true";
        dotted || (section == "[lints]" && words == "workspace=true")
    })
}

fn is_toolchain(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with("rust-toolchain")
}

#[cfg(test)]
mod tests {
    use super::{
        super::{direction::tests::metadata, tree::sample},
        *,
    };

    fn found(manifest: &str, others: &[&str]) -> Vec<String> {
        let mut files = vec![("crates/a/Cargo.toml", manifest)];
        files.extend(others.iter().map(|path| (*path, "")));
        let found = check(&metadata(&[("crates/a", "a", &[])]), &sample(&files));
        found.into_iter().map(|finding| finding.path).collect()
    }

    #[test]
    fn a_crate_without_the_lints_is_found() {
        for manifest in ["[package]\n", "[lints]\n[dependencies]\nworkspace = true\n", "[lints]\nworkspace = false"] {
            assert_eq!(found(manifest, &["Cargo.lock"]), ["crates/a/Cargo.toml"], "{manifest}");
        }
        assert!(found("[lints]\nworkspace = true\n", &["Cargo.lock"]).is_empty());
        assert!(found("lints.workspace = true\n", &["Cargo.lock"]).is_empty());
    }

    #[test]
    fn a_missing_lock_and_a_toolchain_file_are_found() {
        let good = "[lints]\nworkspace = true\n";
        assert_eq!(found(good, &[]), ["Cargo.lock"]);
        assert_eq!(found(good, &["Cargo.lock", "rust-toolchain"]), ["rust-toolchain"]);
        let nested = "crates/a/rust-toolchain.toml";
        assert_eq!(found(good, &["Cargo.lock", nested]), [nested]);
    }
}
