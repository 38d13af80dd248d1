//! The conformance kit: every sentence on the pages of the store traits, as a test that every backend runs.
//!
#![doc = include_str!("../../docs/conformance.md")]

mod backend;
mod given;
mod judge;
mod list;
mod model;
mod observe;
mod rig;
pub mod rules;
mod verdict;

pub use backend::{Backend, Capabilities};
pub use given::spaces;
pub use judge::{Rule, Runtime, assert_rule, judge, rules};
pub use rig::Rig;
pub use verdict::{Objection, Verdict};
