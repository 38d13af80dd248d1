//! The workspace as cargo and git see it.

use serde::Deserialize;
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    failure::{Failure, Result},
    process::Job,
};

const MINUTE: Duration = Duration::from_secs(60);

/// The folder all commands work in.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
}

/// What we read of `cargo metadata --no-deps`.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) target_directory: PathBuf,
    pub(crate) workspace_root: PathBuf,
}

/// A member of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

/// One line under a member's dependencies.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `dev`, `build`, or nothing for an ordinary one.
    pub(crate) kind: Option<String>,
    pub(crate) optional: bool,
}

/// A library, binary, test or example of a member.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
}

#[derive(Deserialize)]
struct Artifact {
    target: Target,
    executable: Option<PathBuf>,
}

impl Metadata {
    /// The package's folder relative to the root, with `/`.
    pub(crate) fn folder(&self, package: &Package) -> String {
        let folder = package.manifest_path.parent().unwrap_or(Path::new(""));
        let folder = folder.strip_prefix(&self.workspace_root).unwrap_or(folder);
        folder.to_string_lossy().replace('\\', "/")
    }
}

impl Workspace {
    /// The workspace this command was built from, or the one around the current folder.
    pub(crate) fn find() -> Result<Self> {
        let here = env::current_dir().map_err(Failure::of("the current folder"))?;
        let start = env::var_os("CARGO_MANIFEST_DIR").map_or(here, PathBuf::from);
        let root = start
            .ancestors()
            .find(|folder| folder.join("xtask/Cargo.toml").is_file())
            .ok_or_else(|| Failure::new("no workspace here: run `cargo xtask` inside the repository"))?;
        Ok(Self { root: root.to_owned() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A command in the root, free of the variables that `cargo run` set for this tool's own package.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        command
    }

    /// `cargo` with these arguments: the one that runs us, so that no other toolchain is asked for.
    pub(crate) fn cargo<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut command = self.command(&cargo);
        command.args(arguments);
        command
    }

    pub(crate) fn metadata(&self) -> Result<Metadata> {
        let command = self.cargo(["metadata", "--no-deps", "--format-version", "1"]);
        let text = Job::new("cargo metadata", command, 2 * MINUTE).capture()?;
        serde_json::from_str(&text).map_err(Failure::of("cargo metadata"))
    }

    /// Every file that git tracks or would add, relative to the root.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let mut command = self.command("git");
        command.args(["-c", &format!("safe.directory={}", self.root.display())]);
        command.args(["-c", "core.quotePath=false", "ls-files", "--cached", "--others"]);
        command.args(["--exclude-standard", "--deduplicate"]);
        let text = Job::new("git ls-files", command, MINUTE).capture()?;
        let there = |path: &&str| self.root.join(path).symlink_metadata().is_ok();
        Ok(text.lines().filter(there).map(str::to_owned).collect())
    }

    /// Builds these packages in release and answers where the binary `wanted` is. Nothing goes to stdout.
    pub(crate) fn release_binary(&self, packages: &[&str], wanted: &str) -> Result<PathBuf> {
        let mut command = self.cargo(["build", "--quiet", "--release"]);
        command.arg("--message-format=json-render-diagnostics");
        for package in packages {
            command.args(["-p", package]);
        }
        let text = Job::new("cargo build --release", command, 20 * MINUTE).capture()?;
        binary_in(&text, "bin", wanted).ok_or_else(|| Failure::new(format!("cargo built no binary named {wanted}")))
    }

    /// Builds an example as `cargo test --workspace` builds it, and answers where it is. Nothing goes to stdout.
    pub(crate) fn test_example(&self, name: &str) -> Result<PathBuf> {
        let mut command = self.cargo(["build", "--quiet", "--workspace", "--example", name]);
        command.arg("--message-format=json-render-diagnostics");
        let text = Job::new("cargo build --example", command, 20 * MINUTE).capture()?;
        binary_in(&text, "example", name).ok_or_else(|| Failure::new(format!("cargo built no example named {name}")))
    }
}

/// The path of the executable `wanted` of a kind in cargo's JSON messages.
fn binary_in(messages: &str, kind: &str, wanted: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Artifact>(line).ok())
        .find(|artifact| artifact.target.name == wanted && artifact.target.kind == [kind])
        .and_then(|artifact| artifact.executable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_is_found_among_libraries_and_examples_of_its_name() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"shop","kind":["lib"]},"executable":null}
{"reason":"compiler-artifact","target":{"name":"shop","kind":["example"]},"executable":"/t/release/examples/shop"}
{"reason":"compiler-artifact","target":{"name":"shop","kind":["bin"]},"executable":"/t/release/shop"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(binary_in(messages, "bin", "shop"), Some(PathBuf::from("/t/release/shop")));
        assert_eq!(binary_in(messages, "bin", "other"), None);
    }

    #[test]
    fn the_files_of_this_workspace_include_this_one() {
        let workspace = Workspace::find().unwrap();
        let files = workspace.files().unwrap();
        assert!(files.iter().any(|path| path == "xtask/src/workspace.rs"));
        assert!(!files.iter().any(|path| path.starts_with("target/")));
    }
}
