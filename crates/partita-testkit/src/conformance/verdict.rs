//! What judging a rule ends in.

use partita_core::Error;
use std::fmt;

/// What a rule says of a store.
pub type Verdict = Result<(), Objection>;

/// Why a rule did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objection {
    /// The store breaks the rule.
    Broken(String),
    /// The backend declares that it lacks what the rule needs.
    Skipped(&'static str),
}

impl Objection {
    /// The store breaks the rule in this way.
    pub fn broken(text: impl Into<String>) -> Self {
        Self::Broken(text.into())
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(text) => f.write_str(text),
            Self::Skipped(lacking) => write!(f, "skipped: the backend has no {lacking}"),
        }
    }
}

impl From<Error> for Objection {
    fn from(error: Error) -> Self {
        Self::Broken(format!("an answer that should have been good: {error:?}"))
    }
}

/// Objects unless a condition holds.
macro_rules! ensure {
    ($holds:expr, $($text:tt)+) => {
        if !$holds {
            return Err($crate::conformance::Objection::broken(format!($($text)+)));
        }
    };
}

/// Objects unless what was found is what was wanted.
macro_rules! equal {
    ($found:expr, $wanted:expr, $($text:tt)+) => {
        match (&$found, &$wanted) {
            (found, wanted) => ensure!(
                *found == *wanted,
                "{}: found {found:?} instead of {wanted:?}",
                format_args!($($text)+)
            ),
        }
    };
}

pub(crate) use {ensure, equal};
