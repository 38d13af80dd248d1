//! A second call while the first is slow.
