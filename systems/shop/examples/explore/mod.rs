//! The shop under the explorer: one order, from its first request to its end, with every fault at every point of it.

mod bugs;
mod scenario;
mod show;
#[path = "../world/mod.rs"]
mod world;

pub(crate) use bugs::{BUGS, Hunt};
pub(crate) use scenario::{SCENARIOS, Scenario};
pub(crate) use show::{caught, faults, heading, json, row, totals};
