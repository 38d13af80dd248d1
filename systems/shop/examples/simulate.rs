//! Simulates the shop with many orders and faults of every kind, each run drawn from a seed, in virtual time.
//!
//! ```text
//! cargo run --release -p shop --example simulate -- --seeds 200
//! cargo run --release -p shop --example simulate -- --seeds 1 --seed 17
//! cargo run --release -p shop --example simulate -- --seeded-bugs
//! ```

use clap::Parser;
use partita::time::{Clock, TokioClock};
use simulate::{Plan, hunt};
use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

#[path = "simulate/mod.rs"]
mod simulate;

/// Many orders in one seeded run of the shop, with faults of every kind, in virtual time.
#[derive(Debug, Parser)]
#[command(after_help = "Exit: 0 everything held; 1 something did not, or never happened; 2 wrong usage.")]
struct Cli {
    /// How many seeds, one run each
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Orders of each run
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    orders: u32,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Lines of its trace that a single failing seed shows, the last ones
    #[arg(long, value_name = "LINES", default_value_t = 60)]
    trace: usize,
    /// Plant defects instead, and see whether a seed fails for each
    #[arg(long, conflicts_with = "json")]
    seeded_bugs: bool,
}

/// Seconds between two lines of progress.
const PROGRESS: u64 = 5;

fn main() -> ExitCode {
    let Cli { seeds, seed, orders, json, trace, seeded_bugs } = Cli::parse();
    let plan = Plan { first: seed, seeds, orders: orders as usize, trace };
    let is_good = if seeded_bugs { hunted(&plan) } else { simulated(&plan, json) };
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn simulated(plan: &Plan, as_json: bool) -> bool {
    let (clock, said) = (TokioClock::system(), AtomicU64::new(0));
    let report = plan.all(|done, failed| {
        let now = clock.elapsed().as_secs() / PROGRESS;
        if said.fetch_max(now, Ordering::Relaxed) < now {
            let _gone = writeln!(std::io::stderr(), "    {done} of {} seeds, {failed} failed", plan.seeds);
        }
    });
    let took = clock.elapsed();
    say(&if as_json { report.json(took).to_string() } else { report.text(took) });
    report.is_good()
}

fn hunted(plan: &Plan) -> bool {
    let all = hunt(plan);
    for (name, caught) in &all {
        match caught {
            Some((seed, violation)) => say(&format!("{name}: caught by seed {seed}\n    {violation}")),
            None => say(&format!("{name}: missed by {} seeds", plan.seeds)),
        }
    }
    all.iter().all(|(_, caught)| caught.is_some())
}

fn say(line: &str) {
    let _gone = writeln!(std::io::stdout(), "{line}");
}
