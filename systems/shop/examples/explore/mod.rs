//! The shop under the crash explorer: one order, from its first request to its end, with a crash at every point of it.

mod books;
mod bugs;
mod customer;
mod scenario;
mod show;
mod timeline;
mod wiring;
mod world;

pub(crate) use bugs::BUGS;
pub(crate) use scenario::{SCENARIOS, Scenario};
pub(crate) use show::{faults, heading, json, row, totals};
pub(crate) use world::ShopWorld;
