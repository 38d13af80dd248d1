//! The time left for a whole request.
//!
//! A request has one deadline, and each hop hands on what is left of it, so that nobody works on an answer that nobody
//! waits for any more. Within a process the deadline travels in a [`Context`]: a plain value, which is also found by
//! [`Context::current`] while a future in its scope is polled. Between processes (feature `http`) a header carries the
//! milliseconds left: a span, not a time of day, since clocks differ. A server takes no more than its own maximum.

mod call;
mod config;
mod context;
mod core;
mod counts;
mod given_up;
#[cfg(feature = "http")]
mod http;
mod layer;
#[cfg(test)]
mod tests;

pub use call::Deadline;
pub use config::DeadlineBuilder;
pub use context::{Attempt, Context, Scoped};
pub(crate) use context::{NEVER, nanos};
pub use core::DeadlineSnapshot;
pub(crate) use counts::Counts;
pub(crate) use given_up::{give_up, judged};
#[cfg(feature = "http")]
pub use http::{ClientFuture, ClientSide, HEADER, ServerSide, put_left, read_left};
pub use layer::ResponseFuture;
