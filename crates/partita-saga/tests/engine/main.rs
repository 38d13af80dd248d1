//! The engine over the memory store, in virtual time: every way that a saga can go, and crashes on each.

mod common;
mod crash;
mod forward;
mod unwind;
