//! The journal of a saga: what a record says, and how records fold into where the saga stands.

mod back;
mod instance;
mod record;
#[cfg(test)]
mod tests;
mod turn;

pub(crate) use instance::{Instance, Phase, Slot};
pub(crate) use record::{Fact, Record, Verb};
pub(crate) use turn::{Outcome, Turn};
