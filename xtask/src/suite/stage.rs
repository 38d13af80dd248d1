//! The stages in their order, and what one of them comes to.

use clap::ValueEnum;
use std::ops::AddAssign;

/// A part of the test run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// The formatter has nothing to change
    Fmt,
    /// Style and architecture hold
    Tidy,
    /// No warning from clippy, in any target
    Clippy,
    /// No warning from rustdoc
    Doc,
    /// Each crate compiles alone; the facade without features, too
    Crates,
    /// A browser is there, or is installed
    Browser,
    /// A fuzzer is there, or is installed
    Fuzzer,
    /// What sets a process's wall clock is there, or is installed
    Clock,
    /// Every test of the workspace
    Tests,
    /// The crash explorer and its seeded bugs
    Explore,
}

/// How many passed, failed and were skipped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

/// What a stage comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    /// One line for each failure that can be named.
    pub(crate) failures: Vec<String>,
    /// One line for each thing skipped.
    pub(crate) skips: Vec<String>,
}

impl Stage {
    pub(crate) const ALL: [Self; 10] = [
        Self::Fmt,
        Self::Tidy,
        Self::Clippy,
        Self::Doc,
        Self::Crates,
        Self::Browser,
        Self::Fuzzer,
        Self::Clock,
        Self::Tests,
        Self::Explore,
    ];

    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    pub(crate) fn what(self) -> String {
        self.to_possible_value().and_then(|value| value.get_help().map(ToString::to_string)).unwrap_or_default()
    }
}

impl Outcome {
    /// Something that tests need is not there: a skip, and at strict a failure.
    pub(crate) fn not_reached(what: &str, why: &str, strict: bool) -> Self {
        let text = format!("{what}: not reached ({why})");
        if strict { Self::failed(text) } else { Self::skipped(text) }
    }

    pub(crate) fn passed() -> Self {
        let mut outcome = Self::default();
        outcome.tally.passed = 1;
        outcome
    }

    pub(crate) fn failed(why: impl Into<String>) -> Self {
        let mut outcome = Self::default();
        outcome.fail(why);
        outcome
    }

    pub(crate) fn skipped(why: impl Into<String>) -> Self {
        let mut outcome = Self::default();
        outcome.tally.skipped = 1;
        outcome.skips.push(why.into());
        outcome
    }

    pub(crate) fn of(good: bool, why: impl FnOnce() -> String) -> Self {
        if good { Self::passed() } else { Self::failed(why()) }
    }

    /// Counts one failure and says why.
    pub(crate) fn fail(&mut self, why: impl Into<String>) {
        self.tally.failed += 1;
        self.failures.push(why.into());
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}
