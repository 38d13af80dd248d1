//! Explores every crash of every story of the shop, in virtual time.
//!
//! ```text
//! cargo run --release -p shop --example explore
//! cargo run --release -p shop --example explore -- --scenario confirmed --json
//! cargo run --release -p shop --example explore -- --seeded-bugs
//! ```

use clap::Parser;
use explore::{BUGS, SCENARIOS, Scenario, faults, heading, json, row, totals};
use partita::time::{Clock, TokioClock};
use partita_testkit::explore::{Exploration, Explorer};
use std::io::Write;
use std::process::ExitCode;

#[path = "explore/mod.rs"]
mod explore;

/// Crash the shop at every commit and every call, and see what became of the order.
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
    /// Also crash a second time during each recovery
    #[arg(long)]
    double: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if cli.double {
        return wrong("two crashes in one run (--double) are not explored yet; leave the option out");
    }
    let wanted = |scenario: &&Scenario| cli.scenario.as_ref().is_none_or(|name| name == scenario.name);
    let scenarios: Vec<&'static Scenario> = SCENARIOS.iter().filter(wanted).collect();
    if scenarios.is_empty() {
        let names: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        return wrong(&format!("there is no such scenario; there are: {}", names.join(", ")));
    }
    let is_good = if cli.seeded_bugs { hunt() } else { explore_all(&scenarios, cli.json) };
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn explore_all(scenarios: &[&'static Scenario], as_json: bool) -> bool {
    let clock = TokioClock::system();
    let mut all: Vec<Exploration> = vec![];
    if !as_json {
        say(&heading());
    }
    for scenario in scenarios {
        let explored = scenario.explore(&Explorer::default());
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

fn complain(scenario: &Scenario, faults: &str) {
    if !faults.is_empty() {
        let _gone = writeln!(std::io::stderr(), "{}:{faults}", scenario.name);
    }
}

/// One line for each defect; what did not hold, below it.
fn hunt() -> bool {
    let mut all = true;
    for bug in &BUGS {
        match bug.run(&Explorer::default()) {
            Some((scenario, failure)) => {
                say(&format!("{}: caught by {}, in {}", bug.name, failure.schedule, scenario.name));
                failure.violations.iter().for_each(|violation| say(&format!("    {violation}")));
            }
            None => {
                say(&format!("{}: missed", bug.name));
                all = false;
            }
        }
    }
    all
}

fn say(line: &str) {
    let _gone = writeln!(std::io::stdout(), "{line}");
}

fn wrong(why: &str) -> ExitCode {
    let _gone = writeln!(std::io::stderr(), "error: {why}");
    ExitCode::from(2)
}
