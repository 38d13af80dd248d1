//! A limit on calls at once that finds itself.
//!
//! The best limit is where throughput ends to grow: below it the dependency idles, above it calls only wait there. It is
//! the dependency's throughput times its latency without waiting (Little's law), and both move. Each window of calls is a
//! point: calls under way, and their latency.
//! - While the limit holds calls back, a **curve** is fitted to the last windows: latency is level up to a knee, and in
//!   proportion to the calls under way from there. The knee is taken where it explains the windows best, and near where it
//!   was as far as they leave it open; how much calls vary by themselves is estimated from the same windows. So what the
//!   windows do not show yet, the limit goes to see: it grows while latency stays level, and sinks while latency only follows.
//! - The limit stands **beside the knee**: 7 % above it for two windows, then 4 % below it for one. These small moves are all
//!   the probing there is; no phase refuses calls to measure.
//! - A window that is **off the curve** moves nothing. Two of them in a row are a dependency that has changed: the past is
//!   forgotten and the curve begins there.
//! - A limit that is full only for moments is no overload: it grows by a tenth while latency stays within a tenth of the
//!   baseline. One that is never full stands still. When the dependency says that it is overloaded, a tenth is cut.
//!
//! Latency is the mean of the fastest nine in ten calls: what few outliers do tells nothing about waiting. A window begins a
//! latency after the limit moved, so that it shows only what came of it. The correlation of calls under way and throughput is
//! that of Uber's Cinnamon; the gradient of Netflix's concurrency-limits needs a baseline from elsewhere, this fit does not.

mod call;
mod config;
mod controller;
mod core;
mod knee;
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
