//! What sets a process's wall clock in tests: Debian's `faketime`, found, installed, or plainly not reached.

use std::{path::PathBuf, process::Command};

use super::{Run, stage::Outcome, tool};
use crate::{failure::Result, say, workspace::Workspace};

/// Names its path, for us and for the tests.
const VARIABLE: &str = "PARTITA_FAKETIME";

const NAME: &str = "faketime";

/// Where it is, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WallClock(std::result::Result<PathBuf, String>);

impl WallClock {
    pub(super) fn find(workspace: &Workspace) -> Self {
        Self(tool::find(workspace, VARIABLE, &[NAME]).ok_or_else(|| format!("no {NAME} on the path")))
    }

    /// Tells tests where it is.
    pub(super) fn tell(&self, command: &mut Command) {
        if let Ok(path) = &self.0 {
            command.env(VARIABLE, path);
        }
    }
}

impl Run<'_> {
    pub(super) fn look_for_wall_clock(&mut self) -> Result<Outcome> {
        if self.wall_clock.0.is_err() {
            let failed = tool::install(self.workspace, &self.metadata.target_directory, &[NAME])?;
            self.wall_clock = failed.map_or_else(|| WallClock::find(self.workspace), |why| WallClock(Err(why)));
        }
        match &self.wall_clock.0 {
            Ok(path) => say::out(format_args!("{NAME}: {}", path.display())),
            Err(why) => say::out(format_args!("{NAME}: not reached ({why})")),
        }
        Ok(outcome(&self.wall_clock, self.strict))
    }
}

fn outcome(clock: &WallClock, strict: bool) -> Outcome {
    match &clock.0 {
        Ok(_) => Outcome::passed(),
        Err(why) => Outcome::not_reached(NAME, why, strict),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_clock_not_reached_is_a_skip_and_at_strict_a_failure() {
        let clock = WallClock(Err("not root".to_owned()));
        assert_eq!(outcome(&clock, false).tally.skipped, 1);
        assert_eq!(outcome(&clock, true).tally.failed, 1);
        assert_eq!(outcome(&WallClock(Ok(NAME.into())), true).tally.passed, 1);
    }
}
