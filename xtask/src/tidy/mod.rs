//! Style and architecture as code: what can be checked is not left to a reviewer.
//!
//! One file per check, each a function from what it reads to findings. Every check has a test that sees it fail.

mod comments;
mod determinism;
mod direction;
mod length;
mod links;
mod manifests;
mod module_docs;
mod numbers;
mod outside;
mod root_entries;
mod source;
mod tree;
mod unbounded;
mod words;

use std::fmt;

use crate::{failure::Result, say, workspace::Workspace};
use tree::Tree;

/// Something to change: where, what, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    what: String,
    instead: String,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>, instead: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into(), instead: instead.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, what, instead } = self;
        write!(out, "{path}:{line}: {what}; {instead}")
    }
}

/// Runs every check, prints what it found and answers how many findings there are.
pub(crate) fn run(workspace: &Workspace, verbose: bool) -> Result<usize> {
    let metadata = workspace.metadata()?;
    let tree = Tree::read(workspace)?;
    let figures = comments::figures(&metadata, &tree);
    let mut findings: Vec<Finding> = [
        length::check(&tree),
        module_docs::check(&tree),
        direction::check(&metadata, &tree),
        outside::check(&metadata, &tree),
        determinism::check(&tree),
        unbounded::check(&tree),
        words::check(&tree),
        root_entries::check(&tree),
        comments::check(&figures),
        manifests::check(&metadata, &tree),
        links::check(&tree),
        numbers::check(&tree),
    ]
    .concat();
    findings.sort();
    for figure in &figures {
        say::out(format_args!("{figure}"));
    }
    if verbose {
        for warning in length::warnings(&tree) {
            say::out(format_args!("warning: {warning}"));
        }
    }
    for finding in &findings {
        say::out(format_args!("{finding}"));
    }
    let files = tree.files().len();
    say::out(format_args!("tidy: {files} files read, {} findings", findings.len()));
    Ok(findings.len())
}
