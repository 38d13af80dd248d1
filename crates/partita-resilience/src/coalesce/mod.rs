//! Many equal calls made one.
//!
//! While a call for a key is under way, others for the same key wait for its answer instead of calling too; a popular
//! key that falls out of a cache then costs one call and not a thousand. The first caller leads. If it goes away before
//! its answer (dropped, timed out, panicked), the one who has waited longest leads with its own work: no answer is lost
//! with a caller. So it is when the deadline of the leader's own [`Context`](crate::deadline::Context) ends its call, or
//! leaves no time for a retry: that is no answer for those who have more time. Each waiter has its own limit of time.
//!
//! An answer is shared with those who came before it, never with those who come after: that would be a
//! [cache](crate::cache). Answers and errors are cloned for each waiter; put large ones into an `Arc`.

mod call;
mod config;
mod core;
mod layer;
#[cfg(test)]
mod tests;

pub use call::Coalesce;
pub use config::CoalesceBuilder;
pub use core::CoalesceSnapshot;
