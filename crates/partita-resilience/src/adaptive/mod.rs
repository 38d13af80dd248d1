//! A limit on calls at once that finds itself.
//!
//! The best limit is where throughput ends to grow: below it the dependency idles, above it calls only wait there. It is
//! the dependency's throughput times its latency without waiting (Little's law), and both move. Each window of calls:
//! - The **gradient** is the window's latency, against a slow baseline of it. Much above the baseline, calls wait: the
//!   limit sinks. Near it, there may be room: the limit grows.
//! - The **correlation test** looks whether throughput followed the calls under way over the last windows. If it did not,
//!   the limit does not grow, whatever the latency says; if it did although latency stands above the baseline, then the
//!   dependency itself has become slower, and the baseline moves there at once.
//! - The limit stands still while fewer than half of it is in use, and is cut by a tenth when the dependency says that it
//!   is overloaded.
//!
//! Latency is the mean of the fastest nine in ten calls: what few outliers do tells nothing about waiting. There is no
//! phase that lowers the limit to measure; the limit's own small moves are the probe. After Gradient2 of Netflix's
//! concurrency-limits and the covariance test of Uber's Cinnamon.

mod call;
mod config;
mod controller;
mod core;
mod samples;
#[cfg(test)]
mod simulation;
mod snapshot;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use call::Permit;
pub use config::Builder;
pub use snapshot::AdaptiveSnapshot;

/// A limit on calls at once that finds itself. Clones share it.
#[derive(Clone, Debug)]
pub struct Adaptive(Arc<self::core::Core>);
