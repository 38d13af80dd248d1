//! What each crate is put through, a file a pitfall.

pub(crate) mod breaker;
