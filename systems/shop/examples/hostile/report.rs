//! What became of everybody.

use super::attacks::Seen;
use super::crowd::Noted;
use super::gauge::Peak;
use std::fmt;
use std::time::Duration;

/// One attack.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    name: &'static str,
    seen: Seen,
    pub(crate) others: Noted,
    pub(crate) peak: Peak,
}

/// All attacks, and what was left after them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) rows: Vec<Row>,
    orders: usize,
    wrong: Vec<String>,
}

impl Row {
    pub(crate) fn new((name, right): (&'static str, &[&str]), mut seen: Seen, others: Noted, peak: Peak) -> Self {
        let surprising = seen.counts.iter().filter(|(what, _)| !right.contains(&what.as_str()));
        let surprising: Vec<_> = surprising.map(|(what, count)| format!("{count} x {what}")).collect();
        seen.wrong.extend(surprising);
        Self { name, seen, others, peak }
    }
}

impl Report {
    /// The first lines of the table.
    pub(crate) fn heading() -> String {
        let groups =
            format!("{:<24} {:^31} {:^17} {:>6}  {:>7} {:>6}", "", "others' orders, ms", "probes, ms", "", "", "");
        let names = ["orders", "p50", "p99", "max"].map(|name| format!("{name:>7}")).concat();
        let probes = ["p99", "max"].map(|name| format!("{name:>8}")).concat();
        format!(
            "{groups}\n{:<24} {names:<31} {probes:<17} {:>6}  {:>7} {:>6}  came back",
            "attack", "again", "RSS MiB", "files"
        )
    }

    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Ends with the orders that were read again.
    pub(crate) fn end(&mut self, (orders, wrong): (usize, Vec<String>)) {
        (self.orders, self.wrong) = (orders, wrong);
    }

    /// Everything that was not as it must be.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let named = |row: &Row, what: &String| format!("{}: {what}", row.name);
        let lost = self.rows.iter().flat_map(|row| row.others.lost.iter().map(|what| named(row, what)));
        let seen = self.rows.iter().flat_map(|row| row.seen.wrong.iter().map(|what| named(row, what)));
        lost.chain(seen).chain(self.wrong.iter().cloned()).collect()
    }

    /// Whether the others lost nothing, and every answer was one that may be given.
    pub(crate) fn is_good(&self) -> bool {
        self.wrong().is_empty() && self.orders > 0
    }
}

fn millis(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1_000.0)
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Noted { orders, probes, again, .. } = &self.others;
        write!(f, "{:<24} {:>7}", self.name, orders.count())?;
        [50, 99, 100].iter().try_for_each(|percent| write!(f, "{:>8}", millis(orders.at(*percent))))?;
        [99, 100].iter().try_for_each(|percent| write!(f, "{:>9}", millis(probes.at(*percent))))?;
        write!(f, " {again:>6}  {:>7} {:>6} ", self.peak.resident_mib, self.peak.files)?;
        self.seen.counts.iter().try_for_each(|(what, count)| write!(f, " {count} x {what}"))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lost: usize = self.rows.iter().map(|row| row.others.lost.len()).sum();
        write!(f, "{} orders of others read again at the end; {lost} requests lost", self.orders)?;
        self.wrong().iter().take(20).try_for_each(|what| write!(f, "\n  wrong: {what}"))
    }
}
