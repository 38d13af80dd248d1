//! The files the checks read: what git tracks or would add, each read once.

use std::{collections::BTreeSet, fs};

use super::source::Source;
use crate::{
    failure::{Failure, Result},
    workspace::Workspace,
};

/// Endings of the files whose text is read.
const READ: [&str; 6] = [".rs", ".md", ".toml", ".sh", ".yml", ".yaml"];

/// Scripts without an ending that are read as well.
const SCRIPTS: [&str; 1] = [".ci/run"];

/// Folders that hold our Rust.
const RUST: [&str; 5] = ["crates/", "backends/", "systems/", "xtask/", "benches/"];

/// A file that was read.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) text: String,
    /// For Rust: the text told apart into code, comments and tests.
    pub(super) source: Option<Source>,
}

/// All paths, and the text of those that checks read.
#[derive(Debug, Default)]
pub(super) struct Tree {
    paths: BTreeSet<String>,
    files: Vec<File>,
}

impl Tree {
    pub(super) fn read(workspace: &Workspace) -> Result<Self> {
        let mut tree = Self::default();
        for path in workspace.files()? {
            let full = workspace.root().join(&path);
            let known = SCRIPTS.contains(&path.as_str()) || READ.iter().any(|end| path.ends_with(end));
            if known && full.is_file() {
                let bytes = fs::read(&full).map_err(Failure::of(full.display()))?;
                tree.add(&path, &String::from_utf8_lossy(&bytes));
            } else {
                tree.paths.insert(path);
            }
        }
        Ok(tree)
    }

    pub(super) fn add(&mut self, path: &str, text: &str) {
        self.paths.insert(path.to_owned());
        self.files.push(File {
            path: path.to_owned(),
            text: text.to_owned(),
            source: path.ends_with(".rs").then(|| Source::read(text)),
        });
    }

    pub(super) fn files(&self) -> &[File] {
        &self.files
    }

    pub(super) fn paths(&self) -> &BTreeSet<String> {
        &self.paths
    }

    /// The Rust files of our own folders.
    pub(super) fn rust(&self) -> impl Iterator<Item = (&File, &Source)> {
        self.files
            .iter()
            .filter(|file| RUST.iter().any(|folder| file.path.starts_with(folder)))
            .filter_map(|file| Some((file, file.source.as_ref()?)))
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        let file = self.files.iter().find(|file| file.path == path)?;
        Some(&file.text)
    }

    /// The first line of `path` that `wanted` accepts; 1 when none does.
    pub(super) fn line_where(&self, path: &str, wanted: impl Fn(&str) -> bool) -> usize {
        self.text(path).and_then(|text| text.lines().position(wanted)).map_or(1, |index| index + 1)
    }
}

#[cfg(test)]
pub(super) fn sample(files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::default();
    for (path, text) in files {
        tree.add(path, text);
    }
    tree
}
