//! The crash explorer as a stage: each scenario and each seeded bug counts as one.

use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};

use super::{Run, stage::Outcome};
use crate::{
    cli::Explore,
    failure::Result,
    process::{Ending, Job, Pipe},
    release, say,
};

const BOUND: Duration = Duration::from_secs(20 * 60);

/// Second crashes at so many points of each scenario; all of them are `cargo xtask explore --double`.
const SECOND_CRASHES: usize = 40;

/// What the explorer says of one scenario, as JSON on one line.
#[derive(Debug, Deserialize)]
struct Scenario {
    scenario: String,
    commits: u64,
    calls: u64,
    points: u64,
    explored: u64,
    /// A number, or a list.
    violations: Value,
    sometimes: BTreeMap<String, u64>,
    double: Second,
}

/// What it says of second crashes.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Second {
    possible: u64,
    points: u64,
    explored: u64,
}

impl Run<'_> {
    pub(super) fn explore(&self) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        self.explorer(false, &mut outcome, scenario)?;
        self.explorer(true, &mut outcome, seeded_bug)?;
        Ok(outcome)
    }

    fn explorer(
        &self,
        seeded_bugs: bool,
        outcome: &mut Outcome,
        count: fn(&str, &mut Outcome) -> Option<String>,
    ) -> Result<()> {
        let sample = (!seeded_bugs).then_some(SECOND_CRASHES);
        let args = Explore { scenario: None, json: !seeded_bugs, seeded_bugs, double: sample.is_some(), sample };
        let name = if seeded_bugs { "explore --seeded-bugs" } else { "explore" };
        let job = Job::new(name, release::explorer(self.workspace, &args)?, BOUND);
        let mut part = Outcome::default();
        let ending = job.run_lines(&mut |pipe, line| match pipe {
            Pipe::Out => {
                let counted = count(line, &mut part);
                say::out(format_args!("{}", counted.as_deref().unwrap_or(line)));
            }
            Pipe::Err => say::err(format_args!("{line}")),
        })?;
        close(name, ending, &mut part);
        outcome.tally += part.tally;
        outcome.failures.append(&mut part.failures);
        Ok(())
    }
}

/// Nothing counted, or an exit code that no counted failure explains, is a failure of its own.
fn close(name: &str, ending: Ending, part: &mut Outcome) {
    if !ending.good() && (part.tally.failed == 0 || matches!(ending, Ending::OutOfTime(_))) {
        part.fail(format!("{name}: {}", ending.words()));
    } else if part.tally.passed + part.tally.failed == 0 {
        part.fail(format!("{name}: it reported nothing"));
    }
}

/// Counts a scenario and says it in words; nothing when the line is none.
fn scenario(line: &str, part: &mut Outcome) -> Option<String> {
    let scenario: Scenario = serde_json::from_str(line).ok()?;
    let wrong = scenario.wrong();
    let Scenario { scenario: name, commits, calls, points, explored, double, .. } = scenario;
    let Second { possible, explored: second, .. } = double;
    match wrong {
        None => part.tally.passed += 1,
        Some(why) => part.fail(format!("{name}: {why}")),
    }
    let all = format!("{name}: {commits} commits, {calls} calls, {explored} of {points} points explored");
    Some(format!("{all}, {second} of {possible} second crashes"))
}

impl Scenario {
    fn wrong(&self) -> Option<String> {
        let violated = !matches!(&self.violations, Value::Number(number) if number.as_u64() == Some(0))
            && !matches!(&self.violations, Value::Array(list) if list.is_empty());
        let zeros: Vec<_> = self.sometimes.iter().filter(|(_, count)| **count == 0).collect();
        if violated {
            return Some(format!("violations: {}", self.violations));
        }
        if self.explored < self.points || self.points == 0 {
            return Some(format!("explored {} of {} points", self.explored, self.points));
        }
        let Second { points, explored, .. } = self.double;
        if explored < points {
            return Some(format!("explored {explored} of {points} second crashes"));
        }
        let (counter, _) = zeros.first()?;
        Some(format!("`{counter}` never happened"))
    }
}

/// Counts a line `<bug>: caught <schedule>`; an indented line belongs to the one before and counts nothing.
fn seeded_bug(line: &str, part: &mut Outcome) -> Option<String> {
    if line.trim().is_empty() || line.starts_with(char::is_whitespace) {
        return None;
    }
    let caught = line.contains("caught") && !line.contains("not caught") && !line.contains("missed");
    if caught {
        part.tally.passed += 1;
    } else {
        part.fail(line);
    }
    Some(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(points: u64, explored: u64, violations: &str, lost: u64) -> Option<String> {
        wrong_twice(points, explored, violations, (lost, 4))
    }

    fn wrong_twice(points: u64, explored: u64, violations: &str, (lost, second): (u64, u64)) -> Option<String> {
        let line = format!(
            r#"{{"scenario":"declined","commits":9,"calls":4,"points":{points},"explored":{explored},"violations":{violations},"sometimes":{{"undo":3,"lost":{lost}}},"double":{{"possible":9,"points":4,"explored":{second}}}}}"#
        );
        let mut part = Outcome::default();
        assert!(scenario(&line, &mut part).is_some());
        assert_eq!(part.tally.passed + part.tally.failed, 1);
        part.failures.pop()
    }

    #[test]
    fn a_scenario_that_held_passes() {
        assert_eq!(wrong(26, 26, "0", 1), None);
        assert_eq!(wrong(26, 26, "[]", 1), None);
    }

    #[test]
    fn a_violation_an_unexplored_point_and_a_zero_counter_fail() {
        for (points, explored, violations, lost) in
            [(26, 26, "1", 1), (26, 26, "[\"SG2\"]", 1), (26, 25, "0", 1), (0, 0, "0", 1), (26, 26, "0", 0)]
        {
            assert!(wrong(points, explored, violations, lost).is_some());
        }
    }

    #[test]
    fn a_second_crash_that_was_not_reached_fails() {
        assert_eq!(wrong_twice(26, 26, "0", (1, 4)), None);
        assert!(wrong_twice(26, 26, "0", (1, 3)).is_some());
    }

    #[test]
    fn other_lines_are_no_scenarios() {
        assert!(scenario("exploring ...", &mut Outcome::default()).is_none());
    }

    #[test]
    fn a_missed_bug_fails() {
        let mut part = Outcome::default();
        seeded_bug("new key per attempt: caught by: error not applied at commit 7", &mut part);
        seeded_bug("    then restart", &mut part);
        seeded_bug("undo skipped: missed", &mut part);
        seeded_bug("undo skipped: not caught", &mut part);
        assert_eq!((part.tally.passed, part.tally.failed), (1, 2));
    }

    #[test]
    fn silence_and_an_unexplained_exit_code_fail() {
        let mut part = Outcome::default();
        close("explore", Ending::Exited(0), &mut part);
        assert_eq!(part.tally.failed, 1);
        let mut part = Outcome::passed();
        close("explore", Ending::Exited(1), &mut part);
        assert_eq!(part.tally.failed, 1);
    }
}
