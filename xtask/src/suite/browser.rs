//! The browser the console's tests drive: found, installed where that is ours to do, or plainly not reached.

use std::{
    env, fmt,
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{Run, stage::Outcome};
use crate::{
    failure::{Failure, Result},
    process::Job,
    say,
    stopwatch::Stopwatch,
    workspace::Workspace,
};

/// Names a Chromium goes by.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// What drives it; of the same version, so it comes from the same place.
const DRIVER: &str = "chromedriver";

/// The whole installation takes no longer.
const INSTALL: Duration = Duration::from_secs(600);

/// A browser that is there says its version in this time.
const ANSWER: Duration = Duration::from_secs(30);

/// Lines of the installation's log shown when it fails.
const SHOWN: usize = 40;

/// Where the browser and its driver are, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Browser {
    At { chromium: PathBuf, driver: PathBuf },
    NotReached(String),
}

impl fmt::Display for Browser {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At { chromium, .. } => write!(out, "chromium at {}", chromium.display()),
            Self::NotReached(_) => out.write_str("not reached"),
        }
    }
}

impl Browser {
    /// Tells tests where it is.
    pub(super) fn tell(&self, command: &mut Command) {
        if let Self::At { chromium, driver } = self {
            command.env("PARTITA_CHROMIUM", chromium).env("PARTITA_CHROMEDRIVER", driver);
        }
    }
}

impl Run<'_> {
    pub(super) fn look_for_browser(&mut self) -> Result<Outcome> {
        if matches!(self.browser, Browser::NotReached(_)) {
            self.browser = install(self.workspace, &self.metadata.target_directory)?;
        }
        let outcome = outcome(&self.browser, self.strict);
        match &self.browser {
            Browser::At { chromium, driver } => {
                say::out(format_args!("chromium: {}, driven by {}", chromium.display(), driver.display()));
            }
            Browser::NotReached(why) => say::out(format_args!("chromium: not reached ({why})")),
        }
        Ok(outcome)
    }
}

fn outcome(browser: &Browser, strict: bool) -> Outcome {
    match browser {
        Browser::At { .. } => Outcome::passed(),
        Browser::NotReached(why) if strict => Outcome::failed(format!("chromium: not reached ({why})")),
        Browser::NotReached(why) => Outcome::skipped(format!("chromium: not reached ({why})")),
    }
}

/// The browser named by `PARTITA_CHROMIUM`, or the first on the path that answers; likewise its driver, by
/// `PARTITA_CHROMEDRIVER`.
pub(super) fn find(workspace: &Workspace) -> Browser {
    let search = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&search).collect::<Vec<_>>();
    let first = |variable: &str, names: &[&str]| {
        let named = env::var_os(variable).map(PathBuf::from);
        named.into_iter().chain(candidates(&folders, names)).find(|path| answers(workspace, path))
    };
    let Some(chromium) = first("PARTITA_CHROMIUM", &NAMES) else {
        return Browser::NotReached(format!("none of {} on the path", NAMES.join(", ")));
    };
    match first("PARTITA_CHROMEDRIVER", &[DRIVER]) {
        Some(driver) => Browser::At { chromium, driver },
        None => Browser::NotReached(format!("no {DRIVER} on the path")),
    }
}

fn candidates(folders: &[PathBuf], names: &[&str]) -> Vec<PathBuf> {
    let named = |name: &&str| folders.iter().map(|folder| folder.join(name)).collect::<Vec<_>>();
    let runs = |path: &PathBuf| {
        let file = fs::metadata(path).ok().filter(fs::Metadata::is_file);
        file.is_some_and(|file| file.permissions().mode() & 0o111 != 0)
    };
    names.iter().flat_map(named).filter(runs).collect()
}

/// Some systems have a stand-in of that name that only tells where to get the real one.
fn answers(workspace: &Workspace, path: &Path) -> bool {
    let mut command = workspace.command(&path.to_string_lossy());
    command.arg("--version");
    let ending = Job::new("--version", command, ANSWER).run_lines(&mut |_, _| {});
    ending.is_ok_and(|ending| ending.good())
}

/// Installs Debian's chromium where we may; says why where we may not or it fails.
fn install(workspace: &Workspace, logs: &Path) -> Result<Browser> {
    let apt = candidates_of("apt-get");
    let root = rustix::process::getuid().is_root();
    let Some(apt) = apt.filter(|_| root) else {
        let why = if root { "no apt-get to install it with" } else { "not root, so it cannot be installed" };
        return Ok(Browser::NotReached(format!("not on the path, and {why}")));
    };
    let log = logs.join("partita-chromium.log");
    fs::create_dir_all(logs).map_err(Failure::of(logs.display()))?;
    say::out(format_args!("installing chromium, log in {}", log.display()));
    if let Some(why) = run_apt(workspace, &apt, &log)? {
        show_end(&log);
        return Ok(Browser::NotReached(why));
    }
    Ok(find(workspace))
}

fn candidates_of(name: &str) -> Option<PathBuf> {
    let search = env::var_os("PATH")?;
    env::split_paths(&search).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Why the installation failed; nothing when it did not.
fn run_apt(workspace: &Workspace, apt: &Path, log: &Path) -> Result<Option<String>> {
    let watch = Stopwatch::start();
    let file = File::create(log).map_err(Failure::of(log.display()))?;
    let install = ["install", "-y", "--no-install-recommends", "chromium", "chromium-driver"];
    for arguments in [&["update"][..], &install] {
        let name = format!("apt-get {}", arguments.join(" "));
        let mut command: Command = workspace.command(&apt.to_string_lossy());
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        let job = Job::new(name.as_str(), command, watch.left(INSTALL));
        let ending = job.run_logged(&file)?;
        if !ending.good() {
            return Ok(Some(format!("{name}: {}", ending.words())));
        }
    }
    Ok(None)
}

fn show_end(log: &Path) {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    for line in lines.iter().skip(lines.len().saturating_sub(SHOWN)) {
        say::out(format_args!("  {line}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_not_reached_is_a_skip_and_at_strict_a_failure() {
        let browser = Browser::NotReached("not root".to_owned());
        assert_eq!(outcome(&browser, false).tally.skipped, 1);
        assert_eq!(outcome(&browser, true).tally.failed, 1);
        assert_eq!(browser.to_string(), "not reached");
    }

    #[test]
    fn only_executables_of_the_right_names_are_candidates() {
        let target = env::current_exe().unwrap();
        let folder = target.with_file_name(format!("browsers-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (name, mode) in [("google-chrome", 0o755), ("chromium", 0o644), ("firefox", 0o755)] {
            fs::write(folder.join(name), "#!/bin/sh\n").unwrap();
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        let found = candidates(std::slice::from_ref(&folder), &NAMES);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found, [folder.join("google-chrome")]);
    }
}
