//! What the drill came to.

use super::Drill;
use super::driver::{Audited, Driven};
use super::kills::Kill;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// What the drill came to.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// What fixed it.
    pub(crate) seed: u64,
    /// Kills that hit unfinished orders.
    pub(crate) kills: usize,
    /// Orders that were accepted.
    pub(crate) orders: u64,
    /// Of these, gone or changed.
    pub(crate) lost: u64,
    /// With another end than their kind must have.
    pub(crate) wrong_end: u64,
    /// Without an end.
    pub(crate) unended: u64,
    /// What the audit found wrong.
    pub(crate) violations: u64,
    /// What the audit looked at.
    pub(crate) checked: u64,
    /// The longest time from a kill to the first end after it.
    pub(crate) longest_recovery_ms: u64,
    /// The longest time from a start to readiness.
    pub(crate) longest_ready_ms: u64,
    #[serde(skip)]
    parked: u64,
    #[serde(skip)]
    examples: Vec<String>,
    #[serde(skip)]
    asked: (u64, u32),
}

impl Report {
    /// Puts it together.
    pub(crate) fn new(drill: &Drill, kills: &[Kill], driven: &Driven, audited: &Audited) -> Self {
        let longest = |of: fn(&Kill) -> Duration| {
            let longest = kills.iter().map(of).max().unwrap_or_default();
            u64::try_from(longest.as_millis()).unwrap_or(u64::MAX)
        };
        let named = |id: &str, text: &String| format!("{id}: {text}");
        let examples = audited.invariants.iter().flat_map(|one| one.examples.iter().map(|text| named(&one.id, text)));
        Self {
            seed: drill.seed,
            kills: kills.len(),
            orders: driven.placed,
            lost: driven.lost,
            wrong_end: driven.wrong_end,
            unended: driven.unended,
            violations: audited.invariants.iter().map(|one| one.violations).sum(),
            checked: audited.invariants.iter().map(|one| one.checked).sum(),
            longest_recovery_ms: longest(|kill| kill.recovery),
            longest_ready_ms: longest(|kill| kill.ready),
            parked: driven.parked,
            examples: examples.collect(),
            asked: (drill.orders, drill.kills),
        }
    }

    /// Whether every order was placed, every kill hit something, and nothing was lost, wrong or left over.
    pub(crate) fn is_good(&self) -> bool {
        let whole = (self.orders, u32::try_from(self.kills).unwrap_or(u32::MAX)) == self.asked;
        whole && self.lost + self.wrong_end + self.unended + self.parked + self.violations == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (orders, kills) = self.asked;
        writeln!(f, "{:<26} {:>8}", "seed", self.seed)?;
        writeln!(f, "{:<26} {:>8} of {kills}", "kills", self.kills)?;
        writeln!(f, "{:<26} {:>8} of {orders}", "orders accepted", self.orders)?;
        for (name, count) in
            [("lost", self.lost), ("wrong end", self.wrong_end), ("unended", self.unended), ("parked", self.parked)]
        {
            writeln!(f, "{name:<26} {count:>8}")?;
        }
        writeln!(f, "{:<26} {:>8} of {} checked", "violations", self.violations, self.checked)?;
        writeln!(f, "{:<26} {:>5} ms", "longest until ready", self.longest_ready_ms)?;
        write!(f, "{:<26} {:>5} ms", "longest until the next end", self.longest_recovery_ms)?;
        self.examples.iter().try_for_each(|example| write!(f, "\n  {example}"))
    }
}
