//! The engine over the memory store, in virtual time: every way that a saga can go, and crashes on each.

mod common;
mod any;
mod budget;
mod cancel;
mod crash;
mod doubt;
mod forward;
mod group;
mod misfit;
mod parts;
#[cfg(feature = "sabotage")]
mod sabotage;
mod slots;
mod start;
mod stop;
mod time;
mod trace;
mod unwind;
mod views;
