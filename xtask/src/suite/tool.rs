//! Tools that tests need beside cargo: found on the path, or installed from Debian where that is ours to do.

use std::{
    env,
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    failure::{Failure, Result},
    process::Job,
    say,
    stopwatch::Stopwatch,
    workspace::Workspace,
};

/// A whole installation takes no longer.
const INSTALL: Duration = Duration::from_secs(600);

/// A tool that is there says its version in this time.
const ANSWER: Duration = Duration::from_secs(30);

/// Lines of the installation's log shown when it fails.
const SHOWN: usize = 40;

/// The tool that a variable names, or the first of these names on the path that answers.
pub(super) fn find(workspace: &Workspace, variable: &str, names: &[&str]) -> Option<PathBuf> {
    let search = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&search).collect::<Vec<_>>();
    let named = env::var_os(variable).map(PathBuf::from);
    named.into_iter().chain(candidates(&folders, names)).find(|path| answers(workspace, path, ANSWER))
}

fn candidates(folders: &[PathBuf], names: &[&str]) -> Vec<PathBuf> {
    let named = |name: &&str| folders.iter().map(|folder| folder.join(name)).collect::<Vec<_>>();
    let runs = |path: &PathBuf| {
        let file = fs::metadata(path).ok().filter(fs::Metadata::is_file);
        file.is_some_and(|file| file.permissions().mode() & 0o111 != 0)
    };
    names.iter().flat_map(named).filter(runs).collect()
}

/// Whether it says its version in time: some systems have a stand-in of that name that only tells where to get the real
/// one.
pub(super) fn answers(workspace: &Workspace, path: &Path, limit: Duration) -> bool {
    let mut command = workspace.command(&path.to_string_lossy());
    command.arg("--version");
    let ending = Job::new("--version", command, limit).run_lines(&mut |_, _| {});
    ending.is_ok_and(|ending| ending.good())
}

/// Installs Debian's packages where we may; says why where we may not or it fails.
pub(super) fn install(workspace: &Workspace, logs: &Path, packages: &[&str]) -> Result<Option<String>> {
    let apt = on_path("apt-get");
    let root = rustix::process::getuid().is_root();
    let Some(apt) = apt.filter(|_| root) else {
        let why = if root { "no apt-get to install it with" } else { "not root, so it cannot be installed" };
        return Ok(Some(format!("not on the path, and {why}")));
    };
    let name = packages.first().copied().unwrap_or_default();
    let log = logs.join(format!("partita-{name}.log"));
    fs::create_dir_all(logs).map_err(Failure::of(logs.display()))?;
    say::out(format_args!("installing {name}, log in {}", log.display()));
    let why = run_apt(workspace, &apt, packages, &log)?;
    if why.is_some() {
        show_end(&log);
    }
    Ok(why)
}

/// The first file of this name on the path.
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let search = env::var_os("PATH")?;
    env::split_paths(&search).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Why the installation failed; nothing when it did not.
fn run_apt(workspace: &Workspace, apt: &Path, packages: &[&str], log: &Path) -> Result<Option<String>> {
    let install = [&["install", "-y", "--no-install-recommends"][..], packages].concat();
    let steps = [&["update"][..], &install].map(|arguments| {
        let mut command: Command = workspace.command(&apt.to_string_lossy());
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        (format!("apt-get {}", arguments.join(" ")), command)
    });
    run_steps(steps, log, INSTALL)
}

/// Runs one named command after another, all of them within `limit`; why one failed, nothing when none did.
pub(super) fn run_steps(
    steps: impl IntoIterator<Item = (String, Command)>,
    log: &Path,
    limit: Duration,
) -> Result<Option<String>> {
    let watch = Stopwatch::start();
    let file = File::create(log).map_err(Failure::of(log.display()))?;
    for (name, command) in steps {
        let ending = Job::new(name.as_str(), command, watch.left(limit)).run_logged(&file)?;
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
    fn only_executables_of_the_right_names_are_candidates() {
        let target = env::current_exe().unwrap();
        let folder = target.with_file_name(format!("browsers-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (name, mode) in [("google-chrome", 0o755), ("chromium", 0o644), ("firefox", 0o755)] {
            fs::write(folder.join(name), "#!/bin/sh\n").unwrap();
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        let found = candidates(std::slice::from_ref(&folder), &["chromium", "google-chrome"]);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found, [folder.join("google-chrome")]);
    }
}
