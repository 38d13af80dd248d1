//! Permits that are held until a response body ends.
//!
//! A call over HTTP is not over when the head of its response is there: the connection, and the work on the other side,
//! last as long as the body. [`HeldBody`] carries a permit until the body's last frame, its error, or its drop, and
//! [`Bulkhead::body_layer`](crate::bulkhead::Bulkhead::body_layer) puts one before a service so.

mod body;
mod layer;
#[cfg(test)]
mod tests;

pub use body::{HeldBody, hold};
pub use layer::HoldBody;
