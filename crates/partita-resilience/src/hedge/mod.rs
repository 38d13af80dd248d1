//! A second call while the first is slow.
//!
//! A hedge cuts the slowest few of the latencies for a little more work: the next attempt begins when the ones before
//! have taken longer than the observed p95, so about one call in twenty is hedged, and the first good answer wins. The
//! others are dropped before the answer is handed out; what the winner returned (a streaming body, for one) is whole. An
//! attempt that fails starts the next at once. Each hedge is paid for from a budget of the policy's own, and a spent
//! budget never ends attempts under way.
//!
//! In a stack no hedge begins beside a probe of its breaker, nor where more than four fifths of its bulkhead or adaptive
//! limit are in use.
//!
//! Only calls that may be made twice can be hedged: the builder demands that word. Hedged requests: Dean, Barroso, *The
//! Tail at Scale* (2013).

mod begin;
mod call;
mod config;
mod core;
mod course;
mod layer;
mod race;
mod snapshot;
#[cfg(test)]
mod tests;

pub use call::{Hedge, Operation};
pub use config::HedgeBuilder;
pub use layer::ResponseFuture;
pub use snapshot::HedgeSnapshot;
