//! The lock-free parts of the breaker. They know nothing of clocks, calls or events: time comes in as a number.

pub(crate) mod calls;
pub(crate) mod counters;
pub(crate) mod machine;
pub(crate) mod ring;
pub(crate) mod word;
pub(crate) mod words;
