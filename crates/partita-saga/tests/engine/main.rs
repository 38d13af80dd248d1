//! The engine over the memory store, in virtual time: every way that a saga can go, and crashes on each.

mod common;
mod cancel;
mod crash;
mod doubt;
mod forward;
mod unwind;
