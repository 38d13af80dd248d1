//! Prints what everything that is kept by key weighs after ten million distinct keys.
//!
//! ```text
//! cargo run --release -p partita-resilience --example keyed_memory
//! ```

#![allow(clippy::print_stdout, reason = "a tool speaks on its streams")]

use partita_resilience::breaker::Breaker;
use partita_resilience::cache::Cache;
use partita_resilience::keyed::{Bounds, Keyed, KeyedSnapshot};
use partita_resilience::limiter::{Algorithm, Limiter, Quota};
use partita_resilience::{Outcome, PolicyKind};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const KEYS: u64 = 10_000_000;

/// What was kept at the end, and the process with it.
struct Kept {
    entries: usize,
    overflowed: u64,
    resident: u64,
}

impl Kept {
    fn of(seen: KeyedSnapshot) -> Result<Self, Box<dyn Error>> {
        Ok(Self { entries: seen.entries, overflowed: seen.overflowed, resident: resident_kib()? })
    }
}

type Fill = fn() -> Result<Kept, Box<dyn Error>>;

/// What is kept by key.
const MAPS: [(&str, Fill); 5] = [
    ("counters, the bare map", counters),
    ("rate limiter, GCRA", || limiter(Algorithm::Gcra)),
    ("rate limiter, sliding log", || limiter(Algorithm::SlidingLog)),
    ("circuit breaker", breakers),
    ("cache, answers of 64 bytes", cache),
];

/// Measures each in a process of its own, so that none grows into memory that another gave back.
fn main() -> Result<(), Box<dyn Error>> {
    if let Some(wanted) = std::env::args().nth(1) {
        let known = MAPS.iter().find(|(name, _)| *name == wanted);
        let (name, fill) = known.ok_or_else(|| format!("nothing is called `{wanted}`"))?;
        return measure(name, *fill);
    }
    println!("{KEYS} distinct keys, each used once, default bounds\n");
    println!("{:<28} {:>9} {:>14} {:>10} {:>14}", "", "entries", "overflow uses", "MB", "bytes an entry");
    for (name, _) in MAPS {
        let status = std::process::Command::new(std::env::current_exe()?).arg(name).status()?;
        if !status.success() {
            return Err(format!("{name}: {status}").into());
        }
    }
    Ok(())
}

/// Fills a map, and prints by how much the process has grown.
fn measure(name: &str, fill: Fill) -> Result<(), Box<dyn Error>> {
    let before = resident_kib()?;
    let Kept { entries, overflowed, resident } = fill()?;
    let bytes = resident.saturating_sub(before) * 1_024;
    let (whole, tenths) = (bytes / 1_000_000, bytes / 100_000 % 10);
    let each = bytes / entries.max(1) as u64;
    println!("{name:<28} {entries:>9} {overflowed:>14} {whole:>8}.{tenths} {each:>14}");
    Ok(())
}

fn key(number: u64) -> String {
    format!("customer-{number}")
}

fn counters() -> Result<Kept, Box<dyn Error>> {
    let map = Keyed::builder(PolicyKind::RateLimit, |_: Option<&String>| Arc::new(AtomicU64::new(0))).build()?;
    for number in 0..KEYS {
        map.get(key(number).as_str()).fetch_add(1, Ordering::Relaxed);
    }
    Kept::of(map.snapshot())
}

fn limiter(algorithm: Algorithm) -> Result<Kept, Box<dyn Error>> {
    let quota = Quota::per_hour(1_000).algorithm(algorithm);
    let limiter = Limiter::builder("memory").quota(quota).build_keyed::<String>()?;
    for number in 0..KEYS {
        let _ = limiter.check(key(number).as_str());
    }
    Kept::of(limiter.snapshot().keys.unwrap_or_default())
}

fn breakers() -> Result<Kept, Box<dyn Error>> {
    let breakers: Keyed<String, Breaker> = Breaker::builder("memory").build_keyed(Bounds::default())?;
    for number in 0..KEYS {
        breakers.get(key(number).as_str()).admit()?.record(Outcome::Success);
    }
    Kept::of(breakers.snapshot())
}

fn cache() -> Result<Kept, Box<dyn Error>> {
    let cache = Cache::<String, [u8; 64]>::builder("memory").build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        for number in 0..KEYS {
            let answer = async { Ok::<_, std::convert::Infallible>([0; 64]) };
            let _ = cache.call(key(number), || answer).await;
        }
    });
    Ok(Kept { entries: cache.snapshot().entries, overflowed: 0, resident: resident_kib()? })
}

/// Resident memory of this process, as Linux reports it.
fn resident_kib() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc/self/status")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
