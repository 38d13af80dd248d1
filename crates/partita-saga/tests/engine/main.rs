//! The engine over the memory store, in virtual time: every way that a saga can go, and crashes on each.

#![allow(clippy::unwrap_used, reason = "the lint's exemption for tests does not reach their helpers")]

mod any;
mod budget;
mod cancel;
mod common;
mod company;
mod crash;
mod doubt;
mod forward;
mod group;
mod misfit;
mod parts;
#[cfg(feature = "sabotage")]
mod sabotage;
mod scans;
mod slots;
mod start;
mod stop;
mod threads;
mod time;
mod trace;
mod unread;
mod unwind;
mod views;
