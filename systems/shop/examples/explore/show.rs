//! What is printed.

use super::{Hunt, Scenario};
use partita_testkit::explore::{Exploration, Explorer, Fault, Twice};
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
    /// Delays among the explored points.
    late: usize,
    /// Explored points by their faults.
    by_fault: BTreeMap<&'static str, usize>,
    double: Second,
}

/// Second crashes.
#[derive(Serialize)]
struct Second {
    possible: usize,
    points: usize,
    explored: usize,
}

/// One line for scripts.
pub(crate) fn json(scenario: &Scenario, explored: &Exploration) -> String {
    let Exploration { commits, calls, points, explored: reached, sometimes, by_fault, twice, .. } = explored;
    let Twice { possible, points: tried, explored: crashed } = *twice;
    let line = Line {
        scenario: scenario.name,
        commits: *commits,
        calls: *calls,
        points: *points,
        explored: *reached,
        violations: explored.violations(),
        sometimes,
        late: by_fault.get(&Fault::Late).copied().unwrap_or(0),
        by_fault: by_fault.iter().map(|(fault, count)| (fault.name(), *count)).collect(),
        double: Second { possible, points: tried, explored: crashed },
    };
    serde_json::to_string(&line).unwrap_or_default()
}

/// What the figures of [`row`] are.
pub(crate) fn heading() -> String {
    format!(
        "{:<18}{:>8}{:>7}{:>8}{:>10}{:>16}{:>10}{:>12}",
        "scenario", "commits", "calls", "points", "explored", "second crashes", "possible", "violations"
    )
}

/// One row for people, and below it what happened and what did not hold.
pub(crate) fn row(scenario: &Scenario, explored: &Exploration) -> String {
    let Exploration { commits, calls, points, explored: reached, twice, .. } = explored;
    let (name, violations, second, possible) = (scenario.name, explored.violations(), twice.explored, twice.possible);
    let mut text =
        format!("{name:<18}{commits:>8}{calls:>7}{points:>8}{reached:>10}{second:>16}{possible:>10}{violations:>12}\n");
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
    for failure in explored.failures.iter().skip(1).take(20) {
        let _ = write!(text, "\n    {}: {}", failure.schedule, failure.violations.join("; "));
    }
    if let Some(failure) = explored.failures.first() {
        let _ = write!(text, "\n    {} schedules fail; the shortest: {failure}", explored.failures.len());
    }
    text
}

/// The sums.
pub(crate) fn totals(all: &[Exploration], took: Duration) -> String {
    let sum = |figure: fn(&Exploration) -> usize| all.iter().map(figure).sum::<usize>();
    let (points, reached) = (sum(|all| all.points), sum(|all| all.explored));
    let mut text = format!("{} scenarios: {reached} of {points} points explored (", all.len());
    for (place, fault) in Fault::ALL.into_iter().enumerate() {
        let count: usize = all.iter().filter_map(|all| all.by_fault.get(&fault)).sum();
        let _ = write!(text, "{}{} {count}", if place == 0 { "" } else { "; " }, fault.name());
    }
    let (second, tried, possible) =
        (sum(|all| all.twice.explored), sum(|all| all.twice.points), sum(|all| all.twice.possible));
    let _ = write!(
        text,
        "), {second} of {tried} second crashes out of {possible} possible, {} violations, {:.1} s",
        sum(Exploration::violations),
        took.as_secs_f64()
    );
    text
}

/// What became of a planted defect: one line, below it what did not hold; and whether it was caught as it must be.
pub(crate) fn caught(bug: &Hunt, explorer: &Explorer) -> (String, bool) {
    let Some((scenario, failure)) = bug.run(explorer) else { return (format!("{}: missed", bug.name), false) };
    if let Some(other) = bug.otherwise(explorer) {
        return (format!("{}: not caught by one fault alone, but also by {}", bug.name, other.schedule), false);
    }
    let mut text = format!("{}: caught by {}, in {}{}", bug.name, failure.schedule, scenario.name, bug.in_words());
    for violation in &failure.violations {
        let _ = write!(text, "\n    {violation}");
    }
    (text, true)
}
