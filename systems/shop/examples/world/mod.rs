//! The whole shop in one simulated process: stores in memory and calls in virtual time, behind a seam where faults come
//! from, and customers outside who remember everything.

#![allow(dead_code, reason = "the explorer and the simulator each use a part of it")]

mod books;
mod customer;
mod shop;
mod timeline;
mod wiring;
mod wish;

pub(crate) use shop::{Bug, ShopWorld};
pub(crate) use wish::{End, Must, Wish};
