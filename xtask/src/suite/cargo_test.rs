//! The tests themselves: streamed, and added up from what each test binary says at its end.
//!
//! A test that cannot run here appends one line to the file `PARTITA_SKIPS` names and passes for cargo; here it counts as
//! skipped. In a strict run it counts as failed: nothing may be skipped there.

use std::{fs, path::Path, time::Duration};

use super::{
    Run,
    stage::{Outcome, Tally},
};
use crate::{
    failure::{Failure, Result},
    process::{Ending, Job, Pipe},
    say,
};

const BOUND: Duration = Duration::from_secs(25 * 60);

/// What the lines of `cargo test` come to.
#[derive(Debug, Default)]
struct Heard {
    tally: Tally,
    failures: Vec<String>,
}

impl Run<'_> {
    pub(super) fn tests(&self) -> Result<Outcome> {
        let target = &self.metadata.target_directory;
        let skips = target.join(format!("partita-skips-{}.txt", std::process::id()));
        fs::create_dir_all(target).map_err(Failure::of(target.display()))?;
        fs::write(&skips, "").map_err(Failure::of(skips.display()))?;
        let mut heard = Heard::default();
        let ending = self.cargo_test(&skips)?.run_lines(&mut |pipe, line| {
            match pipe {
                Pipe::Out => say::out(format_args!("{line}")),
                Pipe::Err => say::err(format_args!("{line}")),
            }
            heard.line(line);
        })?;
        let skipped = fs::read_to_string(&skips).map_err(Failure::of(skips.display()))?;
        fs::remove_file(&skips).map_err(Failure::of(skips.display()))?;
        let skipped = skipped.lines().map(str::trim).filter(|line| !line.is_empty());
        Ok(heard.end(ending, skipped.map(str::to_owned).collect(), self.strict))
    }

    fn cargo_test(&self, skips: &Path) -> Result<Job> {
        let mut command = self.workspace.cargo(["test", "--workspace", "--no-fail-fast"]);
        command.env("PARTITA_SKIPS", skips);
        self.browser.tell(&mut command);
        self.fuzzer.tell(&mut command);
        self.wall_clock.tell(&mut command);
        if self.strict {
            command.env("PARTITA_STRICT", "1");
        }
        Ok(Job::new("cargo test", command, BOUND))
    }
}

impl Heard {
    fn line(&mut self, line: &str) {
        if let Some(tally) = result(line) {
            self.tally += tally;
        }
        if let Some(name) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            self.failures.push(name.to_owned());
        }
    }

    fn end(mut self, ending: Ending, skips: Vec<String>, strict: bool) -> Outcome {
        let count = u64::try_from(skips.len()).unwrap_or(u64::MAX);
        self.tally.passed = self.tally.passed.saturating_sub(count);
        let mut outcome = Outcome { tally: self.tally, failures: self.failures, skips: Vec::new() };
        if strict {
            for skip in skips {
                outcome.fail(format!("skipped in a strict run: {skip}"));
            }
        } else {
            outcome.tally.skipped += count;
            outcome.skips = skips;
        }
        let none = self.tally.passed + self.tally.failed == 0;
        if !ending.good() && (self.tally.failed == 0 || matches!(ending, Ending::OutOfTime(_))) {
            outcome.fail(format!("cargo test: {}", ending.words()));
        } else if ending.good() && none && count == 0 {
            outcome.fail("cargo test: not one test ran");
        }
        outcome
    }
}

/// The numbers of `test result: ok. 3 passed; 0 failed; 1 ignored; ...`.
fn result(line: &str) -> Option<Tally> {
    let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let number = |word: &str| numbers.split(';').find_map(|part| part.trim().strip_suffix(word)?.trim().parse().ok());
    Some(Tally { passed: number("passed")?, failed: number("failed")?, skipped: number("ignored")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";
    const BAD: &str =
        "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s";

    fn heard(lines: &[&str]) -> Heard {
        let mut heard = Heard::default();
        lines.iter().for_each(|line| heard.line(line));
        heard
    }

    fn tally(passed: u64, failed: u64, skipped: u64) -> Tally {
        Tally { passed, failed, skipped }
    }

    #[test]
    fn results_of_all_binaries_add_up() {
        let lines = ["running 3 tests", GOOD, "test a::b ... FAILED", BAD, "  test result: ok. 9 passed"];
        let outcome = heard(&lines).end(Ending::Exited(101), Vec::new(), false);
        assert_eq!(outcome.tally, tally(5, 1, 1));
        assert_eq!(outcome.failures, ["a::b"]);
    }

    #[test]
    fn a_test_that_skips_itself_is_skipped_and_at_strict_failed() {
        let skips = || vec!["console at 390 px: no browser".to_owned()];
        let outcome = heard(&[GOOD]).end(Ending::Exited(0), skips(), false);
        assert_eq!((outcome.tally, outcome.skips.len()), (tally(2, 0, 2), 1));
        let outcome = heard(&[GOOD]).end(Ending::Exited(0), skips(), true);
        assert_eq!((outcome.tally, outcome.failures.len()), (tally(2, 1, 1), 1));
    }

    #[test]
    fn a_run_that_fails_without_a_failed_test_is_a_failure() {
        let outcome = heard(&[GOOD]).end(Ending::Exited(101), Vec::new(), false);
        assert_eq!(outcome.tally, tally(3, 1, 1));
    }

    #[test]
    fn a_run_over_its_bound_is_a_failure_beside_the_others() {
        let outcome = heard(&[BAD]).end(Ending::OutOfTime(BOUND), Vec::new(), false);
        assert_eq!(outcome.tally, tally(2, 2, 0));
    }

    #[test]
    fn a_run_without_any_test_is_a_failure() {
        let outcome = heard(&[]).end(Ending::Exited(0), Vec::new(), false);
        assert_eq!(outcome.tally, tally(0, 1, 0));
    }
}
