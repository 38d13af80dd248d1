//! Explores every fault at every point of every story of the shop, in virtual time.
//!
//! ```text
//! cargo run --release -p shop --example explore
//! cargo run --release -p shop --example explore -- --double
//! cargo run --release -p shop --example explore -- --scenario confirmed --json
//! cargo run --release -p shop --example explore -- --seeded-bugs
//! ```

use clap::Parser;
use explore::{BUGS, SCENARIOS, Scenario, caught, faults, heading, json, row, totals};
use partita::time::{Clock, TokioClock};
use partita_testkit::explore::{Double, Exploration, Explorer};
use std::io::Write;
use std::process::ExitCode;

#[path = "explore/mod.rs"]
mod explore;

/// Strike the shop with every fault at every commit and every call, and see what became of the order.
#[derive(Debug, Parser)]
#[command(after_help = "Exit: 0 everything held; 1 something did not, or was not explored; 2 wrong usage.")]
struct Cli {
    /// Explore this story alone
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// Print one JSON object for each story instead of a table
    #[arg(long)]
    json: bool,
    /// Plant defects instead, and see whether each is caught
    #[arg(long)]
    seeded_bugs: bool,
    /// Also crash a second time, at every point of every recovery
    #[arg(long)]
    double: bool,
    /// Second crashes at so many points of each story only, drawn from a seed
    #[arg(long, value_name = "POINTS", requires = "double")]
    sample: Option<usize>,
}

/// Runs between two lines of progress.
const PROGRESS: usize = 2_000;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let wanted = |scenario: &&Scenario| cli.scenario.as_ref().is_none_or(|name| name == scenario.name);
    let scenarios: Vec<&'static Scenario> = SCENARIOS.iter().filter(wanted).collect();
    if scenarios.is_empty() {
        let names: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        let _gone = writeln!(std::io::stderr(), "error: there is no such scenario; there are: {}", names.join(", "));
        return ExitCode::from(2);
    }
    let double = match (cli.double, cli.sample) {
        (false, _) => Double::No,
        (true, None) => Double::All,
        (true, Some(points)) => Double::Sample(points),
    };
    let explorer = Explorer { double, progress: Some(progress), ..Explorer::default() };
    let is_good = if cli.seeded_bugs { hunt() } else { explore_all(&scenarios, &explorer, cli.json) };
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn explore_all(scenarios: &[&'static Scenario], explorer: &Explorer, as_json: bool) -> bool {
    let clock = TokioClock::system();
    let mut all: Vec<Exploration> = vec![];
    if !as_json {
        say(&heading());
    }
    for scenario in scenarios {
        let explored = scenario.explore(explorer);
        if as_json {
            say(&json(scenario, &explored));
            complain(scenario, &faults(&explored));
        } else {
            say(&row(scenario, &explored));
        }
        all.push(explored);
    }
    if !as_json {
        say(&totals(&all, clock.elapsed()));
    }
    all.iter().all(Exploration::is_good)
}

fn progress(done: usize, of: usize) {
    if done.is_multiple_of(PROGRESS) {
        let _gone = writeln!(std::io::stderr(), "    {done} of {of} runs");
    }
}

fn complain(scenario: &Scenario, faults: &str) {
    if !faults.is_empty() {
        let _gone = writeln!(std::io::stderr(), "{}:{faults}", scenario.name);
    }
}

/// One line for each defect; what did not hold, below it.
fn hunt() -> bool {
    let mut all = true;
    for bug in &BUGS {
        let (text, is_caught) = caught(bug, &Explorer::default());
        say(&text);
        all &= is_caught;
    }
    all
}

fn say(line: &str) {
    let _gone = writeln!(std::io::stdout(), "{line}");
}
