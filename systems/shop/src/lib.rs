//! The shop: a complete system on Partita. It takes an order and never loses it.
//!
//! Each folder is a service with a store of its own that no other can open. The binary runs them all in one process; they
//! call each other through [`partita::http::Client`], as they would over a network.

pub mod app;
pub mod audit;
pub mod backup;
pub mod catalog;
pub mod check;
pub mod cli;
pub mod drive;
pub mod env;
mod folder;
pub mod inventory;
pub mod loyalty;
pub mod openapi;
pub mod ordering;
pub mod payments;
pub mod psp;
mod serve;
pub mod shipping;
