//! Permits that are held until a response body ends, and what a refusal is in HTTP.
//!
//! A call over HTTP is not over when the head of its response is there: the connection, and the work on the other side,
//! last as long as the body. [`HeldBody`] carries a permit until the body's last frame, its error, or its drop. The
//! `body_layer` of a [bulkhead](crate::bulkhead::Bulkhead::body_layer), an
//! [adaptive limit](crate::adaptive::Adaptive::body_layer), [load shedding](crate::shed::Shed::body_layer), a
//! [breaker](crate::breaker::Breaker::body_layer), [keyed ones](crate::keyed::Keyed::body_layer) and a
//! [stack](crate::Stack::body_layer) puts one into each response. Those of a
//! [timeout](crate::timeout::Timeout::body_layer) and a [deadline](crate::deadline::Deadline::body_layer) put in a
//! [`LimitedBody`], which fails when the time is over.
//!
//! [`refusal`] is the response to a caller whom a policy refused; the fields of a quota are with the
//! [limiter](crate::limiter::put_rate_limit).

mod body;
#[cfg(test)]
mod body_tests;
mod breaker;
#[cfg(test)]
mod breaker_tests;
mod layer;
#[cfg(test)]
mod limit_tests;
mod limited;
mod limits;
mod refusal;
mod stack;
#[cfg(test)]
mod tests;

pub use body::{Finish, HeldBody, hold};
pub use layer::{HoldBody, Holds};
pub(crate) use limited::Limited;
pub use limited::LimitedBody;
pub use limits::{LimitBody, Limiting, Limits};
pub(crate) use refusal::seconds;
pub use refusal::{put_retry_after, refusal};
pub use stack::UntilBodyEnds;
