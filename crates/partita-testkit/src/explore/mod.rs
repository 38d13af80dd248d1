//! The explorer: strikes a simulated process at every commit and every call, and looks at what became of its work. Beside
//! it the simulator, which draws its faults from a seed.
//!
#![doc = include_str!("../../docs/explore.md")]

mod chance;
mod explorer;
mod life;
mod machine;
mod point;
mod report;
mod schedule;
mod seam;
mod simulator;
mod store;
#[cfg(test)]
mod tests;
mod trace;
mod world;

pub use chance::Odds;
pub use explorer::{Double, Explorer};
pub use life::Run;
pub use machine::Machine;
pub use report::{Exploration, Failure, Twice};
pub use schedule::{Fault, Kind, Operation, Schedule, Strike};
pub use seam::Seam;
pub use simulator::Simulator;
pub use store::{AtSeam, SeamStore};
pub use trace::Trace;
pub use world::World;
