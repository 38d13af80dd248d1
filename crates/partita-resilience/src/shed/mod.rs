//! Too much to do: the least important calls are refused first, and at once.
//!
//! Calls under way are counted against `max_in_flight`. A [`Priority::Low`] call is refused when seven tenths are in use,
//! a [`Priority::Normal`] one at nine tenths, a [`Priority::Critical`] one only when all are: what is refused first costs
//! the user least, and the rest is kept free for what must not fail. Nothing waits here, for waiting calls are the load.
//!
//! A gauge of the caller's own (processor time, queue length, memory) may move the thresholds down: at pressure `p` (0 to
//! 1) only `1 - p` of `max_in_flight` is given out.

mod call;
mod config;
mod core;
mod snapshot;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use call::{AtPriority, Permit};
pub use config::Builder;
pub use snapshot::{ShedCounts, ShedSnapshot};

/// How much a call matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Refused first: prefetching, reports, retries of others.
    Low,
    /// The usual call.
    #[default]
    Normal,
    /// Refused last: payments, health checks.
    Critical,
}

/// Refuses the least important calls first. Clones share it.
#[derive(Clone, Debug)]
pub struct Shed(Arc<self::core::Core>);
