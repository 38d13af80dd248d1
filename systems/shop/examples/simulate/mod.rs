//! The shop under the simulator: many orders at once, and faults of every kind drawn from a seed.

mod mix;
mod report;
mod seeds;
#[path = "../world/mod.rs"]
mod world;

pub(crate) use report::Report;
pub(crate) use seeds::{Plan, hunt};
