//! Policies between a caller and a dependency that may fail: each usable alone, under a plain async call or as a tower
//! layer, and in one [`stack`] with a documented order.
//!
//! Every policy reads time and draws chance from [`Timing`]: on a [`partita_time::ManualClock`] and a seed, the same calls
//! give the same answers. Each tells what it does as [`Event`]s and shows where it stands in a snapshot; there is no
//! metrics library here.

pub mod adaptive;
pub mod breaker;
pub mod budget;
pub mod bulkhead;
pub mod cache;
pub mod coalesce;
pub mod deadline;
pub mod fallback;
pub mod hedge;
pub mod histogram;
#[cfg(feature = "http")]
pub mod http;
pub mod join;
pub mod keyed;
pub mod limiter;
pub mod monitor;
pub mod pool;
pub mod retry;
pub mod shed;
pub mod stack;
pub mod timeout;

mod error;
mod event;
mod gate;
mod layered;
mod name;
mod nesting;
mod outcome;
mod registry;
mod stripe;
mod sync;
#[cfg(test)]
mod testing;
mod timed;
mod timing;
mod turnover;
mod verdict;
mod window;

pub use error::{BuildError, Error, Limit, PolicyKind, Reason, Rejected};
pub use event::{Event, EventKind, Listeners};
pub use gate::{Gate, GatedFuture};
pub use layered::{PolicyLayer, PolicyService, Serve, With};
pub use name::Name;
pub use nesting::{ErrorShape, Nested, Plain};
pub use outcome::{ByResult, Classify, Outcome};
pub use registry::{Registry, UnknownName};
pub use stack::{Policy, Stack};
pub use timing::Timing;
pub use window::WindowView;

/// The examples of the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
