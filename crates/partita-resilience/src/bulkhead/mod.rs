//! So many calls at once, so many behind them, and no further.
//!
//! A call takes a permit; without a free one it waits its turn, for at most the longest wait, in a queue with a bound.
//! Turns are strict: while anybody waits, no newcomer overtakes. The permit is an owned value, so it can move into a
//! response body and be held until the body's end; a call that is dropped anywhere gives back its permit or its place.
//!
//! With several threads the free permits are kept in stripes. A refusal under concurrent calls therefore means that each
//! stripe was empty when it was looked at, not that all were at one moment; the limit itself is never exceeded.

mod call;
mod config;
mod core;
mod enter;
mod layer;
mod queue;
mod slots;
mod snapshot;
#[cfg(test)]
mod tests;
mod waits;

use std::sync::Arc;

pub use call::Permit;
pub use config::Builder;
pub use layer::BulkheadFuture;
pub use snapshot::BulkheadSnapshot;

pub(crate) use self::core::Core;
pub(crate) use call::Held;
pub(crate) use enter::Enter;
pub(crate) use slots::Slot;
pub(crate) use waits::Waits;

/// A bound on calls at once. Clones share it.
#[derive(Clone, Debug)]
pub struct Bulkhead(Arc<Core>);
