//! An overloaded dependency, called with and without each policy: a table, and the picture of the guide.
//!
//! ```text
//! cargo run --release -p partita-resilience --example overload
//! ```
//!
//! Virtual time and a seed: each run gives the same table and writes the same bytes.

#![allow(clippy::print_stdout, reason = "a tool speaks on its streams")]

mod callers;
mod panel;
mod picture;
mod world;

use callers::WAYS;
use panel::Panel;
use std::error::Error;

const SEED: u64 = 42;
const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/resilience-overload.svg");

fn main() -> Result<(), Box<dyn Error>> {
    let mut panels = Vec::new();
    for (title, caller) in WAYS {
        panels.push(Panel { title, outcome: world::run(SEED, caller)? });
    }
    std::fs::write(PICTURE, picture::svg(&panels, SEED))?;
    println!("{}", panel::table(&panels));
    println!("written: docs/guide/resilience-overload.svg");
    Ok(())
}
