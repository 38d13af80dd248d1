//! What the drill came to.

use super::driver::{Audited, Driven};
use super::kills::{Follow, Kill, Term};
use super::{Done, Drill};
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
    /// Kills of a start within its first 100 ms.
    pub(crate) early: u32,
    /// Of these, before it had said anything.
    pub(crate) silent: u32,
    /// Kills while a start took up what was left.
    pub(crate) recovering: u32,
    /// Stops by SIGTERM.
    pub(crate) terms: usize,
    /// Of these, too slow, or with a wrong count of what goes on.
    pub(crate) bad_terms: usize,
    /// The longest time from SIGTERM to the end.
    pub(crate) longest_term_ms: u64,
    /// How long it stood still, in seconds.
    pub(crate) stood_s: f64,
    /// Orders that were accepted.
    pub(crate) orders: u64,
    /// Of these, gone or changed.
    pub(crate) lost: u64,
    /// With another end than their kind must have.
    pub(crate) wrong_end: u64,
    /// Ended because they ran out of time while the shop stood still.
    pub(crate) late: u64,
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
    asked: Drill,
}

impl Report {
    /// Puts it together.
    pub(crate) fn new(drill: &Drill, done: &Done, driven: &Driven, audited: &Audited) -> Self {
        let kills = &done.kills;
        let longest = |of: fn(&Kill) -> Duration| millis(kills.iter().map(of).max());
        let follows = |of: fn(&Follow) -> u32| kills.iter().map(|kill| of(&kill.follow)).sum();
        let named = |id: &str, text: &String| format!("{id}: {text}");
        let examples = audited.invariants.iter().flat_map(|one| one.examples.iter().map(|text| named(&one.id, text)));
        Self {
            seed: drill.seed,
            kills: kills.len(),
            early: follows(|follow| follow.early),
            silent: kills.iter().map(|kill| kill.silent).sum(),
            recovering: follows(|follow| follow.recovering),
            terms: done.terms.len(),
            bad_terms: done.terms.iter().filter(|term| !term.is_good()).count(),
            longest_term_ms: millis(done.terms.iter().map(|term: &Term| term.took).max()),
            stood_s: done.stood.as_secs_f64(),
            orders: driven.placed,
            lost: driven.lost,
            wrong_end: driven.wrong_end,
            late: driven.late.unwrap_or(0),
            unended: driven.unended,
            violations: audited.invariants.iter().map(|one| one.violations).sum(),
            checked: audited.invariants.iter().map(|one| one.checked).sum(),
            longest_recovery_ms: longest(|kill| kill.recovery),
            longest_ready_ms: longest(|kill| kill.ready),
            parked: driven.parked,
            examples: examples.collect(),
            asked: drill.clone(),
        }
    }

    /// Whether every order was placed, everything was done that was asked for, and nothing was lost, wrong or left over.
    pub(crate) fn is_good(&self) -> bool {
        let asked = &self.asked;
        let count = |done: usize| u32::try_from(done).unwrap_or(u32::MAX);
        let kills = (count(self.kills), self.early, self.recovering) == (asked.kills, asked.early, asked.recovering);
        let whole = kills && (self.orders, count(self.terms)) == (asked.orders, asked.terms);
        let stood = (self.stood_s - asked.stop.as_secs_f64()).abs() < 0.001;
        let wrong = self.lost + self.wrong_end + self.unended + self.parked + self.violations;
        whole && stood && wrong == 0 && self.bad_terms == 0
    }
}

fn millis(time: Option<Duration>) -> u64 {
    u64::try_from(time.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = &self.asked;
        writeln!(f, "{:<26} {:>8}", "seed", self.seed)?;
        writeln!(f, "{:<26} {:>8} of {}", "kills", self.kills, asked.kills)?;
        let (early, silent) = (self.early, self.silent);
        writeln!(f, "{:<26} {early:>8} of {} ({silent} before a word)", "kills of early starts", asked.early)?;
        writeln!(f, "{:<26} {:>8} of {}", "kills of recoveries", self.recovering, asked.recovering)?;
        let (bad, longest) = (self.bad_terms, self.longest_term_ms);
        writeln!(f, "{:<26} {:>8} of {} ({bad} bad, the longest {longest} ms)", "stops", self.terms, asked.terms)?;
        writeln!(f, "{:<26} {:>8} s", "stood still", self.stood_s)?;
        writeln!(f, "{:<26} {:>8} of {}", "orders accepted", self.orders, asked.orders)?;
        for (name, count) in [
            ("lost", self.lost),
            ("wrong end", self.wrong_end),
            ("late", self.late),
            ("unended", self.unended),
            ("parked", self.parked),
        ] {
            writeln!(f, "{name:<26} {count:>8}")?;
        }
        writeln!(f, "{:<26} {:>8} of {} checked", "violations", self.violations, self.checked)?;
        writeln!(f, "{:<26} {:>5} ms", "longest until ready", self.longest_ready_ms)?;
        write!(f, "{:<26} {:>5} ms", "longest until the next end", self.longest_recovery_ms)?;
        self.examples.iter().try_for_each(|example| write!(f, "\n  {example}"))
    }
}
