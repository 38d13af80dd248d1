//! A store reduced to maps, and random commits to compare a real one with.

mod naive;
mod wish;

pub(super) use naive::Naive;
pub(super) use wish::{Seen, Wish, bursts, callers};
