//! What each crate is put through.

pub(crate) mod breaker;
pub(crate) mod others;

/// What was seen; Err says what went wrong.
pub(crate) type Verdict = Result<(), String>;
