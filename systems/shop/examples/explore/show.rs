//! What is printed.

use super::Scenario;
use partita_testkit::explore::Exploration;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// One line for scripts; members are only ever added.
#[derive(Serialize)]
struct Line<'a> {
    scenario: &'a str,
    commits: usize,
    calls: usize,
    points: usize,
    explored: usize,
    violations: usize,
    sometimes: &'a BTreeMap<&'static str, u64>,
    /// Calls that were delivered late.
    late: usize,
}

/// One line for scripts.
pub(crate) fn json(scenario: &Scenario, explored: &Exploration) -> String {
    let Exploration { commits, calls, points, explored: reached, late, sometimes, .. } = explored;
    let line = Line {
        scenario: scenario.name,
        commits: *commits,
        calls: *calls,
        points: *points,
        explored: *reached,
        violations: explored.violations(),
        sometimes,
        late: *late,
    };
    serde_json::to_string(&line).unwrap_or_default()
}

/// What the figures of [`row`] are.
pub(crate) fn heading() -> String {
    format!(
        "{:<18}{:>8}{:>7}{:>8}{:>10}{:>6}{:>12}",
        "scenario", "commits", "calls", "points", "explored", "late", "violations"
    )
}

/// One row for people, and below it what happened and what did not hold.
pub(crate) fn row(scenario: &Scenario, explored: &Exploration) -> String {
    let Exploration { commits, calls, points, explored: reached, late, .. } = explored;
    let violations = explored.violations();
    let name = scenario.name;
    let mut text = format!("{name:<18}{commits:>8}{calls:>7}{points:>8}{reached:>10}{late:>6}{violations:>12}\n");
    let counters: Vec<String> =
        explored.sometimes.iter().map(|(counter, count)| format!("{counter} {count}")).collect();
    let _ = write!(text, "    {}", counters.join(", "));
    let _ = write!(text, "{}", faults(explored));
    text
}

/// What was not good.
pub(crate) fn faults(explored: &Exploration) -> String {
    let mut text = String::new();
    for counter in explored.never() {
        let _ = write!(text, "\n    `{counter}` never happened");
    }
    if let Some(failure) = explored.failures.first() {
        let _ = write!(text, "\n    {} schedules fail; the shortest: {failure}", explored.failures.len());
    }
    text
}

/// The sums.
pub(crate) fn totals(all: &[Exploration], took: Duration) -> String {
    let sum = |figure: fn(&Exploration) -> usize| all.iter().map(figure).sum::<usize>();
    let (points, reached, late) = (sum(|all| all.points), sum(|all| all.explored), sum(|all| all.late));
    format!(
        "{} scenarios: {reached} of {points} crash points explored, {late} late deliveries, {} violations, {:.1} s",
        all.len(),
        sum(Exploration::violations),
        took.as_secs_f64()
    )
}
