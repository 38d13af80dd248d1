//! Prints what a keyed map holds and weighs after ten million distinct keys.
//!
//! ```text
//! cargo run --release -p partita-resilience --example keyed_memory
//! ```

#![allow(clippy::print_stdout, reason = "a tool speaks on its streams")]

use partita_resilience::{PolicyKind, keyed::Keyed};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const KEYS: u64 = 10_000_000;
const CAPACITY: usize = 100_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let before = resident_kib()?;
    let map = Keyed::builder(PolicyKind::RateLimit, |_: Option<&String>| Arc::new(AtomicU64::new(0)));
    let map = map.capacity(CAPACITY).build()?;
    for key in 0..KEYS {
        map.get(format!("customer-{key}").as_str()).fetch_add(1, Ordering::Relaxed);
    }
    let grown = resident_kib()?.saturating_sub(before);
    let snapshot = map.snapshot();
    println!("{KEYS} distinct keys, capacity {CAPACITY}");
    println!("entries {}, uses of the overflow entry {}", snapshot.entries, snapshot.overflowed);
    println!("resident memory grew by {} KiB, {} bytes an entry", grown, grown * 1024 / snapshot.entries.max(1) as u64);
    Ok(())
}

/// Resident memory of this process, as Linux reports it.
fn resident_kib() -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc/self/status")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
