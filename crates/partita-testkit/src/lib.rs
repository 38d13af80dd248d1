//! What the crates of the suite, and backends of your own, are tested with.

pub mod conformance;
pub mod explore;
mod intercept;

pub use intercept::{Intercept, Intercepted};
