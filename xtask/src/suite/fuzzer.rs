//! The fuzzer that asks the shop what its description allows: installed in the build folder, or plainly not reached.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{Run, stage::Outcome, tool};
use crate::{
    failure::{Failure, Result},
    say,
    workspace::Workspace,
};

/// The versions of it and of all that it needs.
const VERSIONS: &str = "systems/shop/tests/fuzz/requirements.txt";

/// The whole installation takes no longer.
const INSTALL: Duration = Duration::from_secs(300);

/// What is there says its version in this time.
const ANSWER: Duration = Duration::from_secs(60);

/// Where the fuzzer is, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fuzzer {
    At(PathBuf),
    NotReached(String),
}

impl Fuzzer {
    /// Tells tests where it is.
    pub(super) fn tell(&self, command: &mut Command) {
        if let Self::At(path) = self {
            command.env("PARTITA_SCHEMATHESIS", path);
        }
    }
}

impl Run<'_> {
    /// The one named by `PARTITA_SCHEMATHESIS`, or one installed before with the same versions.
    pub(super) fn installed_fuzzer(&self) -> Result<Fuzzer> {
        let place = Place::new(self)?;
        let there = env::var_os("PARTITA_SCHEMATHESIS").map(PathBuf::from).or_else(|| place.installed(self.workspace));
        Ok(there.map_or_else(|| Fuzzer::NotReached("not installed".to_owned()), Fuzzer::At))
    }

    pub(super) fn look_for_fuzzer(&mut self) -> Result<Outcome> {
        if matches!(self.fuzzer, Fuzzer::NotReached(_)) {
            self.fuzzer = Place::new(self)?.install(self.workspace)?;
        }
        match &self.fuzzer {
            Fuzzer::At(path) => say::out(format_args!("schemathesis: {}", path.display())),
            Fuzzer::NotReached(why) => say::out(format_args!("schemathesis: not reached ({why})")),
        }
        Ok(outcome(&self.fuzzer, self.strict))
    }
}

fn outcome(fuzzer: &Fuzzer, strict: bool) -> Outcome {
    match fuzzer {
        Fuzzer::At(_) => Outcome::passed(),
        Fuzzer::NotReached(why) => Outcome::not_reached("schemathesis", why, strict),
    }
}

/// Where it is installed, and which versions.
struct Place {
    folder: PathBuf,
    versions: PathBuf,
    wanted: String,
}

impl Place {
    fn new(run: &Run<'_>) -> Result<Self> {
        let versions = run.workspace.root().join(VERSIONS);
        let wanted = fs::read_to_string(&versions).map_err(Failure::of(versions.display()))?;
        Ok(Self { folder: run.metadata.target_directory.join("partita-fuzzer"), versions, wanted })
    }

    fn fuzzer(&self) -> PathBuf {
        self.folder.join("bin/st")
    }

    /// Says which versions are there; written last.
    fn mark(&self) -> PathBuf {
        self.folder.join("installed.txt")
    }

    fn installed(&self, workspace: &Workspace) -> Option<PathBuf> {
        let same = fs::read_to_string(self.mark()).is_ok_and(|there| there == self.wanted);
        Some(self.fuzzer()).filter(|fuzzer| same && tool::answers(workspace, fuzzer, ANSWER))
    }

    fn install(&self, workspace: &Workspace) -> Result<Fuzzer> {
        let Some(python) = tool::on_path("python3") else {
            return Ok(Fuzzer::NotReached("no python3 on the path".to_owned()));
        };
        let log = self.folder.with_extension("log");
        say::out(format_args!("installing schemathesis, log in {}", log.display()));
        if let Some(why) = self.run_pip(workspace, &python, &log)? {
            return Ok(Fuzzer::NotReached(format!("{why}; {} says more", log.display())));
        }
        fs::write(self.mark(), &self.wanted).map_err(Failure::of(self.mark().display()))?;
        Ok(Fuzzer::At(self.fuzzer()))
    }

    /// Why the installation failed; nothing when it did not. pip asks the registry that this machine has set.
    fn run_pip(&self, workspace: &Workspace, python: &Path, log: &Path) -> Result<Option<String>> {
        fs::create_dir_all(&self.folder).map_err(Failure::of(self.folder.display()))?;
        let mut environment = workspace.command(&python.to_string_lossy());
        environment.args(["-m", "venv", "--clear"]).arg(&self.folder);
        let mut pip = workspace.command(&self.folder.join("bin/python").to_string_lossy());
        pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--requirement"]);
        pip.arg(&self.versions);
        let steps = [("python3 -m venv".to_owned(), environment), ("pip install".to_owned(), pip)];
        tool::run_steps(steps, log, INSTALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fuzzer_not_reached_is_a_skip_and_at_strict_a_failure() {
        let fuzzer = Fuzzer::NotReached("no python3 on the path".to_owned());
        assert_eq!(outcome(&fuzzer, false).tally.skipped, 1);
        assert_eq!(outcome(&fuzzer, true).tally.failed, 1);
        assert_eq!(outcome(&Fuzzer::At("st".into()), true).tally.passed, 1);
    }

    #[test]
    fn every_version_is_pinned() {
        let versions = fs::read_to_string(Workspace::find().unwrap().root().join(VERSIONS)).unwrap();
        assert!(versions.lines().any(|line| line.starts_with("schemathesis==")));
        assert!(versions.lines().all(|line| line.contains("==")), "{versions}");
    }
}
