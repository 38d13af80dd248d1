//! The crash explorer: ends a simulated process at every commit and every call, and looks at what became of its work.
//!
#![doc = include_str!("../../docs/explore.md")]

mod explorer;
mod life;
mod machine;
mod report;
mod schedule;
mod seam;
mod store;
#[cfg(test)]
mod tests;
mod trace;
mod world;

pub use explorer::Explorer;
pub use life::Run;
pub use machine::Machine;
pub use report::{Exploration, Failure};
pub use schedule::{Fault, Kind, Operation, Schedule, Strike};
pub use seam::Seam;
pub use store::SeamStore;
pub use trace::Trace;
pub use world::World;
