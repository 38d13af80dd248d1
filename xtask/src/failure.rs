//! What stops a command: one sentence that says what was tried and why it did not work.

use std::{error::Error, fmt};

/// The result of everything here that can stop a command.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// A sentence for the person at the terminal.
#[derive(Debug)]
pub(crate) struct Failure(String);

impl Failure {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// For `map_err`: `what` was tried, the error says why it failed.
    pub(crate) fn of<E: Error>(what: impl fmt::Display) -> impl FnOnce(E) -> Self {
        move |error| Self(format!("{what}: {error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Error for Failure {}
