//! Limits of time for one attempt.
//!
//! Four rules: the same limit each time; one that grows with the attempt (5 s, 10 s, 15 s: a retry must not meet the
//! limit that the attempt before met); one that follows the observed p99 between a floor and a ceiling; and one that
//! takes it in steps (p99 below 1 s: 2 s; below 3 s: 5 s; else 10 s), which is easier to reason about. A limit is never
//! longer than the time left of the current [`Context`](crate::deadline::Context).

mod call;
mod config;
mod core;
mod layer;
mod snapshot;
#[cfg(test)]
mod tests;

pub(crate) use self::core::Core;
pub use call::Timeout;
pub use config::{Step, TimeoutBuilder};
pub use layer::ResponseFuture;
pub use snapshot::TimeoutSnapshot;
