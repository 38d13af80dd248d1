//! A report as a table.

use super::finding::{AuditReport, InvariantReport};
use std::fmt::{self, Write};

/// The table of a report, its last line the verdict.
pub(super) fn table(report: &AuditReport) -> String {
    let mut text = String::new();
    let _infallible = write(&mut text, report);
    text
}

fn write(text: &mut String, report: &AuditReport) -> fmt::Result {
    let orders = report.orders;
    let counts = [
        ("in progress", orders.pending),
        ("confirmed", orders.confirmed),
        ("rejected", orders.rejected),
        ("cancelled", orders.cancelled),
        ("parked", orders.parked),
    ];
    for (name, count) in counts {
        writeln!(text, "{name:<12} {count:>10}")?;
    }
    writeln!(text, "\n{:<12} {:>10} {:>10}  says", "invariant", "checked", "violations")?;
    for invariant in &report.invariants {
        line(text, invariant)?;
    }
    match report.violations() {
        0 => write!(text, "\naudit: ok ({} orders)", orders.all()),
        violations => write!(text, "\naudit: {violations} violations"),
    }
}

fn line(text: &mut String, invariant: &InvariantReport) -> fmt::Result {
    let InvariantReport { id, checked, violations, examples, .. } = invariant;
    writeln!(text, "{id:<12} {checked:>10} {violations:>10}  {}", meaning(id))?;
    for example in examples {
        writeln!(text, "  {example}")?;
    }
    let more = violations.saturating_sub(u64::try_from(examples.len()).unwrap_or(u64::MAX));
    if more > 0 { writeln!(text, "  and {more} more") } else { Ok(()) }
}

fn meaning(id: &str) -> &'static str {
    match id {
        "SG1" => "every order ends, or an operator knows of it",
        "SG2" => "every step is done once, or not at all, as the order ended",
        "EC1" => "stock and points add up, and what was shipped was paid",
        "ACCEPTED" => "everything that was accepted is there and ended",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Finding, Invariant, OrderCounts};
    use super::*;

    #[test]
    fn the_last_line_is_the_verdict() {
        let mut report = AuditReport::new(OrderCounts { confirmed: 3, parked: 1, ..OrderCounts::default() });
        assert!(table(&report).ends_with("\naudit: ok (4 orders)"));
        report.add(Finding::of_order(Invariant::Sg2, "o1", "wrong"));
        assert!(table(&report).contains("\n  order o1: wrong\n"));
        assert!(table(&report).ends_with("\naudit: 1 violations"));
    }

    #[test]
    fn ten_examples_are_shown_and_the_rest_is_counted() {
        let mut report = AuditReport::new(OrderCounts::default());
        (0..13).for_each(|number| report.add(Finding::of_order(Invariant::Ec1, &number.to_string(), "wrong")));
        assert!(table(&report).contains("order 9: wrong\n  and 3 more\n"));
        assert!(table(&report).ends_with("audit: 13 violations"));
    }
}
