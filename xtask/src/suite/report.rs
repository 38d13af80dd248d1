//! What stands at the end of a run: times, failures, skips, and the last line.

use std::{fmt, time::Duration};

use super::{
    browser::Browser,
    stage::{Outcome, Stage, Tally},
};
use crate::say;

/// The stages that ran.
#[derive(Debug, Default)]
pub(super) struct Report {
    rows: Vec<(Stage, Duration, Outcome)>,
}

impl Report {
    pub(super) fn add(&mut self, stage: Stage, time: Duration, outcome: Outcome) {
        self.rows.push((stage, time, outcome));
    }

    pub(super) fn total(&self) -> Tally {
        let mut total = Tally::default();
        for (_, _, outcome) in &self.rows {
            total += outcome.tally;
        }
        total
    }

    /// Prints all of it; the last line is `N passed, N failed, N skipped`.
    pub(super) fn print(&self, browser: &Browser) {
        say::out(format_args!("\n{self}"));
        say::out(format_args!("sqlite: embedded; browser: {browser}"));
        let Tally { passed, failed, skipped } = self.total();
        say::out(format_args!("{passed} passed, {failed} failed, {skipped} skipped"));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{:<8} {:>9} {:>7} {:>7} {:>7}", "stage", "time", "passed", "failed", "skipped")?;
        for (stage, time, outcome) in &self.rows {
            row(out, &stage.name(), *time, outcome.tally)?;
        }
        let time = self.rows.iter().map(|(_, time, _)| *time).sum();
        row(out, "total", time, self.total())?;
        for (stage, _, outcome) in &self.rows {
            for skip in &outcome.skips {
                writeln!(out, "skipped: {}: {skip}", stage.name())?;
            }
        }
        for (stage, _, outcome) in &self.rows {
            for failure in &outcome.failures {
                writeln!(out, "failed: {}: {failure}", stage.name())?;
            }
        }
        Ok(())
    }
}

fn row(out: &mut fmt::Formatter<'_>, name: &str, time: Duration, tally: Tally) -> fmt::Result {
    let seconds = format!("{:.1} s", time.as_secs_f64());
    let Tally { passed, failed, skipped } = tally;
    writeln!(out, "{name:<8} {seconds:>9} {passed:>7} {failed:>7} {skipped:>7}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_row_a_stage_and_names_failures() {
        let mut report = Report::default();
        report.add(Stage::Fmt, Duration::from_millis(1_250), Outcome::passed());
        report.add(Stage::Clippy, Duration::from_secs(61), Outcome::failed("exit code 101"));
        report.add(Stage::Browser, Duration::ZERO, Outcome::skipped("not root"));
        let text = "\
stage         time  passed  failed skipped
fmt          1.2 s       1       0       0
clippy      61.0 s       0       1       0
browser      0.0 s       0       0       1
total       62.2 s       1       1       1
skipped: browser: not root
failed: clippy: exit code 101
";
        assert_eq!(report.to_string(), text);
    }
}
