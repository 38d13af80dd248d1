//! Permits that are held until a response body ends, and what a refusal is in HTTP.
//!
//! A call over HTTP is not over when the head of its response is there: the connection, and the work on the other side,
//! last as long as the body. [`HeldBody`] carries a permit until the body's last frame, its error, or its drop. The
//! `body_layer` of a [bulkhead](crate::bulkhead::Bulkhead::body_layer), an
//! [adaptive limit](crate::adaptive::Adaptive::body_layer), [load shedding](crate::shed::Shed::body_layer) and a
//! [stack](crate::Stack::body_layer) puts one into each response.
//!
//! [`refusal`] is the response to a caller whom a policy refused; the fields of a quota are with the
//! [limiter](crate::limiter::put_rate_limit).

mod body;
mod layer;
mod refusal;
mod stack;
#[cfg(test)]
mod tests;

pub use body::{Finish, HeldBody, hold};
pub use layer::{HoldBody, Holds};
pub(crate) use refusal::seconds;
pub use refusal::{put_retry_after, refusal};
pub use stack::UntilBodyEnds;
