//! Answers kept, and stale ones while the dependency fails.
