//! The browser the console's tests drive: found, installed where that is ours to do, or plainly not reached.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Run, stage::Outcome, tool};
use crate::{failure::Result, say, workspace::Workspace};

/// Names a Chromium goes by.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// What drives it; of the same version, so it comes from the same place.
const DRIVER: &str = "chromedriver";

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
        Browser::NotReached(why) => Outcome::not_reached("chromium", why, strict),
    }
}

/// The browser named by `PARTITA_CHROMIUM`, or the first on the path that answers; likewise its driver, by
/// `PARTITA_CHROMEDRIVER`.
pub(super) fn find(workspace: &Workspace) -> Browser {
    let Some(chromium) = tool::find(workspace, "PARTITA_CHROMIUM", &NAMES) else {
        return Browser::NotReached(format!("none of {} on the path", NAMES.join(", ")));
    };
    match tool::find(workspace, "PARTITA_CHROMEDRIVER", &[DRIVER]) {
        Some(driver) => Browser::At { chromium, driver },
        None => Browser::NotReached(format!("no {DRIVER} on the path")),
    }
}

fn install(workspace: &Workspace, logs: &Path) -> Result<Browser> {
    match tool::install(workspace, logs, &["chromium", "chromium-driver"])? {
        Some(why) => Ok(Browser::NotReached(why)),
        None => Ok(find(workspace)),
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
}
