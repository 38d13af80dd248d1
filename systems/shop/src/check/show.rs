//! The report as a table, its last line the verdict.

use super::CheckReport;
use std::fmt::{self, Write};

pub(super) fn table(report: &CheckReport) -> String {
    let mut text = String::new();
    let _infallible = write(&mut text, report);
    text
}

fn write(text: &mut String, report: &CheckReport) -> fmt::Result {
    let head = ["file", "bytes", "log", "events", "journal", "records"];
    let [file, bytes, log, events, journal, records] = head;
    writeln!(text, "{file:<14} {bytes:>12} {log:>10} {events:>9} {journal:>9} {records:>9}  found")?;
    for file in &report.files {
        let (name, found) = (&file.file, &file.found);
        let (bytes, log, events) = (file.bytes, file.log_bytes, file.events);
        let (journal, records) = (file.journal_records, file.records);
        writeln!(text, "{name:<14} {bytes:>12} {log:>10} {events:>9} {journal:>9} {records:>9}  {found}")?;
        file.faults.iter().try_for_each(|fault| writeln!(text, "  {fault}"))?;
        file.notes.iter().try_for_each(|note| writeln!(text, "  note: {note}"))?;
    }
    if report.rules.is_empty() {
        writeln!(text, "\nthe files were not compared with each other")?;
    } else {
        writeln!(text, "\n{:<54} {:>9} {:>7}", "rule", "checked", "faults")?;
    }
    for rule in &report.rules {
        writeln!(text, "{:<54} {:>9} {:>7}", rule.rule, rule.checked, rule.faults)?;
        rule.examples.iter().try_for_each(|example| writeln!(text, "  {example}"))?;
    }
    writeln!(
        text,
        "\nthe format has no checksums of its own: a changed value that is still JSON is seen only where others contradict it"
    )?;
    match report.faults() {
        0 => write!(text, "check: ok ({} files, {} orders)", report.files.len(), report.orders),
        1 => write!(text, "check: 1 fault"),
        faults => write!(text, "check: {faults} faults"),
    }
}
