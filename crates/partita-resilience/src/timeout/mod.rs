//! Limits of time for one attempt.
