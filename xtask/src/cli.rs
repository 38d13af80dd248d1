//! The command line: every command, its options and its examples.

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::suite::Stage;

/// The project's own commands.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
#[command(after_help = "Examples:\n  \
    cargo xtask tidy                     style and architecture, in seconds\n  \
    cargo xtask test                     everything, missing tools skipped\n  \
    cargo xtask test --strict            everything, as CI runs it\n  \
    cargo xtask explore --scenario declined\n  \
    cargo xtask bench engine --json")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) task: Task,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Holds style and architecture: each finding as `path:line: what; what to do instead`
    #[command(after_help = "Examples:\n  \
        cargo xtask tidy\n  \
        cargo xtask tidy --verbose           also names files over the soft limit of 400 lines\n\n\
        Exit code: 0 nothing found, 1 findings.")]
    Tidy(Tidy),
    /// Runs every check and every test; the last line is `N passed, N failed, N skipped`
    #[command(after_help = "Examples:\n  \
        cargo xtask test\n  \
        cargo xtask test --strict            a missing browser or backend fails, nothing is skipped\n  \
        cargo xtask test --only clippy --only tests\n  \
        cargo xtask test --list\n\n\
        Tests see:\n  \
        PARTITA_CHROMIUM      path of the browser, when there is one\n  \
        PARTITA_CHROMEDRIVER  path of what drives it\n  \
        PARTITA_SCHEMATHESIS  path of the fuzzer, when there is one\n  \
        PARTITA_FAKETIME      path of what sets a process's wall clock\n  \
        PARTITA_STRICT=1      with --strict: fail where you would skip\n  \
        PARTITA_SKIPS         a file; a test that skips itself appends one line to it\n\n\
        Exit code: 0 nothing failed, 1 something failed.")]
    Test(Test),
    /// Strikes the shop's sagas with every fault at every commit and call, in virtual time
    #[command(after_help = "Examples:\n  \
        cargo xtask explore\n  \
        cargo xtask explore --double         also every second crash: minutes\n  \
        cargo xtask explore --double --sample 100\n  \
        cargo xtask explore --scenario lost-reply --json\n  \
        cargo xtask explore --seeded-bugs    shows that it catches what it is there to catch\n\n\
        Exit code: 0 all held, 1 a violation, an unexplored point, a zero counter or a missed bug.")]
    Explore(Explore),
    /// Simulates many orders in one seeded run with faults of every kind, in virtual time
    #[command(after_help = "Examples:\n  \
        cargo xtask simulate --seeds 1000\n  \
        cargo xtask simulate --seeds 1 --seed 17   that run again, with its trace where it fails\n  \
        cargo xtask simulate --seeds 50 --orders 500 --json\n  \
        cargo xtask simulate --seeded-bugs   shows that it catches what it is there to catch\n\n\
        Exit code: 0 all held, 1 a violation, something that never happened, or a missed bug.")]
    Simulate(Simulate),
    /// Measures in release, each figure beside the machine's limit in the same run
    #[command(after_help = "Examples:\n  \
        cargo xtask bench all\n  \
        cargo xtask bench engine\n  \
        cargo xtask bench append --json      one object a line, nothing else on stdout\n  \
        cargo xtask bench policies --runs 5  least, median and most of five runs; about 3 minutes\n  \
        cargo xtask bench flame              draws docs/guide/flame-engine.svg and flame-shop.svg\n\n\
        Exit code: that of the bench; 1 when it cannot run.")]
    Bench(Bench),
    /// Kills a real shop process at random moments under load, then audits every order
    #[command(after_help = "Examples:\n  \
        cargo xtask drill\n  \
        cargo xtask drill --orders 2000 --kills 5\n  \
        cargo xtask drill --kills 100 --early 60 --recovering 40\n  \
        cargo xtask drill --kills 0 --stop 60 --terms 3\n  \
        cargo xtask drill --seed 7           the same kills as the run that printed seed 7\n\n\
        Exit code: that of the drill; 1 when an order was lost or ended wrongly.")]
    Drill(Drill),
    /// Treats a real shop process badly in every way that clients can, while others use it
    #[command(after_help = "Examples:\n  \
        cargo xtask hostile\n  \
        cargo xtask hostile --seconds 2 --connections 200 --duplicates 1000\n\n\
        Exit code: that of the run; 1 when one of the others lost something, or an answer was wrong.")]
    Hostile(Hostile),
}

/// Options of `tidy`.
#[derive(Debug, Args)]
pub(crate) struct Tidy {
    /// Also print warnings
    #[arg(long)]
    pub(crate) verbose: bool,
}

/// Options of `test`.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Whatever cannot be reached here fails instead of being skipped
    #[arg(long)]
    pub(crate) strict: bool,
    /// Run this stage only; may be given more than once
    #[arg(long, value_name = "STAGE")]
    pub(crate) only: Vec<Stage>,
    /// Print the stages and stop
    #[arg(long)]
    pub(crate) list: bool,
}

/// Options of `explore`, handed on to the explorer.
#[derive(Debug, Args)]
pub(crate) struct Explore {
    /// Explore this scenario only
    #[arg(long, value_name = "NAME")]
    pub(crate) scenario: Option<String>,
    /// One JSON object a scenario, one a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Switch on one seeded bug after the other; each must be caught
    #[arg(long)]
    pub(crate) seeded_bugs: bool,
    /// Also crash a second time, at every point of every recovery
    #[arg(long)]
    pub(crate) double: bool,
    /// Second crashes at so many points of each scenario only
    #[arg(long, value_name = "POINTS", requires = "double")]
    pub(crate) sample: Option<usize>,
}

/// Options of `simulate`, handed on to the simulator.
#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// How many seeds, one run each
    #[arg(long, default_value_t = 200)]
    pub(crate) seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Orders of each run
    #[arg(long, default_value_t = 60)]
    pub(crate) orders: u32,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Switch on one seeded bug after the other; each must make a seed fail
    #[arg(long)]
    pub(crate) seeded_bugs: bool,
}

/// Options of `bench`, handed on to the bench.
#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// What to measure
    #[arg(value_enum, default_value = "all")]
    pub(crate) name: BenchName,
    /// One JSON object a row, one a line
    #[arg(long)]
    pub(crate) json: bool,
    /// How often to measure; `policies` only, half a minute each
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) runs: u32,
    /// Only the rows with this in their name; `policies` only
    #[arg(long)]
    pub(crate) only: Option<String>,
}

/// The benches there are.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum BenchName {
    /// Sagas of four steps that do nothing: alone, and 256 in flight
    Engine,
    /// Appends to streams: one caller, and 256
    Append,
    /// Whole orders through a real shop process
    Shop,
    /// All of these
    All,
    /// Where the CPU time of engine and shop goes: flame graphs in docs/guide, made with perf
    Flame,
    /// The cost of an append from 10,000 events to 10,000,000, beside rusqlite, with its plot in docs/guide; a quarter of an hour
    Growth,
    /// What each resilience policy costs a call, beside other crates of its kind, which are fetched and built for it
    Policies,
    /// The pitfalls of resilience policies, run against the same crates
    Pitfalls,
}

/// Options of `drill`, handed on to the drill.
#[derive(Debug, Args)]
pub(crate) struct Drill {
    /// Orders to place
    #[arg(long, default_value_t = 20_000)]
    pub(crate) orders: u32,
    /// Orders in flight at once
    #[arg(long, default_value_t = 256)]
    pub(crate) concurrency: u32,
    /// How often to kill the shop while it has orders in progress
    #[arg(long, default_value_t = 20)]
    pub(crate) kills: u32,
    /// How many starts to kill within their first 100 ms
    #[arg(long, default_value_t = 0)]
    pub(crate) early: u32,
    /// How often to kill the shop while it takes up what the one before it left
    #[arg(long, default_value_t = 0)]
    pub(crate) recovering: u32,
    /// How often to stop the shop with SIGTERM; it must end within 5 s and say how many sagas go on
    #[arg(long, default_value_t = 0)]
    pub(crate) terms: u32,
    /// Seconds to let the shop stand still (SIGSTOP), once
    #[arg(long, default_value_t = 0)]
    pub(crate) stop: u32,
    /// Seed of the moments to kill at; drawn and printed when not given
    #[arg(long)]
    pub(crate) seed: Option<u64>,
}

/// Options of `hostile`, handed on.
#[derive(Debug, Args)]
pub(crate) struct Hostile {
    /// How long each attack lasts
    #[arg(long, default_value_t = 10)]
    pub(crate) seconds: u64,
    /// Connections of the attacks that hold them
    #[arg(long, default_value_t = 1_000)]
    pub(crate) connections: u32,
    /// Requests at once with one idempotency key
    #[arg(long, default_value_t = 10_000)]
    pub(crate) duplicates: u32,
    /// Well-behaved clients
    #[arg(long, default_value_t = 8)]
    pub(crate) others: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_command_shows_examples() {
        Cli::command().debug_assert();
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string);
            assert!(help.unwrap().starts_with("Examples:\n  cargo xtask"), "{}", command.get_name());
        }
    }
}
