//! A row of the report, as JSON and as a table.

use serde::{Deserialize, Serialize};

/// What was measured. The first ten members are a promise; further ones may be added behind them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Row {
    /// `engine/256`.
    pub(crate) name: String,
    /// Operations (sagas, events, orders) ended a second.
    pub(crate) rate_per_s: f64,
    /// Half of the operations took less, in microseconds.
    pub(crate) p50_us: Option<f64>,
    /// 99 of 100 took less.
    pub(crate) p99_us: Option<f64>,
    /// What stands beside it.
    pub(crate) limit: String,
    /// The same operations a second, by the limit.
    pub(crate) limit_per_s: f64,
    /// `rate_per_s` of `limit_per_s`.
    pub(crate) ratio: f64,
    /// Flushes of the disk per operation.
    pub(crate) flushes_per_op: Option<f64>,
    /// Time of the writer's thread per operation, its waits for the disk included.
    pub(crate) writer_us_per_op: Option<f64>,
    /// Resident memory at the end, in MiB.
    pub(crate) rss_mb: Option<f64>,
    /// Operations measured.
    pub(crate) operations: u64,
    /// Half of the limit's operations took less; only where there is one caller.
    pub(crate) limit_p50_us: Option<f64>,
    /// `p50_us` in terms of `limit_p50_us`.
    pub(crate) p50_ratio: Option<f64>,
    /// Logical commits per operation.
    pub(crate) commits_per_op: Option<f64>,
    /// Logical commits that shared a flush.
    pub(crate) commits_per_flush: Option<f64>,
    /// CPU time of the whole process per operation: its clients, too, unless they are a process of their own.
    pub(crate) cpu_us_per_op: Option<f64>,
    /// CPU time of the threads that write, per operation.
    pub(crate) writer_cpu_us_per_op: Option<f64>,
    /// CPU time of the clients' process per operation.
    pub(crate) driver_cpu_us_per_op: Option<f64>,
    /// KiB written to write-ahead logs per operation.
    pub(crate) wal_kib_per_op: Option<f64>,
    /// Resident memory at most, in MiB.
    pub(crate) rss_peak_mb: Option<f64>,
    /// Share of all cores' time that the host of a virtual machine took meanwhile: steal, 0 to 1.
    pub(crate) host_took: Option<f64>,
    /// What bounds it, judged by these figures.
    pub(crate) bound: String,
    /// What else there is to know.
    pub(crate) notes: Vec<String>,
}

/// Where a second goes, for the judgement of what bounds a row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    /// Cores that the process (with its clients) kept busy.
    pub(crate) cores_busy: f64,
    /// Share of the time in which the writer was at work or waited for the disk.
    pub(crate) writer: f64,
    /// Cores that the writers kept busy.
    pub(crate) writer_cores: f64,
    /// Cores of the machine.
    pub(crate) cores: f64,
}

impl Spent {
    /// In words.
    pub(crate) fn bound(self) -> String {
        let Self { cores_busy, writer, writer_cores, cores } = self;
        if cores_busy >= 0.75 * cores {
            return format!("CPU: {cores_busy:.1} of {cores:.0} cores busy, {writer_cores:.1} of them writing");
        }
        if writer >= 0.5 && writer_cores >= 0.6 * writer {
            return format!("CPU of the writer: at work {:.0} % of the time", writer * 100.0);
        }
        if writer >= 0.5 {
            let waits = (writer - writer_cores).max(0.0) * 100.0;
            return format!("the flush: the writer waits {waits:.0} % of the time");
        }
        format!(
            "hand-overs and other programs: {cores_busy:.1} of {cores:.0} cores busy, the writer {:.0} %",
            writer * 100.0
        )
    }
}

/// The rows as a table, then what bounds each.
pub(crate) fn table(rows: &[Row]) -> String {
    let heads = [
        "",
        "per s",
        "p50 us",
        "p99 us",
        "limit/s",
        "ratio",
        "flush/op",
        "commits",
        "merged",
        "writer us",
        "CPU us",
        "WAL KiB",
        "RSS MB",
        "host %",
    ];
    let mut lines: Vec<Vec<String>> = vec![heads.map(ToOwned::to_owned).to_vec()];
    lines.extend(rows.iter().map(cells));
    let widths: Vec<usize> = (0..heads.len())
        .map(|at| lines.iter().filter_map(|line| line.get(at)).map(String::len).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for line in &lines {
        for (at, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let padded = if at == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") };
            text.push_str(&padded);
        }
        text.push('\n');
    }
    for row in rows {
        text.push_str(&format!("\n{}\n  limit: {}\n  bound by {}\n", row.name, row.limit, row.bound));
        if let (Some(ratio), Some(bare)) = (row.p50_ratio, row.limit_p50_us) {
            text.push_str(&format!("  p50 is {ratio:.2} x the limit's {bare:.0} us\n"));
        }
        for note in &row.notes {
            text.push_str(&format!("  {note}\n"));
        }
    }
    text.truncate(text.trim_end().len());
    text
}

fn cells(row: &Row) -> Vec<String> {
    let whole = |number: f64| format!("{number:.0}");
    let maybe = |number: Option<f64>, digits: usize| number.map_or_else(|| "-".to_owned(), |n| format!("{n:.digits$}"));
    vec![
        row.name.clone(),
        whole(row.rate_per_s),
        maybe(row.p50_us, 0),
        maybe(row.p99_us, 0),
        whole(row.limit_per_s),
        format!("{:.2}", row.ratio),
        maybe(row.flushes_per_op, 3),
        maybe(row.commits_per_op, 1),
        maybe(row.commits_per_flush, 1),
        maybe(row.writer_us_per_op, 1),
        maybe(row.cpu_us_per_op, 1),
        maybe(row.wal_kib_per_op, 2),
        maybe(row.rss_mb, 0),
        maybe(row.host_took.map(|share| share * 100.0), 0),
    ]
}

/// To so many digits behind the point, so that the JSON stays readable.
pub(crate) fn rounded(number: f64, digits: i32) -> f64 {
    let parts = 10_f64.powi(digits);
    (number * parts).round() / parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_promised_members_come_first_and_in_order() {
        let json = serde_json::to_string(&Row::default()).unwrap();
        let promised = r#"{"name":"","rate_per_s":0.0,"p50_us":null,"p99_us":null,"limit":"","limit_per_s":0.0,"ratio":0.0,"flushes_per_op":null,"writer_us_per_op":null,"rss_mb":null,"#;
        assert!(json.starts_with(promised), "{json}");
    }

    #[test]
    fn columns_are_aligned_and_what_has_no_meaning_is_a_dash() {
        let rows = [
            Row { name: "a/1".to_owned(), rate_per_s: 12.0, ..Row::default() },
            Row { name: "longer/256".to_owned(), rate_per_s: 123_456.0, p50_us: Some(7.0), ..Row::default() },
        ];
        let text = table(&rows);
        let widths: Vec<usize> = text.lines().take(3).map(str::len).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
        assert!(text.lines().nth(1).unwrap().contains(" - "));
    }

    #[test]
    fn the_judgement_follows_the_figures() {
        let spent = Spent { cores_busy: 1.8, writer: 0.9, writer_cores: 0.7, cores: 2.0 };
        assert!(spent.bound().starts_with("CPU"));
        assert!(Spent { cores_busy: 0.5, writer: 0.8, writer_cores: 0.1, ..spent }.bound().starts_with("the flush"));
        assert!(Spent { cores_busy: 1.2, ..spent }.bound().starts_with("CPU of the writer"));
        assert!(Spent { cores_busy: 0.5, writer: 0.2, ..spent }.bound().starts_with("hand-overs"));
    }
}
