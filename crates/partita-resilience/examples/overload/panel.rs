//! What one way of calling did, in figures.

use crate::world::{Outcome, SECONDS, SLOW};
use std::fmt::Write;

/// What one way of calling did.
pub(crate) struct Panel {
    pub(crate) title: &'static str,
    pub(crate) outcome: Outcome,
}

impl Panel {
    /// Requests answered in time, out of all, in per cent.
    pub(crate) fn good(&self) -> f64 {
        100.0 * f64::from(self.outcome.answered.iter().sum::<u32>()) / self.requests()
    }

    /// Calls that reached the dependency, a request.
    pub(crate) fn amplification(&self) -> f64 {
        f64::from(self.outcome.calls.iter().sum::<u32>()) / self.requests()
    }

    /// The 99th percentile of answers' waits, in milliseconds.
    pub(crate) fn p99(&self) -> u32 {
        let mut waits = self.outcome.waits.concat();
        waits.sort_unstable();
        percentile(&waits, 99).unwrap_or(0)
    }

    /// The same of the answers asked for in each second; None where nobody was answered.
    pub(crate) fn waits(&self, percent: usize) -> impl Iterator<Item = Option<f64>> {
        self.outcome.waits.iter().map(move |waits| percentile(waits, percent).map(f64::from))
    }

    /// Calls that reached the dependency in each second, a request asked for in it.
    pub(crate) fn amplifications(&self) -> impl Iterator<Item = Option<f64>> {
        let asked = self.outcome.asked.iter();
        asked.zip(&self.outcome.calls).map(|(asked, calls)| (*asked > 0).then(|| f64::from(*calls) / f64::from(*asked)))
    }

    /// Requests answered in time, by the second in which they were asked for.
    pub(crate) fn answers(&self) -> impl Iterator<Item = Option<f64>> {
        self.outcome.answered.iter().map(|answered| Some(f64::from(*answered)))
    }

    /// Seconds after the dependency was quick again until nine of ten requests are answered for good.
    pub(crate) fn recovery(&self) -> Option<usize> {
        let from = usize::try_from(SLOW.end).unwrap_or(0);
        let bad = |second: &usize| {
            let (asked, answered) = (self.outcome.asked[*second], self.outcome.answered[*second]);
            answered * 10 < asked * 9
        };
        let last = (from..SECONDS - 1).rev().find(bad);
        match last {
            Some(last) if last + 2 >= SECONDS => None,
            Some(last) => Some(last + 1 - from),
            None => Some(0),
        }
    }

    /// Requests answered in time a second, on average over `seconds`.
    fn goodput(&self, seconds: std::ops::Range<u64>) -> f64 {
        let at = |second: u64| usize::try_from(second).unwrap_or(0);
        let answered = &self.outcome.answered[at(seconds.start)..at(seconds.end)];
        f64::from(answered.iter().sum::<u32>()) / f64::from(u32::try_from(answered.len().max(1)).unwrap_or(1))
    }

    /// When it was well again, in words.
    pub(crate) fn recovered(&self) -> String {
        self.recovery().map_or_else(|| "never".to_owned(), |seconds| format!("{seconds} s"))
    }

    fn requests(&self) -> f64 {
        f64::from(self.outcome.asked.iter().sum::<u32>()).max(1.0)
    }
}

/// The figures of all panels, a line each.
pub(crate) fn table(panels: &[Panel]) -> String {
    let mut out = format!(
        "{:<52} {:>9} {:>10} {:>9} {:>9} {:>8} {:>9}\n{:<52} {:>9} {:>10} {:>9} {:>9} {:>8} {:>9}\n",
        "",
        "answered",
        "answers/s",
        "answers/s",
        "p99",
        "calls a",
        "recovered",
        "",
        "in 1 s",
        "while slow",
        "next 10 s",
        "ms",
        "request",
        "after",
    );
    for panel in panels {
        let _ = writeln!(
            out,
            "{:<52} {:>7.1} % {:>10.0} {:>9.0} {:>9} {:>8.2} {:>9}",
            panel.title,
            panel.good(),
            panel.goodput(SLOW),
            panel.goodput(SLOW.end..SLOW.end + 10),
            panel.p99(),
            panel.amplification(),
            panel.recovered()
        );
    }
    out
}

/// A percentile of sorted values.
fn percentile(sorted: &[u32], percent: usize) -> Option<u32> {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().checked_sub(1)?)).copied()
}
