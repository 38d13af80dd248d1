//! The time left for a whole request.

mod context;

pub use context::{Attempt, Context, Scoped};
