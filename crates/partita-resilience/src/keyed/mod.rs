//! Bounded maps from a key to a policy of its own.
